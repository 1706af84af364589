# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the recorder of drops has, as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine import addresses, protocols

if TYPE_CHECKING:
    from collections.abc import Mapping

    Found = Mapping[str, Any]


def render(found: Found) -> str:
    """Return a line for each record, and one of what there is in none."""
    more = found["matched"] - len(found["drops"])
    lines = [line(one) for one in found["drops"]]
    return "\n".join(
        [*lines, *([f"… and {more} more"] if more else []), f"In all: {summary(found['recorder'])}"]
    )


def line(one: Found) -> str:
    """Write a record in one line.

    Such as ``2026-11-27T03:00:01Z from_container egress_denied TCP 10.0.0.1:4000 (web-1) ->
    10.0.0.2:80 (db-1) device=pn_1 packets=3 first=2026-11-27T02:59:58Z policies=default/web``.
    """
    what = protocols.frame(one["ethertype"])
    if one["source"]:
        ends = " -> ".join(_end(one, end) for end in ("source", "destination"))
        what = f"{one['protocol']} {ends}"
    quoted = " (would answer what this ICMP error quotes)" if one["quoted"] else ""
    sender = "" if one["source"] or not one["source_name"] else f" ({one['source_name']})"
    policies = f" policies={','.join(one['policies'])}" if one["policies"] else ""
    return (
        f"{one['last']} {one['hook']} {one['reason']} {what}{quoted}{sender} "
        f"device={one['device']} packets={one['packets']} first={one['first']}{policies} "
        f"head={one['head']}"
    )


def summary(recorder: Found) -> str:
    """Say in a line how much is recorded, and how much is not."""
    if recorder["used"] is None:
        return "no recorder of drops"
    said = f"{recorder['packets']} packets in {recorder['used']}/{recorder['size']} records"
    lost = (("unrecorded", "not recorded"), ("overwritten", "records overwritten"))
    return ", ".join([said, *(f"{recorder[key]} {word}" for key, word in lost if recorder[key])])


def _end(one: Found, end: str) -> str:
    address, name, port = one[end], one[f"{end}_name"], one[f"{end}_port"]
    place = addresses.at(address, port)
    return f"{place} ({name})" if name else place
