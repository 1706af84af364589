# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The word ``endpoints``: what the module ``endpoints_info`` says, of the cell that is planned."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from ..node import planned, pods
from ..text import tables

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

_HEADS = ("Name", "IPv4", "MAC", "Device", "Program", "Isolated", "State")
_WORDS = ("name", "ip", "mac", "device", "program")


def ask(options: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    """Return the answer, and whether all endpoints are ready."""
    found = [
        one
        for one in pods.held(planned.slice_here())
        if options.NAME is None or fnmatchcase(str(one["name"]), options.NAME)
    ]
    there = bool(found) or options.NAME is None
    return {"endpoints": found}, there and all(one["ready"] for one in found)


def render(found: Mapping[str, Any]) -> str:
    """Return it as people read it."""
    rows = [
        (
            *(one[word] for word in _WORDS),
            "yes" if one["isolated"] else "no",
            "ready" if one["ready"] else "not ready",
        )
        for one in found["endpoints"]
    ]
    return "\n".join(tables.table(_HEADS, rows, indent=0))
