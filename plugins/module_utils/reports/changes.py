# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run has changed: where, what is left to mind, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..text.tables import first, line, table
from .problems import folded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Up to so many lines are shown as they are; of more, how many each step has changed.
_LINES = 12
_PLAYBOOK = "ansible-playbook -i INVENTORY podnet.fabric."


def summary(
    made: Mapping[str, Sequence[Mapping[str, Any]]],
    problems: Sequence[tuple[str, str]],
    warnings: Sequence[str],
    *,
    check_mode: bool,
) -> dict[str, Any]:
    """Return what a run has changed, for machines.

    :param made: of each node of the run its steps, with ``name``, ``changes`` and ``count``.
    :param problems: a node and a sentence about it.
    """
    steps: dict[str, dict[str, Any]] = {}
    for node, done in made.items():
        for step in done:
            one = steps.setdefault(step["name"], {"name": step["name"], "changes": 0, "nodes": []})
            one["changes"] += step["count"]
            if node not in one["nodes"]:
                one["nodes"].append(node)
    return {
        "changed": bool(steps),
        "check_mode": check_mode,
        "nodes": {node: sum(step["count"] for step in done) for node, done in made.items()},
        "steps": list(steps.values()),
        "problems": folded(problems, len(made)),
        "warnings": list(warnings),
    }


def render(
    found: Mapping[str, Any],
    made: Mapping[str, Sequence[Mapping[str, Any]]],
    routes: Sequence[Mapping[str, str]] = (),
) -> str:
    """Return the report of a run, many lines.

    :param found: what :func:`summary` returned.
    :param routes: what a router between the nodes has to know, each ``dst`` and ``via``.
    """
    changed = sum(count > 0 for count in found["nodes"].values())
    word = "would change" if found["check_mode"] else "changed"
    nothing = f"nothing {word}: the network is as planned"
    lines = [
        line("Changes", f"{changed}/{len(made)} nodes {word}" if found["changed"] else nothing),
        *_what(found, made),
    ]
    for problem in found["problems"]:
        lines.append(line("Problem", problem))
    for warning in found["warnings"]:
        lines.append(line("Warning", warning))
    return "\n".join([*lines, *(line("Next", one) for one in _next(found, routes))])


def _what(found: Mapping[str, Any], made: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    count = len(made)
    said = [(node, one) for node, done in made.items() for step in done for one in step["changes"]]
    lines = folded(said, count)
    if len(lines) <= _LINES:
        return [f"  {one}" for one in lines]
    rows = [
        (
            step["name"],
            step["changes"],
            f"all {count}" if len(step["nodes"]) == count > 1 else first(step["nodes"]),
        )
        for step in found["steps"]
    ]
    return table(("Step", "Changes", "Nodes"), rows)


def _next(found: Mapping[str, Any], routes: Sequence[Mapping[str, str]]) -> list[str]:
    if found["problems"]:
        return ["mend what stands above and run it again: a run completes what is there"]
    if not found["changed"]:
        return []
    if found["check_mode"]:
        return ["run it without --check"]
    shown = first([f"{route['dst']} via {route['via']}" for route in routes])
    return [
        *([f"give the VPC's router a route to the pods of each node: {shown}"] if routes else []),
        f"{_PLAYBOOK}status shows the cluster, {_PLAYBOOK}health probes it",
    ]
