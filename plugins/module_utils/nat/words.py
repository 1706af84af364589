# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What stands in the map of flows as a number, as people say it."""

from __future__ import annotations

from ..datapath import nat_layout as layout
from ..engine import protocols

PROTOCOLS = protocols.numbers("TCP", "UDP", "ICMP")
TCP = PROTOCOLS["TCP"]
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
