# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What several nodes have seen, in one order of time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..text.tables import counted
from .lines import said, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def render(results: Mapping[str, Mapping[str, Any]], silent: Iterable[str] = ()) -> list[str]:
    """Return the lines of all nodes, each with its node, and what is to be known of them.

    :param results: node -> what the module ``observe`` returned there.
    :param silent: nodes that did not answer, or failed before they looked.
    """
    flows = [
        {**flow, "node": node} for node, seen in results.items() for flow in seen.get("flows", ())
    ]
    flows.sort(key=lambda flow: str(flow["time"]))
    lines = [text(flow) for flow in flows]
    if not lines and any("flows" in seen for seen in results.values()):
        lines.append("Nothing that was asked for passed.")
    for node, seen in results.items():
        if "flows" not in seen:
            lines.append(f"{node}: {seen.get('msg') or 'nothing is known of it'}")
            continue
        lines += [f"{node}: {sentence}" for sentence in said(seen["lost"])]
        if not seen["complete"]:
            seen_lines = counted(len(seen["flows"]), "line")
            lines.append(f"{node}: it ended with {seen_lines}, before the time was over.")
    return [*lines, *(f"{node}: it did not answer, or could not look" for node in silent)]
