# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The switch between cells with policies in force: what is denied stays denied while it lasts."""

from __future__ import annotations

import pytest

from .model import BEGINNING, after, labelled, listed, peer, rule, spec
from .scope import ARRIVALS, CELLS
from .storm import Flow, flowing

POLICIES = {
    ("policy", "x/p"): spec(
        "ingress", rule("ingress", [peer(labelled(pod="b"), labelled(ns="z"))])
    ),
    ("policy", "z/p"): spec("egress", pods=labelled(pod="a")),
}
DENIED = [
    Flow("y/a", "x/a", 80),  # between nodes
    Flow("z/c", "x/b", 80),  # on a node
    Flow("z/a", "y/a", 81),
    Flow("z/a", "y/b", 80),
]
ALLOWED = [Flow("z/b", "x/a", 81), Flow("z/b", "x/c", 80)]


@pytest.mark.parametrize("cell", ARRIVALS, ids=str)
def test_no_packet_that_is_denied_passes_while_the_cell_changes(network, cell):
    network.be(CELLS[CELLS.index(cell) - 1])
    network.take(after(BEGINNING, POLICIES))
    network.cluster.variables["podnet_network_policies"] = listed(POLICIES)
    with flowing(network.cluster, [*DENIED, *ALLOWED]) as flows:
        network.be(cell)
    for flow in DENIED:
        assert len(flows[flow].sent) > 1000
        assert not any(flows[flow].came), flow
    for flow in ALLOWED:
        assert flows[flow].came[-1] > flows[flow].sent[-100]
    network.sees(POLICIES)
