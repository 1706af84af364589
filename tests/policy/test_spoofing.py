# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What only looks like an answer gets nowhere: neither into an isolated pod, nor out of one."""

from __future__ import annotations

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.packet import Raw

from tests.cluster.capture import capture
from tests.cluster.cluster import SERVER

from .asked import ANSWERED, becomes
from .made_up import MARK, all_dropped, answers, drops, send
from .model import (
    ADDRESSES,
    ALL,
    BEGINNING,
    after,
    both_ways,
    labelled,
    peer,
    policy,
    port,
    rule,
    spec,
)
from .probing import place
from .scope import CELLS

ISOLATED = "x/a"
NEAR, FAR = "y/c", "y/a"  # of its node, and of another

everywhere = pytest.mark.parametrize("cell", CELLS, ids=str)


def assert_nothing_passes(standing, where, to, packets):
    """Send packets from a place; each is dropped and counted, and none comes to the other."""
    before = drops(standing.cluster)
    with capture(standing.cluster.lab, to, "eth0") as seen:
        send(standing.cluster, where, packets)
        more = all_dropped(standing.cluster, before, len(packets))
    assert [each.summary() for each in seen if MARK in bytes(each)] == []
    assert more.total() == len(packets)


@everywhere
@pytest.mark.parametrize("attacker", [NEAR, FAR])
def test_nothing_made_up_comes_in(standing, attacker):
    standing.take(after(BEGINNING, policy("x/p", spec("ingress"))))
    packets = answers(ADDRESSES[attacker], ADDRESSES[ISOLATED])
    assert_nothing_passes(standing, place(attacker), place(ISOLATED), packets)


@everywhere
@pytest.mark.parametrize("victim", [NEAR, FAR])
def test_nothing_made_up_gets_out(standing, victim):
    standing.take(after(BEGINNING, policy("x/p", spec("egress"))))
    packets = answers(ADDRESSES[ISOLATED], ADDRESSES[victim])
    assert_nothing_passes(standing, place(ISOLATED), place(victim), packets)


@pytest.mark.parametrize("cell", [cell for cell in CELLS if not cell.overlay], ids=str)
def test_nothing_made_up_comes_from_outside(standing):
    standing.take(after(BEGINNING, policy("x/p", spec("ingress"))))
    packets = answers(SERVER, ADDRESSES[ISOLATED])
    assert_nothing_passes(standing, "vpc-server", place(ISOLATED), packets)


@everywhere
def test_nothing_made_up_gets_to_the_outside(standing):
    standing.take(after(BEGINNING, policy("x/p", spec("egress"))))
    packets = answers(ADDRESSES[ISOLATED], SERVER)
    assert_nothing_passes(standing, place(ISOLATED), "vpc-server", packets)


@everywhere
def test_only_who_was_asked_answers_and_where_it_was_asked(standing):
    names = [port(53, "UDP"), port(80)]
    asks = spec("egress", rule("egress", [peer(ALL, ALL)], names), pods=labelled(pod="a"))
    standing.take(
        after(BEGINNING, policy("x/p", both_ways(spec("ingress", pods=labelled(pod="a")), asks)))
    )
    own, asked, other = (ADDRESSES[name] for name in (ISOLATED, FAR, "x/b"))
    packet = IP(src=own, dst=asked)
    question = [packet / UDP(sport=4711, dport=53), packet / TCP(sport=4711, dport=80, flags="S")]
    send(standing.cluster, place(ISOLATED), question)
    answer = IP(src=asked, dst=own)
    wrong = [
        answer / UDP(sport=54, dport=4711) / MARK,
        answer / UDP(sport=53, dport=4712) / MARK,
        answer / TCP(sport=53, dport=4711, flags="A") / MARK,
        answer / TCP(sport=81, dport=4711, flags="SA") / MARK,
        answer / TCP(sport=80, dport=4712, flags="SA") / MARK,
        answer / ICMP(type=3, code=3) / Raw(bytes(packet / UDP(sport=4712, dport=53)) + MARK),
    ]
    assert_nothing_passes(standing, place(FAR), place(ISOLATED), wrong)
    strange = [
        IP(src=other, dst=own) / UDP(sport=53, dport=4711) / MARK,
        IP(src=other, dst=own) / TCP(sport=80, dport=4711, flags="SA") / MARK,
    ]
    assert_nothing_passes(standing, place("x/b"), place(ISOLATED), strange)
    with capture(standing.cluster.lab, place(ISOLATED), "eth0") as seen:
        send(standing.cluster, place(FAR), [answer / UDP(sport=53, dport=4711) / MARK])
        # What comes behind it on the same way is there: so is it.
        assert becomes(standing, "x/a", "tcp", asked, 80) == ANSWERED
    came = [each for each in seen if MARK in bytes(each) and each[IP].src == asked]
    assert len(came) == 1
