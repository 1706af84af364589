# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ports that flows of services get with the node's address, and those that processes are given."""

from __future__ import annotations

from pathlib import Path

from ..datapath import nat_layout
from ..engine.bpf import maps

#: The kernel gives processes that name none a port of these: the first and the last.
RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")

#: The first port beyond those that a flow gets at first (``NAT_PORTS`` of ``bpf/lib/ports.h``).
BEYOND = 30000


def warnings() -> list[str]:
    """Say where processes of the node are given ports that flows from outside have.

    Where pods are masqueraded, a program gives such a process another port.
    """
    first, last = RANGE.read_text().split()
    if int(first) >= BEYOND or _masquerades():
        return []
    flows = f"{nat_layout.NAT_FIRST_PORT} to {BEYOND - 1}"
    return [
        f"net.ipv4.ip_local_port_range is {first} to {last}; services give flows from outside the "
        f"node's ports {flows}, and a process that is given one of them may break such a flow; "
        f"valid is a range that begins at {BEYOND} or above."
    ]


def _masquerades() -> bool:
    table = maps.open_pin(nat_layout.MASQUERADE.pin)
    if table is None:
        return False
    with table:
        return bool(table.items())
