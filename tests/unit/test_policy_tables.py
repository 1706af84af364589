"""The planner's tables: what a node holds of policies, how much of it, and what stays as it is."""

from __future__ import annotations

import time
from random import Random
from typing import TYPE_CHECKING, Any

import policy_many
import policy_planned as planned
import policy_worlds as worlds
import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.plan.policy import (
    blocks,
    model,
    ports,
    read,
    tables,
    verdict,
)
from policy_evaluator import World

if TYPE_CHECKING:
    from ansible_collections.podnet.fabric.plugins.module_utils.plan.policy.tables import Tables

#: kubernetes-network-model.md, part 6, with the keys where Kubernetes has them.
WRITE_UP = [
    {
        "name": "backend-access-ingress",
        "namespace": "default",
        "spec": {
            "podSelector": {"matchLabels": {"app": "myapp", "role": "backend"}},
            "ingress": [
                {"from": [{"podSelector": {"matchLabels": {"app": "myapp", "role": "web"}}}]}
            ],
        },
    },
    {
        "name": "db-access-ingress",
        "namespace": "default",
        "spec": {
            "podSelector": {"matchLabels": {"app": "myapp", "role": "db"}},
            "ingress": [
                {"from": [{"podSelector": {"matchLabels": {"app": "myapp", "role": "backend"}}}]}
            ],
        },
    },
]
ROLES = ("web", "backend", "db")


def pods(count: int = 1) -> dict[str, dict[str, Any]]:
    """Return pods of the three roles, 10.0.ROLE.NUMBER."""
    return {
        f"10.0.{at}.{number}": {
            "namespace": "default",
            "labels": {"app": "myapp", "role": role},
            "ports": [],
        }
        for at, role in enumerate(ROLES)
        for number in range(1, count + 1)
    }


def policy(name: str = "p", audit: bool = False, **spec: Any) -> dict[str, Any]:
    return {"name": name, "namespace": "default", "audit": audit, "spec": spec}


def only(*policies: dict[str, Any], count: int = 1) -> Tables:
    return planned.held(World(pods(count), list(policies)))


def entries(held: Tables) -> int:
    return sum(len(each.entries) for each in held.sets.values())


# The write-up's example


def test_the_write_ups_truth_table_before_and_after():
    def table(policies: list[dict[str, Any]]) -> list[str]:
        judge = verdict.Judge(only(*policies))
        ends = list(pods())
        return [
            f"{one}->{other}"
            for source, one in zip(ends, ROLES)
            for destination, other in zip(ends, ROLES)
            if one != other and worlds.judged(judge, source, destination, "TCP", 80)
        ]

    every = [f"{one}->{other}" for one in ROLES for other in ROLES if one != other]
    assert table([]) == every
    assert table(WRITE_UP) == ["web->backend", "backend->web", "backend->db", "db->web"]


# How much there is


def test_tables_grow_with_classes_and_not_with_pods():
    few, many = only(*WRITE_UP, count=1), only(*WRITE_UP, count=200)
    assert many.sets == few.sets
    assert many.classes.signatures == few.classes.signatures
    assert len(many.sets) == 2
    assert entries(many) == 2
    assert [len(each.classes.entries) for each in (few, many)] == [1 + 2, 1 + 2 * 200]


def test_pods_that_no_rule_tells_apart_have_no_entry():
    held = only(policy(podSelector={}, ingress=[]), count=50)
    assert len(held.classes.entries) == len(held.classes.signatures) == 1
    assert len(set(held.pods.values())) == 1
    assert entries(held) == 0


def test_a_node_holds_the_sets_of_its_own_pods():
    held = only(*WRITE_UP)
    (db,) = held.of_node(["10.0.2.1"]).values()
    assert db.policies == ("default/db-access-ingress",)
    assert held.of_node(["10.0.0.1", "elsewhere"]) == {}
    assert len(held.of_node(held.pods)) == 2


def test_what_a_wider_rule_lets_through_has_no_entry():
    wide = {"podSelector": {"matchLabels": {"role": "web"}}}
    narrow = {"ports": [{"port": 80}], "from": [wide]}
    assert entries(only(policy(ingress=[narrow, {"from": [wide]}]))) == 1
    assert entries(only(policy(ingress=[narrow, {}]))) == 1
    assert entries(only(policy(ingress=[narrow, {"ports": [{"port": 1, "endPort": 99}]}]))) == 8
    assert entries(only(policy(ingress=[narrow, {"ports": [{"protocol": "UDP"}]}]))) == 2


@pytest.mark.parametrize("port", [{}, {"port": 80}, {"port": "http"}])
def test_a_rule_for_all_pods_takes_no_entry_for_each_class(port):
    world = World(pods(), [])
    for number in range(200):
        ports_of = [("http", "TCP", 80)]
        labels = {"app": f"a{number}"}
        pod = {"namespace": "default", "labels": labels, "ports": ports_of}
        world.pods[f"10.0.9.{number}"] = pod
    peers = [{"podSelector": {"matchLabels": {"app": f"a{number}"}}} for number in range(200)]
    world.policies = [
        policy("all", ingress=[{"from": [{"namespaceSelector": {}}], "ports": [port]}]),
        # It tells the pods apart, and isolates none of them.
        policy("x", podSelector={"matchLabels": {"app": "none"}}, ingress=[{"from": peers}]),
    ]
    held = planned.held(world)
    assert len(held.classes.signatures) > 200
    assert max(len(each.entries) for each in held.sets.values()) == 2
    judge = verdict.Judge(held)
    for source, port_number, passes in (
        ("10.0.9.7", 80, True),
        ("10.0.9.7", 81, not port),
        ("192.0.2.1", 80, False),
    ):
        packet = source, "10.0.9.8", "TCP", port_number
        assert worlds.judged(judge, *packet) is passes is world.allows(*packet)


def test_pods_share_a_set_where_their_ports_make_no_difference():
    world = World(pods(), [policy(ingress=[{"ports": [{"port": "http"}]}, {"ports": [{}]}])])
    for number, pod in enumerate(world.pods.values()):
        pod["ports"] = [("http", "TCP", 80 + number)]
    assert len(planned.held(world).sets) == 1
    world.policies = [policy(ingress=[{"ports": [{"port": "http"}]}])]
    assert len(planned.held(world).sets) == 3


def test_ten_thousand_pods_and_a_thousand_policies_take_seconds(capsys):
    listed, given = policy_many.many_pods(10_000), policy_many.many_policies(1000)
    start = time.process_time()
    problems: list[str] = []
    policies = list(read.items(given, problems))
    held = tables.tables(policies, listed, planned.labels_of(World({}, [])))
    took = time.process_time() - start
    sets = [held.of_node(p.name for p in listed[at : at + 100]) for at in range(0, 10_000, 100)]
    largest = max(sum(len(each.entries) for each in node.values()) for node in sets)
    with capsys.disabled():
        print(
            f" 10,000 pods, 1,000 policies: {took:.1f} s, {len(held.classes.signatures)} classes, "
            f"{largest} rule entries on the fullest of 100 nodes ",
            end="",
        )
    assert not problems
    assert took < 20
    # 700 sets of labels, 200 blocks, and the rest.
    assert len(held.classes.signatures) <= 901


# What stays as it is


def test_a_replica_more_changes_one_entry():
    before, after = only(*WRITE_UP, count=2), only(*WRITE_UP, count=3)
    assert after.classes.number == before.classes.number
    assert after.sets == before.sets
    new = after.classes.entries.items() - before.classes.entries.items()
    assert sorted(str(block) for block, _class in new) == ["10.0.0.3/32", "10.0.1.3/32"]


def test_a_policy_more_leaves_the_sets_of_others_alone():
    other = policy("other", podSelector={"matchLabels": {"role": "web"}}, ingress=[])
    before, after = only(*WRITE_UP), only(*WRITE_UP, other)
    assert before.sets.items() < after.sets.items()
    assert before.rules.items() <= after.rules.items()
    assert after.classes == before.classes


def test_a_peer_more_is_another_partition():
    other = policy("other", ingress=[{"from": [{"ipBlock": {"cidr": "10.0.0.0/16"}}]}])
    assert only(*WRITE_UP, other).classes.number != only(*WRITE_UP).classes.number


def test_the_order_of_policies_and_pods_means_nothing():
    random = Random(7)
    for seed in range(50):
        world = worlds.world(Random(seed))
        before = planned.held(world)
        random.shuffle(world.policies)
        turned = World(dict(reversed(world.pods.items())), world.policies, dict(world.namespaces))
        assert planned.held(turned) == before


# Names and audit


def test_every_verdict_can_be_named():
    held = only(*WRITE_UP)
    judge = verdict.Judge(held)
    sets = judge.numbers("10.0.2.1")
    rule = judge.rule(sets.ingress, blocks.address("10.0.1.1"), 6, 80)
    assert rule is not None
    assert held.rules[rule] == ("default/db-access-ingress", "ingress", 0)
    assert judge.rule(sets.ingress, blocks.address("10.0.0.1"), 6, 80) is verdict.DENIED
    assert held.sets[sets.ingress].policies == ("default/db-access-ingress",)
    assert judge.rule(sets.egress, blocks.address("10.0.0.1"), 6, 80) == verdict.UNPOLICED


def test_an_audited_policy_keeps_nothing_out():
    held = only(policy("deny", audit=True, podSelector={}, ingress=[]), *WRITE_UP)
    web, db = held.pods["10.0.0.1"], held.pods["10.0.2.1"]
    assert (web.ingress, web.egress, web.audit_egress) == (0, 0, 0)
    assert held.sets[web.audit_ingress].policies == ("default/deny",)
    assert held.sets[db.ingress].policies == ("default/db-access-ingress",)
    assert held.sets[db.audit_ingress].policies == (*("default/db-access-ingress", "default/deny"),)
    without = only(*WRITE_UP)
    assert held.sets.items() > without.sets.items()
    assert not any(each.audit_ingress for each in without.pods.values())


# Ports


@pytest.mark.parametrize("seed", range(200))
def test_prefixes_of_a_range_hold_it_and_nothing_else(seed):
    random = Random(seed)
    first = random.choice((0, 1, random.randint(0, 65535)))
    last = random.choice((65535, 65534, random.randint(first, 65535), first))
    found = list(ports.prefixes(model.Port("UDP", first, max(first, last))))
    assert len(found) <= 30
    held = sum(1 << (32 - each.length) for each in found)
    assert held == max(first, last) + 1 - first
    for port in (first, last, (first + last) // 2, max(first - 1, 0), min(last + 1, 65535)):
        word = ports.word(17, port)
        inside = [each for each in found if ports.prefix(word, each.length) == each]
        assert len(inside) == (first <= port <= max(first, last))


def test_every_port_of_a_protocol_is_one_prefix_and_any_protocol_is_none():
    assert list(ports.prefixes(model.Port("TCP"))) == [(6 << 24, 16)]
    assert ports.EVERY == (0, 0)


# What does not fit


def test_what_does_not_fit_is_said_with_its_size(monkeypatch):
    held = only(*WRITE_UP)
    assert list(tables.problems(held, {"node-1": held.pods})) == []
    monkeypatch.setattr(tables, "RULE_ENTRIES", 1)
    monkeypatch.setattr(tables, "CLASS_ENTRIES", 2)
    assert list(tables.problems(held, {"node-1": held.pods, "node-2": ["10.0.2.1"]})) == [
        "The policies tell 3 addresses and blocks apart; valid are up to 2, so select fewer pods, "
        "or name fewer ipBlocks.",
        "The policies of pods of node-1 make 2 entries: 2 sets of rules by 3 classes of addresses; "
        "valid are up to 1. The largest set has 1, of default/backend-access-ingress.",
    ]
