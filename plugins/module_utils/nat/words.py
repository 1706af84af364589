# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What stands in the map of flows as a number, as people say it."""

from __future__ import annotations

import socket

from ..datapath import nat_layout as layout

PROTOCOLS = {
    "TCP": socket.IPPROTO_TCP,
    "UDP": socket.IPPROTO_UDP,
    "ICMP": socket.IPPROTO_ICMP,
}
TCP = PROTOCOLS["TCP"]
_PROTOCOL_NAMES = {number: word for word, number in PROTOCOLS.items()}
OUT, IN = DIRECTIONS = ("OUT", "IN")
SOURCE, DESTINATION = "XLATE_SRC", "XLATE_DST"
MASQUERADE, SERVICE, HOST, INBOUND = KINDS = ("masquerade", "service", "host", "inbound")
#: Whose an account of flows is: those that a pod began, or the node; or those that strangers
#: caused for a pod: clients of services from outside, and what came in by the pod's own address.
#: Two are of notes of policies, for connections that a pod began, and for those of others to it.
ACCOUNTS = {
    0: "pod",
    layout.NAT_HOST: HOST,
    layout.NAT_OUTSIDE: "outside",
    layout.NAT_INBOUND: INBOUND,
    layout.NAT_POLICY: "policy",
    layout.NAT_POLICY | layout.NAT_OUTSIDE: "policy_outside",
}
OPEN, CLOSING, OVER = "open", "closing", "over"


def protocol(number: int) -> str:
    """Name a protocol."""
    return _PROTOCOL_NAMES.get(number, str(number))


def direction(flags: int) -> str:
    """Say whether an entry is for what begins a flow or for what answers."""
    return IN if flags & layout.NAT_REVERSE else OUT


def kind(flags: int) -> str:
    """Say what a flow is translated for."""
    if flags & layout.NAT_INBOUND:
        return INBOUND
    if flags & layout.NAT_HOST:
        return HOST
    return MASQUERADE if flags & layout.NAT_MASQUERADE else SERVICE
