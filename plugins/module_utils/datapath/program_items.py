# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs that see packets, as items of ``bpf_program``; maps by which one ends in another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..names import PROGRAM_PINS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .structs import Layout

    Items = list[dict[str, Any]]


def program(name: str, tables: Iterable[Layout], defines: Mapping[str, str]) -> dict[str, Any]:
    """Return the program of a source of the same name.

    :param tables: the maps that it refers to.
    :param defines: what it is compiled with.
    """
    return {
        "name": name,
        "src": f"{name}.c",
        "function": name,
        "type": "sched_cls",
        "defines": dict(defines),
        "maps": {table.name: table.pin for table in tables},
    }


def pinned(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return a program as a node has it, pinned by its name."""
    return {**item, "pin": f"{PROGRAM_PINS}/{item['name']}"}


def stage(table: Layout, programs: Iterable[Mapping[str, Any]]) -> Items:
    """Return the map by which others hand packets over to a program; none where that is not."""
    entries = [{"key": {"zero": 0}, "value": {"program": one["pin"]}} for one in programs]
    return [table.task(entries=entries)] if entries else []
