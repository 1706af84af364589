# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a change of policies means: against the evaluator, and as a person reads it."""

from __future__ import annotations

import ipaddress
import itertools
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import policy_planned as planned
import policy_worlds as worlds
import test_policy_tables as policy_tables
from ansible_collections.podnet.fabric.plugins.module_utils.engine import addresses
from ansible_collections.podnet.fabric.plugins.module_utils.plan.policy import options
from ansible_collections.podnet.fabric.plugins.module_utils.policy import (
    meaning,
    passes,
    peers,
    wanted,
)
from policy_evaluator import World

if TYPE_CHECKING:
    from collections.abc import Iterable

PROTOCOLS = {"TCP": 6, "UDP": 17, "SCTP": 132, "ICMP": passes.OTHERS}
PROBED = [
    *itertools.product(("TCP", "UDP", "SCTP"), (*worlds.PORTS, 0, 22, 30000)),
    ("ICMP", 0),
]


def state(world: World, here: Iterable[str]) -> passes.State:
    """Return what a node with these pods holds."""
    held = planned.held(world)
    endpoints = [{"name": ip, "ip": ip, "netns": None} for ip in here if ip in world.pods]
    found = wanted.read({**options.of_cluster(held), **options.of_node(held, endpoints)})
    rules = {number: each.entries for number, each in found.sets.items()}
    return passes.State(found.pods, {found.partition: found.classes}, rules)


def named(world: World) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for ip, pod in world.pods.items():
        name = meaning.name_of(pod["namespace"], pod["labels"])
        found.setdefault(name, []).append(addresses.packed(ip))
    return found


def told(before: World, after: World, here: list[str]) -> list[meaning.Change]:
    """Return the changes for the pods of a node, which has some that are gone after it."""
    states = state(before, here), state(after, here)
    return meaning.changes(*states, named(after), {addresses.packed(ip) for ip in here})


def another(random: Random, world: World) -> World:
    """Return a world with other policies, and mostly the same pods."""
    policies = [each for each in world.policies if random.random() < 0.7]
    if random.random() < 0.7:
        policies.append(worlds.policy(random, 99, world.pods))
    pods = dict(world.pods)
    changed, gone = random.choice(list(pods)), random.choice(list(pods))
    if random.random() < 0.3:
        pods[changed] = {**pods[changed], "labels": worlds.labels(random)}
    if random.random() < 0.3 and len(pods) > 2:
        del pods[gone]
    return World(pods, policies, world.namespaces)


def universe(own: str, before: World, after: World) -> list[peers.Block]:
    """Return the blocks that the classes of a pod tell apart, the longest first."""
    entries = []
    for found in (state(before, [own]), state(after, [own])):
        isolated = found.pods.get(addresses.packed(own))
        entries.append(found.classes[isolated.partition] if isolated else {})
    found = itertools.chain.from_iterable(peers.peers(*entries, named(after)).values())
    blocks = {each.block for each in found if each.block is not None}
    return sorted(blocks, key=lambda each: -each.bits)


def test_it_says_what_the_evaluator_says() -> None:
    said: Counter[str | None] = Counter()
    for seed in range(120):
        random = Random(seed)
        before = worlds.world(random)
        after = another(random, before)
        here = [ip for ip in before.pods if random.random() < 0.7]
        found: dict[Any, str] = {}
        for each in told(before, after, here):
            for own, other in itertools.product(each.own.pods, each.others):
                for target in other.pods or (other.block,):
                    for ports in each.ports:
                        found[each.way, own, target, ports] = each.verb
        for own in (ip for ip in here if ip in after.pods):
            blocks = universe(own, before, after)
            for other in {*before.pods, *after.pods, *worlds.OUTSIDE} - {own}:
                raw: Any = addresses.packed(other)
                if other not in after.pods:
                    whole = peers.Block(int.from_bytes(raw, "big"), 128)
                    raw = next(block for block in blocks if block.holds(whole))
                of_pair = {
                    (way, ports): verb
                    for (way, pod, target, ports), verb in found.items()
                    if pod == addresses.packed(own) and target == raw
                }
                for way, (protocol, port) in itertools.product(("ingress", "egress"), PROBED):
                    ends = (other, own) if way == "ingress" else (own, other)
                    may = [world.lets(way, *ends, protocol, port) for world in (before, after)]
                    right = {(False, True): meaning.ALLOWED, (True, False): meaning.DENIED}
                    verbs = [
                        verb
                        for (of_way, ports), verb in of_pair.items()
                        if (of_way, ports.protocol) == (way, PROTOCOLS[protocol])
                        and (ports.first <= port < ports.end or protocol == "ICMP")
                    ]
                    wanted_verb = right.get((may[0], may[1]))
                    assert verbs == [wanted_verb] * bool(wanted_verb), (seed, way, ends, port)
                    said[wanted_verb] += 1
    assert min(said.values()) > 10_000, said


def policy(name: str, app: str, *rules: dict[str, Any], way: str = "ingress") -> dict[str, Any]:
    spec = {"podSelector": {"matchLabels": {"app": app}}, "policyTypes": [way.capitalize()]}
    return {"name": name, "namespace": "default", "spec": {**spec, way: list(rules)}}


def pods(**of: int) -> dict[str, dict[str, Any]]:
    """Return so many pods of each app."""
    names = [app for app, count in of.items() for _one in range(count)]
    return {
        f"10.0.0.{number}": {"namespace": "default", "labels": {"app": app}, "ports": []}
        for number, app in enumerate(names, start=1)
    }


def lines(before: World, after: World) -> dict[str, list[str]]:
    found = told(before, after, list(before.pods))
    return {
        verb: meaning.lines(each for each in found if each.verb == verb)
        for verb in (meaning.ALLOWED, meaning.DENIED)
    }


CLIENTS = {"from": [{"podSelector": {"matchLabels": {"app": "backend"}}}]}


def test_pods_that_differ_in_nothing_are_one_word() -> None:
    there = pods(db=3, backend=4, web=5)
    first = policy("db", "db", {**CLIENTS, "ports": [{"port": 5432}]})
    whole = [
        "ingress from default {app=backend} to default {app=db}: "
        "TCP 0-5431, TCP 5433-65535, UDP, SCTP, other protocols",
        "ingress from default {app=db}, default {app=web}, other addresses to "
        "default {app=db}: all",
    ]
    assert lines(World(there, []), World(there, [first])) == {
        "newly allowed": [],
        "newly denied": whole,
    }
    more = [{"port": 5432}, {"port": 80, "endPort": 90}]
    second = policy("db", "db", {**CLIENTS, "ports": more})
    assert lines(World(there, [first]), World(there, [second])) == {
        "newly allowed": ["ingress from default {app=backend} to default {app=db}: TCP 80-90"],
        "newly denied": [],
    }
    assert lines(World(there, [first]), World(there, [])) == {
        "newly allowed": whole,
        "newly denied": [],
    }


def test_everybody_is_one_word_and_what_is_known_by_its_address_alone_is_that() -> None:
    there = pods(db=1, backend=2)
    shut = policy("shut", "db", way="egress")
    assert lines(World(there, []), World(there, [shut])) == {
        "newly allowed": [],
        "newly denied": ["egress from default {app=db} to everybody: all"],
    }
    open_to = policy("db", "db", CLIENTS)
    left = {ip: pod for ip, pod in there.items() if ip != "10.0.0.3"}
    assert lines(World(there, [open_to]), World(left, [open_to])) == {
        "newly allowed": [],
        "newly denied": ["ingress from 10.0.0.3 to default {app=db}: all"],
    }


def test_the_write_ups_example_is_said_as_the_docs_have_it() -> None:
    given = policy_tables.pods()
    said = lines(World(given, []), World(given, policy_tables.WRITE_UP))
    assert said["newly allowed"] == []
    docs = (Path(__file__).parent.parent.parent / "docs/policy.md").read_text()
    for line in said["newly denied"]:
        assert f"- '{line}'\n" in docs, line
    assert len(said["newly denied"]) == 2


def test_few_lines_are_said_and_the_others_counted() -> None:
    there = pods(**{f"a{number}": 1 for number in range(50)})
    denied = lines(
        World(there, []),
        World(there, [policy(f"p{n}", f"a{n}", {"ports": [{"port": n + 1}]}) for n in range(50)]),
    )["newly denied"]
    assert len(denied) == meaning.LINES + 1
    assert denied[-1] == "and 30 lines more"
    names = [f"10.{number}.0.0/16" for number in range(1, 20)]
    block = policy("b", "a0", {"from": [{"ipBlock": {"cidr": name}} for name in names]})
    (allowed,) = lines(World(there, [policy("b", "a0")]), World(there, [block]))["newly allowed"]
    assert "and 13 more to default {app=a0}: all" in allowed


def test_ten_thousand_pods_and_a_thousand_policies_take_a_part_of_a_second(capsys: Any) -> None:
    spaces = [f"n{number}" for number in range(100)]
    there = {
        str(ipaddress.ip_address("10.0.0.0") + number): {
            "namespace": spaces[number % 100],
            "labels": {"app": f"a{number % 7}"},
            "ports": [],
        }
        for number in range(10_000)
    }

    def one(number: int, port: int = 80) -> dict[str, Any]:
        rule = {"from": [{"podSelector": {"matchLabels": {"app": f"a{number % 5}"}}}]}
        made = policy(f"p{number}", f"a{number % 7}", {**rule, "ports": [{"port": port}]})
        return {**made, "namespace": spaces[number % 100]}

    here, known = list(there)[:100], named(World(there, []))
    policies = [one(number) for number in range(1000)]
    took = {}
    before = state(World(there, policies), here)
    for what, others in (("one", [one(0, 81), *policies[1:]]), ("all", [])):
        after = state(World(there, others), here)
        start = time.process_time()
        found = meaning.changes(before, after, known, {addresses.packed(ip) for ip in here})
        said = meaning.lines(found)
        took[what] = time.process_time() - start
        assert 0 < len(said) <= meaning.LINES + 1
    with capsys.disabled():
        print(f" one policy {took['one']:.2f} s, all of 1,000 {took['all']:.2f} s ", end="")
    assert max(took.values()) < 3
