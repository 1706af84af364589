"""Seconds and memory of 1,000 policies over 10,000 pods: the plan, and a node of 100 of them."""

from __future__ import annotations

import statistics
import time
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

from ansible_collections.podnet.fabric.plugins.module_utils.datapath import policy_layout
from ansible_collections.podnet.fabric.plugins.module_utils.plan.policy import (
    options,
    read,
    tables,
)
from ansible_collections.podnet.fabric.plugins.module_utils.policy import wire

from ..unit.policy_many import many_pods, many_policies
from . import service_maps, topology
from .podnet_datapath import cell, run_module

if TYPE_CHECKING:
    from ansible_collections.podnet.fabric.plugins.module_utils.plan.policy.tables import Tables

    from .topology import Node

PODS, POLICIES, NODE_PODS = 10_000, 1_000, 100
FIRST_POD = IPv4Address("10.0.0.0")


def measure(repeat: int, pods: int = PODS, policies: int = POLICIES) -> dict[str, Any]:
    """Time a plan, what a node makes of it, the same again, and one policy that is another.

    :returns: seconds of ``plan``, ``full``, ``again`` and ``change``, of repeated ones the median;
        ``kernel``: bytes that the kernel says the node's maps of policies have; how many
        ``classes`` there are, and ``entries`` of rules on the node.
    """
    start = time.monotonic()
    before = _planned(pods, policies)
    planned = time.monotonic() - start
    after = _planned(pods, policies, changed=True)
    found = topology.build(
        topology.ACROSS_NODES, "policies", cell("ebpf", "native_routing", rules=1)
    )
    node = found.nodes[0]
    full = _bring(node, before)
    again = [_bring(node, before) for _turn in range(repeat)]
    change = [_bring(node, held) for _turn in range(repeat) for held in (after, before)]
    sets = before.of_node(f"p{number}" for number in range(NODE_PODS))
    return {
        "pods": pods,
        "policies": policies,
        "plan": planned,
        "full": full,
        "again": statistics.median(again),
        "change": statistics.median(change),
        "kernel": service_maps.memory(node, policy_layout.TABLES),
        "classes": len(before.classes.signatures),
        "entries": sum(len(each.entries) for each in sets.values()),
    }


def _planned(pods: int, policies: int, *, changed: bool = False) -> Tables:
    problems: list[str] = []
    given = many_policies(policies)
    if changed:
        given[0]["spec"]["egress"] = []
    found = tables.tables(list(read.items(given, problems)), many_pods(pods), _labels)
    if problems:
        raise RuntimeError(problems[0])
    return found


def _labels(namespace: str) -> dict[str, str]:
    return {"kubernetes.io/metadata.name": namespace}


def _bring(node: Node, held: Tables) -> float:
    """Let a node hold the policies of its pods; return the seconds of the module."""
    endpoints = [
        {"name": f"p{number}", "ip": str(FIRST_POD + number), "netns": "none"}
        for number in range(NODE_PODS)
    ]
    given = wire.pack({**options.of_cluster(held), **options.of_node(held, endpoints)})
    with node.entered():
        return run_module("policy", _policies=[given], purge=True)
