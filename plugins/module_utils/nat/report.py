# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The flows that a node translates, as people read them: the listing of ``cilium bpf nat list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import words

if TYPE_CHECKING:
    from collections.abc import Mapping

    Found = Mapping[str, Any]

#: What is said in the place of nothing.
OFF = "No flow to show, and no pod is masqueraded: podnet_masquerade is off."


def render(found: Found) -> str:
    """Return a line for each entry that :func:`info.gather` found."""
    more = found["matched"] - len(found["entries"])
    lines = [line(one) for one in found["entries"]]
    if not lines and not found["masquerades"]:
        return OFF
    return "\n".join([*lines, *([f"… and {more} more"] if more else [])])


def line(one: Found) -> str:
    """Write an entry as ``UDP OUT 10.0.0.1:53 -> 8.8.8.8:53 XLATE_SRC … Created=2sec ago``."""
    source = _place(one["source"], one["source_port"])
    destination = _place(one["destination"], one["destination_port"])
    changes = " ".join(
        f"{to['kind']} {_place(to['address'], to['port'])}" for to in one["translations"]
    )
    state = "" if one["state"] == words.OPEN else f" [{one['state']}]"
    return (
        f"{one['protocol']} {one['direction']} {source} -> {destination} {changes} "
        f"Created={one['age_seconds']}sec ago{state}"
    )


def _place(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
