# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Policies into the maps of all nodes without a run: the planner, and a writer of our own.

It is a second hand beside the module's: what it writes follows from the layouts alone.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ansible_collections.podnet.fabric.plugins.module_utils.datapath import layout, policy_layout
from ansible_collections.podnet.fabric.plugins.module_utils.engine import addresses
from ansible_collections.podnet.fabric.plugins.module_utils.plan.policy import (
    blocks,
    classes,
    read,
    tables,
)

from tests.services.maps import opened

from .model import ADDRESSES, NODES, world

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ansible_collections.podnet.fabric.plugins.module_utils.datapath.structs import Layout
    from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf.maps import Map

    from tests.cluster.cluster import Cluster
    from tests.unit.policy_evaluator import World

    from .model import Step

ENDPOINTS = layout.ENDPOINTS
PODS, CLASSES, RULES = (
    policy_layout.POLICY_PODS,
    policy_layout.POLICY_CLASSES,
    policy_layout.POLICY_RULES,
)
COUNTERS = policy_layout.POLICY_COUNTERS


def planned(given: World) -> tables.Tables:
    """Return what the planner makes of a world; pods are named by their addresses."""
    problems: list[str] = []
    policies = list(read.items(given.policies, problems))
    assert not problems, problems
    pods = [
        classes.At(
            address,
            blocks.address(address),
            classes.Kind(
                pod["namespace"], frozenset(pod["labels"].items()), frozenset(pod["ports"])
            ),
        )
        for address, pod in given.pods.items()
    ]

    def labels_of(name: str) -> dict[str, str]:
        return {**given.namespaces.get(name, {}), "kubernetes.io/metadata.name": name}

    return tables.tables(policies, pods, labels_of)


def contents(held: tables.Tables, pods: tuple[str, ...]) -> dict[str, dict[bytes, bytes]]:
    """Return the entries of each map of a node, by the map's name.

    :param pods: the addresses of those of the node.
    """
    sets = held.of_node(pods)
    classes_: dict[bytes, bytes] = {}
    if sets:
        for block, number in held.classes.entries.items():
            key = CLASSES.pack_key(
                prefixlen=policy_layout.POLICY_CLASS_BITS + block.length,
                partition=held.classes.number,
                address=addresses.text(block.first.to_bytes(16, "big")),
            )
            classes_[key] = CLASSES.pack_value(**{"class": number})
    rules = {
        RULES.pack_key(
            prefixlen=policy_layout.POLICY_RULE_BITS + entry.ports.length,
            set=number,
            **{"class": entry.peers},
            protocol=entry.ports.word >> 24,
            reserved=0,
            port=entry.ports.word & 0xFFFF,
        ): RULES.pack_value(rule=rule)
        for number, each in sets.items()
        for entry, rule in each.entries.items()
    }
    numbers = {
        PODS.pack_key(address=address): PODS.pack_value(
            partition=held.classes.number, **held.pods[address]._asdict()
        )
        for address in pods
        if address in held.pods
    }
    counted = {(number, policy_layout.POLICY_SET) for number in sets}
    counted |= {
        (rule, policy_layout.POLICY_RULE)
        for each in sets.values()
        for rule in each.entries.values()
    }
    counters = {
        COUNTERS.pack_key(number=number, kind=kind): COUNTERS.pack_value(packets=0, bytes=0)
        for number, kind in counted
    }
    return {
        COUNTERS.name: counters,
        RULES.name: rules,
        CLASSES.name: classes_,
        PODS.name: numbers,
    }


class Node:
    """The maps of a node, open."""

    def __init__(self, maps: Mapping[str, Map]) -> None:
        """:param maps: by name."""
        self._maps = maps

    def take(self, wanted: Mapping[str, Mapping[bytes, bytes]]) -> None:
        """Bring the maps to this: what is new first, then the pods, then what is old goes."""
        had = {name: self._maps[name].items() for name in wanted}
        for name, entries in wanted.items():
            known = had[name]
            self._maps[name].update(
                {
                    key: value
                    for key, value in entries.items()
                    if (key not in known if name == COUNTERS.name else known.get(key) != value)
                }
            )
        self._isolate(wanted[PODS.name])
        for name, entries in reversed(wanted.items()):
            self._maps[name].delete(had[name].keys() - entries.keys())

    def _isolate(self, pods: Mapping[bytes, bytes]) -> None:
        endpoints = self._maps[ENDPOINTS.name]
        changed = {}
        for key, value in endpoints.items().items():
            found = ENDPOINTS.unpack_value(value)
            flags = found["flags"] & ~layout.ENDPOINT_ISOLATED
            flags |= layout.ENDPOINT_ISOLATED if key in pods else 0
            if flags != found["flags"]:
                changed[key] = ENDPOINTS.pack_value(**{**found, "flags": flags})
        endpoints.update(changed)


class Nodes:
    """All nodes of a cluster."""

    def __init__(self, nodes: Mapping[str, Node]) -> None:
        """:param nodes: by name."""
        self._nodes = nodes

    def take(self, state: Step) -> World:
        """Let the policies of a state be in force; return what the evaluator is to know."""
        given = world(state)
        held = planned(given)
        for name, node in self._nodes.items():
            node.take(contents(held, tuple(ADDRESSES[pod] for pod in NODES[name])))
        return given


@contextlib.contextmanager
def applying(cluster: Cluster) -> Iterator[Nodes]:
    """Open the maps of all nodes."""
    tables_: tuple[Layout, ...] = (COUNTERS, RULES, CLASSES, PODS, ENDPOINTS)
    with contextlib.ExitStack() as stack:
        yield Nodes(
            {
                name: Node({t.name: stack.enter_context(opened(cluster, name, t)) for t in tables_})
                for name in NODES
            }
        )
