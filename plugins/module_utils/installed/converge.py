# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All that a node has of its command: the file, completions, what it reads, units of metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..engine.change import Changes
from . import command, metrics, objects, plan, sources

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Made(NamedTuple):
    """The command, see ``command/archive.py``: its digest, what tells that of a file, the file."""

    digest: str
    digest_of: Callable[[bytes], str | None]
    build: Callable[[], bytes]
    completions: Mapping[str, str]


def converge(
    node: Mapping[str, Any], sent: Mapping[str, str], made: Made, *, check_mode: bool
) -> dict[str, Any]:
    """Have all of it; return what the module returns.

    :param node: the node's slice of the plan.
    :param sent: see ``sources.plan``.
    """
    changes = Changes()
    command.plan(made.digest, made.digest_of, made.build, changes)
    command.plan_completions(made.completions, changes)
    metrics.plan(node.get("metrics") or {}, changes)
    sources.plan(sent, changes)
    plan.plan(node, changes)
    changes.apply(check_mode=check_mode)
    return {**changes.result(), "warnings": changes.warnings}


def plan_removal(changes: Changes) -> None:
    """Have nothing of it; first nothing starts the command any more."""
    metrics.plan_removal(changes)
    command.plan_removal(changes)
    for file in (plan, sources, objects):
        file.plan_removal(changes)
