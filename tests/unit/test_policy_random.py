"""Random policies and clusters: 100,000 verdicts of tables against those of the evaluator."""

from __future__ import annotations

from collections import Counter
from random import Random

import policy_planned as planned
import policy_worlds as worlds
import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.plan.policy import blocks, classes
from ansible_collections.podnet.fabric.plugins.module_utils.plan.policy.verdict import Judge

WORLDS, PACKETS, PARTS = 1000, 100, 4


@pytest.mark.parametrize("part", range(PARTS))
def test_tables_say_what_the_evaluator_says(part):
    said: Counter[str] = Counter()
    for seed in range(part, WORLDS, PARTS):
        random = Random(seed)
        world = worlds.world(random)
        judge = Judge(planned.held(world))
        places = [*world.pods, *world.pods, *worlds.OUTSIDE]
        for _dummy in range(PACKETS):
            protocol = random.choice(("TCP", "TCP", "UDP", "SCTP", "ICMP"))
            port = 0 if protocol == "ICMP" else random.choice((*worlds.PORTS, 22, 30000))
            packet = random.choice(places), random.choice(places), protocol, port
            wanted = world.allows(*packet)
            assert worlds.judged(judge, *packet) == wanted, (seed, packet, world)
            # A source's egress and a destination's ingress; equal addresses are nobody's matter.
            ends = [judge.numbers(packet[0]).egress, judge.numbers(packet[1]).ingress]
            isolated = any(ends) and packet[0] != packet[1]
            said["denied" if not wanted else "by a rule" if isolated else "not isolated"] += 1
    assert sum(said.values()) == WORLDS * PACKETS // PARTS
    # No answer is a rarity: tables that always say one of them are found out.
    assert len(said) == 3
    assert min(said.values()) > 0.15 * sum(said.values()), said


def test_a_run_that_does_not_ask_all_nodes_plans_the_same_or_says_that_it_cannot():
    said: Counter[str] = Counter()
    away = blocks.block("10.0.2.0/23")
    for seed in range(600):
        random = Random(seed)
        world = worlds.world(random)
        before = planned.held(world)
        if seed % 2:
            world.policies.append(worlds.policy(random, 99, world.pods))
        whole = planned.held(world)
        pods = planned.at(world)
        known = [pod for pod in pods if not away.holds(pod.address)]
        unknown = classes.Unknown(
            frozenset(pod.kind for pod in pods if pod not in known),
            (away,),
            {host: no for host, no in before.classes.entries.items() if host.length == blocks.BITS},
        )
        part = planned.held(world, known, unknown)
        if part.classes.lost:
            assert seed % 2
            said["cannot"] += 1
            continue
        if not seed % 2:
            # Its nodes hold the same by the same numbers.
            assert part.classes == whole.classes, seed
            assert part.sets.items() <= whole.sets.items(), seed
        judges = Judge(part), Judge(whole)
        for pod in pods:
            found = [judge.peers(pod.address) for judge in judges]
            assert part.classes.signatures[found[0]] == whole.classes.signatures[found[1]], seed
        said["same"] += len(pods) > len(known)
    assert min(said["cannot"], said["same"]) > 50, said
