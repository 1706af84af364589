# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How full the map of flows is, and how many of the ports of an address are taken."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from ..datapath import nat_layout as layout
from ..datapath import pinned
from ..datapath.clock import elapsed
from ..datapath.service_layout import NODE_PORTS
from ..engine import addresses, protocols
from . import words
from .flows import is_over

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .flows import Flows, Key, Value

#: Ports that an address of the node's has for one destination, for whoever comes first: five of
#: eight (bpf/lib/share.h) of all from the first one on that is given, less node ports.
PORTS = ((1 << 16) - layout.NAT_FIRST_PORT - (NODE_PORTS[1] - NODE_PORTS[0] + 1)) * 5 // 8
#: Flows that a node has at most, less those that are kept for itself.
FLOWS = layout.NAT_MOST_FLOWS - layout.NAT_NODE_FLOWS
#: Share of a map or of ports, from which on people are warned.
ALARM = 0.8
_SHOWN = 10


def usage(found: Flows) -> dict[str, Any]:
    """Return ``table``, ``ports`` and ``warnings`` (see RETURN of the module ``nat_info``).

    ``live`` counts the flows that are not over.
    """
    over, live, noted, taken = 0, 0, 0, Counter[tuple[int, bytes, bytes, bytes]]()
    for key, value in found:
        noted += bool(value.flags & layout.NAT_POLICY)
        if is_over(key.protocol, value.flags, elapsed(found.now, value.used)):
            over += 1  # it makes room for whoever wants its place
            continue
        live += not value.flags & layout.NAT_REVERSE
        if _takes_a_port(key, value):
            taken[key.protocol, key.destination, key.source, key.source_port] += 1
    used = len(found) if found.pinned else None
    table = {"used": used, "size": found.size, "over": over, "notes": noted}
    ports = [
        {
            "protocol": protocols.name(protocol),
            "address": addresses.text(address),
            "destination": addresses.text(destination),
            "destination_port": int.from_bytes(port, "big"),
            "used": used,
            "size": PORTS,
        }
        for (protocol, address, destination, port), used in taken.most_common(_SHOWN)
    ]
    warnings = [*_full_table(live), *(w for one in ports for w in _few_ports(one))]
    return {"table": table, "ports": ports, "warnings": warnings, "live": live}


def accounts() -> list[dict[str, Any]]:
    """Return who has how many flows, and how many were refused to whom: the most first."""
    found = [
        {
            "address": key["address"],
            "kind": words.ACCOUNTS.get(key["kind"], str(key["kind"])),
            "flows": max(0, elapsed(value["flows"], 0)),
            "refused": value["refused"],
        }
        for key, value in pinned.entries(layout.NAT_QUOTA)
    ]
    return sorted(found, key=lambda one: (-one["refused"], -one["flows"], one["address"]))


def _takes_a_port(key: Key, value: Value) -> bool:
    """Say whether an entry is of answers that come to an address of the node's, by a port of it."""
    if not value.flags & layout.NAT_REVERSE:
        return False
    return bool(key.destination != value.destination or value.flags & layout.NAT_MASQUERADE)


def _full_table(live: int) -> list[str]:
    if live <= ALARM * FLOWS:
        return []
    return [
        f"The table of translated flows is {live / FLOWS:.0%} full: {live:,} of the {FLOWS:,} "
        f"flows that pods may have together. Who has as many as there is room left for begins no "
        f"more (nat_quota); move pods with many connections to other nodes."
    ]


def _few_ports(one: Mapping[str, Any]) -> list[str]:
    if one["used"] <= ALARM * PORTS:
        return []
    to = f"{one['protocol']} to {one['destination']} port {one['destination_port']}"
    return [
        f"{one['used']:,} of the {PORTS:,} common ports that {one['address']} has for {to} are "
        f"taken ({one['used'] / PORTS:.0%}). When all are, a pod has a few of its own, and then "
        f"its new connections are dropped (nat_exhausted); spread the clients over more nodes, or "
        f"let them keep connections open and use them again."
    ]
