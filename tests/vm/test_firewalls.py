# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hosts whose firewall lets nothing be forwarded: the network works, or a run says why not.

What a run refuses it refuses before it has touched a host. The machines are bare before each test.
"""

from __future__ import annotations

import contextlib

import pytest

from tests.cells.cells import CELLS

from .hosts import everybody_is_reached
from .trace import left, traces

#: By firewall, what sets it up on a host and what takes it away. Each lets SSH in.
FIREWALLS = {
    "iptables": ("iptables -P FORWARD DROP", "iptables -P FORWARD ACCEPT"),
    "nftables": (
        "nft add table inet host; nft add chain inet host forward "
        "'{ type filter hook forward priority 0; policy drop; }'",
        "nft delete table inet host",
    ),
    "firewalld": ("systemctl start firewalld", "systemctl stop firewalld"),
}


#: Each cell with the plainest of them; with the others, one that lets the kernel forward, and not.
CASES = [
    *(("iptables", cell) for cell in CELLS),
    *((name, cell) for name in ("nftables", "firewalld") for cell in (CELLS[0], CELLS[2])),
]


@contextlib.contextmanager
def standing(machines, firewall):
    """Let a firewall stand on all machines."""
    up, down = FIREWALLS[firewall]
    for node in machines.nodes:
        machines.exec(node, "sh", "-ec", up)
    try:
        yield
    finally:
        for node in machines.nodes:
            machines.exec(node, "sh", "-ec", down)


@pytest.mark.parametrize(("firewall", "cell"), CASES, ids=str)
def test_a_firewall_is_lived_with_or_named(machines, firewall, cell):
    with standing(machines, firewall):
        lived_with_or_named(machines, cell)


def lived_with_or_named(machines, cell):
    before = traces(machines)
    machines.variables.update(cell.variables)
    run = machines.play("site")
    try:
        if run.status == 0:
            everybody_is_reached(machines)
        else:
            assert run.errors, run.output
            assert all("firewall" in error for error in run.errors), run.errors
            assert left(before, machines) == {}
    finally:
        machines.play("teardown").ok()
    assert left(before, machines) == {}
