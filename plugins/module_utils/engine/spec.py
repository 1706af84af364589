# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a module takes and does, apart from the process that it runs in.

A module of its own runs one of these; M(podnet.fabric.converge) runs many of them in one process.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Params = Mapping[str, Any]


@dataclass(frozen=True)
class Call:
    """What a module's work may ask of the process that it runs in.

    :param check_mode: whether nothing is to be changed.
    :param require: called with the name of a library before it is needed.
    :param warn: called with what a person should know.
    """

    check_mode: bool
    require: Callable[[str], None]
    warn: Callable[[str], None]


@dataclass(frozen=True)
class Spec:
    """One module.

    :param arguments: its argument_spec.
    :param work: does everything, from valid arguments to what the module returns; raises Failure.
    :param needs: libraries that it imports (keys of ``runner.PACKAGES``).
    :param rules: what ``AnsibleModule`` takes beside an argument_spec, such as
        ``mutually_exclusive``.
    :param no_log: whether its arguments are nothing for the node's journal.
    """

    arguments: Mapping[str, Any]
    work: Callable[[Params, Call], Mapping[str, Any]]
    needs: tuple[str, ...] = ()
    rules: Mapping[str, Any] = field(default_factory=dict)
    no_log: bool = False


def of_list(
    name: str,
    item: Mapping[str, Any],
    converge: Callable[..., dict[str, Any]],
    further: Mapping[str, Any] | None = None,
) -> Spec:
    """Return the spec of a module of the kernel's network: a list of items, and their namespace.

    :param name: the option that holds the list.
    :param item: argument_spec of an item.
    :param converge: takes the items, the namespace of those that name none, ``check_mode``, and the
        further options by their names.
    :param further: argument_spec of these.
    """
    further = further or {}

    def work(given: Params, call: Call) -> dict[str, Any]:
        others = {word: given[word] for word in further}
        return converge(given[name], given["netns"], check_mode=call.check_mode, **others)

    listed = {"type": "list", "elements": "dict", "required": True, "options": item}
    return Spec(
        arguments={name: listed, "netns": {"type": "str"}, **further},
        work=work,
        needs=("pyroute2",),
    )
