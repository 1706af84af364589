# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How much there is of aggregated flows; no names are looked up for that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..datapath import flow_layout, pinned
from ..engine import fields

if TYPE_CHECKING:
    from ..engine.bpf.maps import Map

_TABLE = flow_layout.FLOWS
#: Where a value says when its first packet was seen: nothing where there was none.
_FIRST = fields.size(_TABLE.value[: [field.name for field in _TABLE.value].index("first")])
_TCP = {
    "syn": flow_layout.FLOW_TCP_SYN,
    "syn_ack": flow_layout.FLOW_TCP_SYN_ACK,
    "fin": flow_layout.FLOW_TCP_FIN,
    "rst": flow_layout.FLOW_TCP_RST,
}
_LOST = {
    "begun": flow_layout.FLOW_MADE,
    "given_up": flow_layout.FLOW_GIVEN_UP,
    "lost_packets": flow_layout.FLOW_LOST_PACKETS,
    "lost_bytes": flow_layout.FLOW_LOST_BYTES,
    "no_room": flow_layout.FLOW_NO_ROOM,
}


def usage() -> dict[str, Any]:
    """Return how many places of all CPUs are in use, and what is in none; no names are looked up.

    ``used`` is None where the node counts no flows.
    """
    with pinned.own(_TABLE) as flows, pinned.own(flow_layout.FLOW_COUNTS) as counts:
        there = places(flows)
        sums = counts.sums() if counts else {}
    known = [
        sums.get(flow_layout.FLOW_COUNTS.pack_key(index=index), (0,))[0]
        for index in range(flow_layout.FLOW_COUNTS.max_entries)
    ]
    return {
        "used": sum(map(is_used, there)) if flows else None,
        "size": len(there),
        **{word: known[index] for word, index in _LOST.items()},
        "tcp": {word: known[index] for word, index in _TCP.items()},
        "icmp": {
            str(kind): known[flow_layout.FLOW_ICMP + kind]
            for kind in range(256)
            if known[flow_layout.FLOW_ICMP + kind]
        },
    }


def places(flows: Map | None) -> list[bytes]:
    """Return the values of all places of all CPUs, the empty ones, too."""
    return [value for values in (flows.per_cpu().values() if flows else ()) for value in values]


def is_used(value: bytes) -> bool:
    """Say whether a place has a flow."""
    return any(value[_FIRST : _FIRST + 8])
