# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How full the map of flows is, and how many of the ports of an address are taken."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from ..datapath import nat_layout as layout
from ..datapath.clock import elapsed
from ..datapath.service_layout import NODE_PORTS
from ..engine import addresses
from . import words
from .flows import is_over

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .flows import Flows, Key, Value

#: Ports that an address of the node's has for one destination: all from the first one on that is
#: given, less node ports.
PORTS = (1 << 16) - layout.NAT_FIRST_PORT - (NODE_PORTS[1] - NODE_PORTS[0] + 1)
#: Share of a map or of ports, from which on people are warned.
ALARM = 0.8
_SHOWN = 10


def usage(found: Flows) -> dict[str, Any]:
    """Return ``table``, ``ports`` and ``warnings`` (see RETURN of the module ``nat_info``)."""
    over, taken = 0, Counter[tuple[int, bytes, bytes, bytes]]()
    for key, value in found:
        if is_over(key.protocol, value.flags, elapsed(found.now, value.used)):
            over += 1  # it makes room for whoever wants its place
        elif _takes_a_port(key, value):
            taken[key.protocol, key.destination, key.source, key.source_port] += 1
    table = {"used": len(found) if found.pinned else None, "size": found.size, "over": over}
    ports = [
        {
            "protocol": words.protocol(protocol),
            "address": addresses.text(address),
            "destination": addresses.text(destination),
            "destination_port": int.from_bytes(port, "big"),
            "used": used,
            "size": PORTS,
        }
        for (protocol, address, destination, port), used in taken.most_common(_SHOWN)
    ]
    warnings = [*_full_table(table), *(w for one in ports for w in _few_ports(one))]
    return {"table": table, "ports": ports, "warnings": warnings}


def _takes_a_port(key: Key, value: Value) -> bool:
    """Say whether an entry is of answers that come to an address of the node's, by a port of it."""
    if not value.flags & layout.NAT_REVERSE:
        return False
    return bool(key.destination != value.destination or value.flags & layout.NAT_MASQUERADE)


def _full_table(table: Mapping[str, Any]) -> list[str]:
    live = (table["used"] or 0) - table["over"]
    if live <= ALARM * table["size"]:
        return []
    return [
        f"The table of translated flows is {live / table['size']:.0%} full: {live:,} of "
        f"{table['size']:,} entries, two a flow. When it is full, flows that were used least "
        f"recently are forgotten; move pods with many connections to other nodes."
    ]


def _few_ports(one: Mapping[str, Any]) -> list[str]:
    if one["used"] <= ALARM * PORTS:
        return []
    to = f"{one['protocol']} to {one['destination']} port {one['destination_port']}"
    return [
        f"{one['used']:,} of the {PORTS:,} ports that {one['address']} has for {to} are taken "
        f"({one['used'] / PORTS:.0%}). When all are, new connections are dropped (nat_exhausted); "
        f"spread the clients over more nodes, or let them keep connections open and use them again."
    ]
