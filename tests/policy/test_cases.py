# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The cases as they are counted, and what the planner makes of each, with no packet yet."""

from __future__ import annotations

from collections import Counter
from itertools import product

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.plan.policy import blocks, model
from ansible_collections.podnet.fabric.plugins.module_utils.plan.policy.verdict import Judge

from tests.unit.policy_planned import held

from .cases import CASES, CYCLONUS
from .model import ADDRESSES, BEGINNING, NODES, PORTS, PROTOCOLS, after, world

COUNTS = {
    "peers": 112,
    "ports": 70,
    "conflict": 16,
    "upstream": 13,
    "target": 6,
    "action": 6,
    "rules": 4,
    "namespace": 2,
    "example": 1,
}


def test_there_are_as_many_cases_of_each_kind_as_cyclonus_has():
    assert Counter(case.kind for case in CYCLONUS) == COUNTS
    assert sum(COUNTS.values()) == 230
    assert Counter(case.kind for case in CASES) == {**COUNTS, "kubernetes": 48, "write-up": 1}


def test_no_two_cases_are_one():
    assert len({str(case) for case in CASES}) == len(CASES)


def test_each_pod_has_its_place_once():
    assert sorted(pod for pods in NODES.values() for pod in pods) == sorted(ADDRESSES)
    assert len({*ADDRESSES.values()}) == len(ADDRESSES)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_planners_tables_say_what_the_evaluator_says(case):
    state = BEGINNING
    for step in case.steps:
        assert any(key not in state or state[key] != value for key, value in step.items())
        state = after(state, step)
        given = world(state)
        judge = Judge(held(given))
        for source, destination, protocol, port in product(
            given.pods, given.pods, PROTOCOLS, PORTS
        ):
            ends = [(each, blocks.address(each)) for each in (source, destination)]
            assert judge.allows(*ends, model.PROTOCOLS[protocol], port) == given.allows(
                source, destination, protocol, port
            ), (source, destination, protocol, port)
