# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What only looks like an answer gets nowhere: neither into an isolated pod, nor out of one."""

from __future__ import annotations

import pytest

from tests.cells.cells import CELLS
from tests.cluster.capture import capture
from tests.cluster.cluster import SERVER

from .made_up import MARK, all_dropped, answers, drops, send
from .model import ADDRESSES, BEGINNING, after, policy, spec
from .probing import place

ISOLATED = "x/a"
NEAR, FAR = "y/c", "y/a"  # of its node, and of another
CHOSEN = [CELLS[0], CELLS[1], CELLS[3], CELLS[4]]

pytestmark = pytest.mark.parametrize("cell", CHOSEN, ids=str)


def assert_nothing_passes(standing, where, to, packets):
    """Send packets from a place; each is dropped and counted, and none comes to the other."""
    before = drops(standing.cluster)
    with capture(standing.cluster.lab, to, "eth0") as seen:
        send(standing.cluster, where, packets)
        more = all_dropped(standing.cluster, before, len(packets))
    assert [each.summary() for each in seen if MARK in bytes(each)] == []
    assert more.total() == len(packets)


@pytest.mark.parametrize("attacker", [NEAR, FAR])
def test_nothing_made_up_comes_in(standing, attacker):
    standing.nodes.take(after(BEGINNING, policy("x/p", spec("ingress"))))
    packets = answers(ADDRESSES[attacker], ADDRESSES[ISOLATED])
    assert_nothing_passes(standing, place(attacker), place(ISOLATED), packets)


@pytest.mark.parametrize("victim", [NEAR, FAR])
def test_nothing_made_up_gets_out(standing, victim):
    standing.nodes.take(after(BEGINNING, policy("x/p", spec("egress"))))
    packets = answers(ADDRESSES[ISOLATED], ADDRESSES[victim])
    assert_nothing_passes(standing, place(ISOLATED), place(victim), packets)


def test_nothing_made_up_comes_from_outside(standing):
    standing.nodes.take(after(BEGINNING, policy("x/p", spec("ingress"))))
    packets = answers(SERVER, ADDRESSES[ISOLATED])
    assert_nothing_passes(standing, "vpc-server", place(ISOLATED), packets)


def test_nothing_made_up_gets_to_the_outside(standing):
    standing.nodes.take(after(BEGINNING, policy("x/p", spec("egress"))))
    packets = answers(ADDRESSES[ISOLATED], SERVER)
    assert_nothing_passes(standing, place(ISOLATED), "vpc-server", packets)
