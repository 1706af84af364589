# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the modules take for aggregated flows, where a node counts them: maps and programs.

``flows`` of a node's part of the plan says of how many packets one is counted (``sample``); it is
None where none is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import flow_layout, layout, program_items
from .cells import FLOW_PROGRAM

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Items = list[dict[str, Any]]

#: What programs are made with where flows are counted.
WITH_FLOWS = "WITH_FLOWS"
_HIGHEST = 0xFFFFFFFF
#: What the program that counts fills; by the last one others hand packets over to it.
_FILLED = tuple(table for table in flow_layout.MAPS if table is not flow_layout.FLOW_STAGE)


def program(name: str, without: Iterable[str], flows: object) -> dict[str, Any]:
    """Return a program that sees packets.

    :param without: what it is made without.
    :param flows: whether flows are counted.
    """
    defines = {**dict.fromkeys(without, ""), **({WITH_FLOWS: ""} if flows else {})}
    more = [flow_layout.FLOW_STAGE] if flows else []
    return program_items.program(name, (*layout.PROGRAM_MAPS, *more), defines)


def maps(node: Mapping[str, Any]) -> Items:
    """Return the maps of the program that counts; :func:`stage` is not among them.

    Check mode would say it twice.
    """
    flows = node.get("flows")
    if not flows:
        return []
    sample = {"weight": flows["sample"], "most": _HIGHEST // flows["sample"]}
    filled = {flow_layout.FLOW_SAMPLE.name: {"entries": [{"key": {"zero": 0}, "value": sample}]}}
    return [table.task(**filled.get(table.name, {})) for table in _FILLED]


def kept(node: Mapping[str, Any]) -> list[str]:
    """Return the names of all maps that a node has for it, and others have not."""
    return [table.name for table in flow_layout.MAPS] if node.get("flows") else []


def programs(node: Mapping[str, Any]) -> Items:
    """Return the program that counts; all others hand packets over to it."""
    if not node.get("flows"):
        return []
    tables = (*layout.PROGRAM_MAPS, *_FILLED)
    return [program_items.pinned(program_items.program(FLOW_PROGRAM, tables, {}))]


def stage(node: Mapping[str, Any]) -> Items:
    """Return the map by which others hand packets over to it."""
    return program_items.stage(flow_layout.FLOW_STAGE, programs(node))
