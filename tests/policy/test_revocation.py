# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a rule lets through ends when the rule does, however its answers kept it going."""

from __future__ import annotations

import time

import pytest

from .model import BEGINNING, after, labelled, peer, policy, rule, spec
from .scope import CELLS
from .storm import Change, Flow, Right, flowing

_A, _Y = labelled(pod="a"), labelled(ns="y")
FLOWS = {
    "ingress": [Flow("y/a", "x/a", 80), Flow("y/c", "x/a", 81)],
    "egress": [Flow("x/a", "y/a", 80), Flow("x/a", "y/c", 81)],
}


@pytest.mark.parametrize("cell", CELLS, ids=str)
@pytest.mark.parametrize("way", FLOWS)
def test_a_flow_ends_with_its_rule(way, standing):
    allowed = policy("x/p", spec(way, rule(way, [peer(None, _Y)]), pods=_A))
    denied = policy("x/p", spec(way, pods=_A))
    worlds = [standing.take(after(BEGINNING, allowed))]
    with flowing(standing.cluster, FLOWS[way]) as flows:
        time.sleep(0.2)  # a few hundred packets of each
        begin = time.monotonic_ns()
        worlds.append(standing.take(after(BEGINNING, denied)))
        change = Change(begin, time.monotonic_ns())
        time.sleep(0.2)
    for flow, times in flows.items():
        judged = Right(flow, worlds, [change]).judge(times)
        assert (judged.lost, judged.unanswered) == ([], []), flow
        assert judged.leaked == [], flow
        assert min(judged.passed, judged.answered, judged.denied) > 50, flow
