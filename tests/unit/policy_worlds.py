"""Random clusters and policies; every form that the spec has turns up."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from ansible_collections.podnet.fabric.plugins.module_utils.plan.policy import (
    blocks,
    verdict,
)
from policy_evaluator import World

if TYPE_CHECKING:
    from random import Random

NUMBERS = {"TCP": 6, "UDP": 17, "SCTP": 132, "ICMP": 1}
KEYS, VALUES = ("app", "tier", "env"), ("a", "b", "c")
NAMES = ("http", "dns", "alt")
PORTS = (80, 81, 443, 8080, 1, 65535)
SPACES = ("default", "x", "y", "z")
OUTSIDE = ("192.0.2.1", "10.0.9.9", "203.0.113.7", "2001:db8::1", "fd00::ffff", "0.0.0.0")


def world(random: Random) -> World:
    """Return a cluster with policies."""
    namespaces = {name: labels(random) for name in SPACES if random.random() < 0.8}
    family = random.choice(("10.0.{}.{}", "10.0.{}.{}", "fd00::{}:{}"))
    pods = {}
    for _dummy in range(random.randint(2, 14)):
        address = family.format(random.randint(0, 3), random.randint(1, 60))
        pods[str(ipaddress.ip_address(address))] = {
            "namespace": random.choice(SPACES),
            "labels": labels(random),
            "ports": [
                (name, random.choice(("TCP", "UDP", "SCTP")), random.choice(PORTS))
                for name in NAMES
                if random.random() < 0.4
            ],
        }
    count = random.choice((1, 2, 4, 8, 12))
    return World(pods, [policy(random, i, pods) for i in range(count)], namespaces)


def labels(random: Random) -> dict[str, str]:
    return {key: random.choice(VALUES) for key in KEYS if random.random() < 0.6}


def policy(random: Random, number: int, pods: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = {}
    if random.random() < 0.9:
        spec["podSelector"] = selector(random)
    for way, key in (("ingress", "from"), ("egress", "to")):
        if random.random() < 0.7:
            spec[way] = [rule(random, key, list(pods)) for _dummy in range(random.randint(0, 3))]
    if random.random() < 0.6:
        spec["policyTypes"] = random.choice((["Ingress"], ["Egress"], ["Ingress", "Egress"], []))
    space = random.choice([pod["namespace"] for pod in pods.values()])
    return {"name": f"p{number}", "namespace": space, "spec": spec}


def rule(random: Random, key: str, pods: list[str]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if random.random() < 0.8:
        made[key] = [peer(random, pods) for _dummy in range(random.randint(0, 3))]
    if random.random() < 0.7:
        made["ports"] = [port(random) for _dummy in range(random.randint(0, 3))]
    return made


def peer(random: Random, pods: list[str]) -> dict[str, Any]:
    form = random.randint(0, 3)
    if form == 0:
        return {"podSelector": selector(random)}
    if form == 1:
        return {"namespaceSelector": selector(random)}
    if form == 2:
        return {"podSelector": selector(random), "namespaceSelector": selector(random)}
    cidr = around(random, random.choice((*pods, *OUTSIDE)), 0)
    inner = [around(random, str(host(random, cidr)), cidr.prefixlen + 1) for _dummy in range(2)]
    # Host bits mean nothing, and people leave them there.
    made: dict[str, Any] = {"cidr": f"{host(random, cidr)}/{cidr.prefixlen}"}
    excepts = [str(each) for each in inner if each.prefixlen > cidr.prefixlen]
    if excepts and random.random() < 0.6:
        made["except"] = excepts
    return {"ipBlock": made}


def around(random: Random, address: str, least: int) -> Any:
    longest = ipaddress.ip_address(address).max_prefixlen
    usual = [n for n in (0, 8, 16, 24, 26, 28, 30, 31, 32, 64, 120, 128) if least <= n <= longest]
    length = random.choice(usual or [longest])
    return ipaddress.ip_network(f"{address}/{length}", strict=False)


def host(random: Random, cidr: Any) -> Any:
    return cidr[random.randrange(min(cidr.num_addresses, 1 << 40))]


def selector(random: Random) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if random.random() < 0.5:
        made["matchLabels"] = {random.choice(KEYS): random.choice(VALUES)}
    if random.random() < 0.4:
        made["matchExpressions"] = [expression(random)]
    return made


def expression(random: Random) -> dict[str, Any]:
    operator = random.choice(("In", "NotIn", "Exists", "DoesNotExist"))
    made: dict[str, Any] = {"key": random.choice(KEYS), "operator": operator}
    if operator.endswith("In"):
        made["values"] = random.sample(VALUES, random.randint(1, 2))
    return made


def port(random: Random) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if random.random() < 0.7:
        made["protocol"] = random.choice(("TCP", "UDP", "SCTP"))
    form = random.randint(0, 3)
    if form == 1:
        made["port"] = random.choice(PORTS)
    elif form == 2:
        made["port"] = random.choice(NAMES)
    elif form == 3:
        made["port"] = random.choice(PORTS)
        made["endPort"] = random.randint(made["port"], 65535)
    return made


def judged(judge: verdict.Judge, source: str, destination: str, protocol: str, port: int) -> bool:
    """Return the tables' verdict of a packet."""
    ends = [(each, blocks.address(each)) for each in (source, destination)]
    return judge.allows(ends[0], ends[1], NUMBERS[protocol], port)
