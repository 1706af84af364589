# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Flows at a datagram each millisecond while policies change: none passes wrongly, none is lost."""

from __future__ import annotations

import time
from random import Random

import pytest

from .cases import CASES
from .model import BEGINNING, after, world
from .scope import CHANGES, EBPF
from .storm import Change, Flow, Judged, Right, Times, flowing

#: Between nodes and on one, to a pod that policies like to select and from it. Of those that are
#: answered nobody knows who began it when policies come that let it begin at either end: so those
#: alone of which each packet goes one way show that none leaks.
FLOWS = [
    Flow("y/a", "x/a", 80, answered=False),
    Flow("y/c", "x/a", 81, answered=False),
    Flow("x/a", "y/a", 81, answered=False),
    Flow("x/a", "z/b", 80, answered=False),
    Flow("z/c", "x/b", 80),
    Flow("x/b", "z/a", 81),
    Flow("x/a", "y/b", 80),
]

#: Every policy of the cases: its spec.
SPECS = [
    spec
    for case in CASES
    for step in case.steps
    for (kind, _name), spec in step.items()
    if kind == "policy" and spec
]


def some_policies(random):
    """Return a few policies, each in some namespace."""
    return {
        ("policy", f"{random.choice('xxyz')}/p{number}"): random.choice(SPECS)
        for number in range(random.choice((0, 1, 1, 2, 3)))
    }


# What decides, without packets

OPEN = world(BEGINNING)
SHUT = world(after(BEGINNING, {("policy", "x/p"): {"policyTypes": ["Ingress"]}}))
CHANGED = [OPEN, SHUT, OPEN], [Change(1000, 1100), Change(2000, 2100)]
RIGHT = Right(FLOWS[0], *CHANGED)


@pytest.mark.parametrize(
    ("sent", "came", "found"),
    [
        ([10, 20], [15, 25], Judged(passed=2)),
        ([10, 20], [0, 25], Judged(passed=2, lost=[0])),
        ([1200], [0], Judged(denied=1)),
        ([1200], [1300], Judged(denied=1, leaked=[0])),
        ([990, 1050], [0, 0], Judged()),  # it may have met the change
        ([1050, 1200], [1080, 0], Judged(denied=1)),
        ([1950, 2200], [2050, 2210], Judged(passed=1)),  # it may have met the second one
        ([2150, 2200], [0, 2210], Judged(passed=2, lost=[0])),
    ],
    ids=str,
)
def test_what_had_to_become_of_a_packet(sent, came, found):
    judged = RIGHT.judge(Times(sent, came))
    assert (judged.passed, judged.denied) == (found.passed, found.denied)
    assert (judged.lost, judged.leaked) == (found.lost, found.leaked)


def test_an_answer_is_owed_to_what_came():
    times = Times([10, 20, 30], [15, 25, 35], [0, 28, 0])
    for answered, found in ((True, (2, [0])), (False, (0, []))):
        judged = Right(Flow("y/a", "x/a", 80, answered=answered), *CHANGED).judge(times)
        assert (judged.answered, judged.unanswered) == found


# With packets


@pytest.mark.parametrize("cell", EBPF, ids=str)
def test_no_packet_is_wrong_while_policies_change(standing, cell, capsys):
    random = Random(str(cell))
    worlds = [standing.take(BEGINNING)]
    changes = []
    with flowing(standing.cluster, FLOWS) as flows:
        for _dummy in range(CHANGES):
            begin = time.monotonic_ns()
            worlds.append(standing.take(after(BEGINNING, some_policies(random))))
            changes.append(Change(begin, time.monotonic_ns()))
            time.sleep(0.03)  # so that each policy meets some thirty packets of each flow
    judged = {flow: Right(flow, worlds, changes).judge(times) for flow, times in flows.items()}
    sums = {
        word: sum(getattr(judged[flow], word) for flow in FLOWS if flow.answered in which)
        for word, which in {"passed": (0, 1), "answered": (1,), "denied": (0,)}.items()
    }
    with capsys.disabled():
        sent = sum(len(times.sent) for times in flows.values())
        print(f"\n{cell}: {CHANGES} changes, {sent} packets sent; had to be {sums}")
    assert {flow: each.lost for flow, each in judged.items() if each.lost} == {}
    one_way = {flow: each for flow, each in judged.items() if not flow.answered}
    assert {flow: each.leaked for flow, each in one_way.items() if each.leaked} == {}
    assert {flow: each.unanswered for flow, each in judged.items() if each.unanswered} == {}
    assert min(sums.values()) > 10 * CHANGES
