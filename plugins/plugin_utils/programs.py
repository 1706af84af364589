# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""eBPF programs of a task: their sources on the controller, and what a host needs of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleError

from ..module_utils.ebpf.bpf_sources import (
    COLLECTION_SOURCES,
    gather,
    is_compiled,
    without_texts,
)
from ..module_utils.engine.failure import Failure
from . import objects

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Result = dict[str, Any]


def sources(action: Any, programs: Any) -> dict[str, Any]:
    """Read what the programs of a task are made of, see ``bpf_sources.gather``.

    :param action: the action plugin, which knows where its role and its playbook lie.
    :param programs: its option ``programs``; what is wrong with it the module says.
    """
    items = programs if isinstance(programs, list) else []
    named = [item for item in items if isinstance(item, dict) and "name" in item]

    def find(name: str) -> str:
        try:
            return str(action._find_needle("files", name))
        except AnsibleError as error:
            own = COLLECTION_SOURCES / name
            if own.is_file():
                return str(own)
            word = "object" if any(item.get("object") == name for item in named) else "src"
            raise Failure(f"{word} {name!r} is not found: {error}.") from error

    return gather(named, find, Path(action._loader.get_basedir()))


def bring(
    run: Callable[[dict[str, Any]], Result],
    gathered: dict[str, Any],
    *,
    compiles: bool,
    known: Mapping[str, Any] | None = None,
) -> Result:
    """Run a module that loads programs, with as little as it needs of them; return its result.

    Most hosts run them already. One that does not says so (``lacks``) before it changes anything,
    and gets what was compiled in this run, or else the sources.

    :param run: runs the module with a value of its option ``_sources``.
    :param gathered: what ``bpf_sources.gather`` read.
    :param compiles: whether the host is to compile what nobody has compiled.
    :param known: what the host has said before in this run that it lacks.
    """
    digests = without_texts(gathered)
    done = {"lacks": known} if known else run(digests)
    lacks = done.get("lacks")
    if not lacks:
        return done
    lacking = [name for name in lacks["programs"] if name in gathered["programs"]]
    keys = {str(lacks["programs"][n]) for n in lacking if not is_compiled(gathered, n)}
    made = objects.found(keys)
    if set(made) == keys:
        done = run({**without_texts(gathered, lacking), "objects": made})
        refused = done.pop("refused_object", False)
        # From the source once more: the message then has file and line.
        return run(gathered) if refused and lacks["compiler"] else done
    return run({**gathered, "objects": made}) if compiles else done
