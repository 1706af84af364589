# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Nodes that kernels know and the inventory does not: the run stops until they are forgotten."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.plan.planner import plan
from planning import NODES, World, cidrs, fresh, inventory

E, S, T = NODES  # node-e6e4d 10.111.0.8, node-63344 10.111.0.9, node-39206 10.111.0.14


@pytest.fixture
def world() -> World:
    world = World(inventory())
    world.run()
    return world


def forget(world: World, *what: Any) -> None:
    for node in world.nodes.values():
        node["podnet_forget_nodes"] = list(what)


def refusal(world: World, limit: Any = None) -> str:
    with pytest.raises(Failure) as caught:
        world.plan(limit)
    return caught.value.message


def test_an_inventory_that_lost_a_node_does_not_plan(world):
    world.nodes.pop(T)
    sentence = (
        "The inventory of cluster demo has no node at 10.111.0.14 (pod CIDR 10.111.161.0/25, known "
        f"by {E}), but nodes of it have one there: give the whole inventory to a job that is "
        "sliced, or name what left for good: podnet_forget_nodes: [10.111.0.14]."
    )
    assert refusal(world) == sentence
    assert refusal(world, limit=[E]) == sentence


def test_a_slice_of_a_job_does_not_plan(world):
    del world.nodes[S], world.nodes[T]
    assert "podnet_forget_nodes: [10.111.0.9, 10.111.0.14]." in refusal(world)


@pytest.mark.parametrize("what", [["10.111.0.14"], ["10.111.0.12/30", "10.111.9.9"]])
def test_a_node_that_is_forgotten_is_gone(world, what):
    world.nodes.pop(T)
    forget(world, *what)
    assert cidrs(world.run()).keys() == {E, S}
    forget(world)
    assert cidrs(world.run()).keys() == {E, S}  # no kernel knows it any more


def test_who_was_forgotten_may_come_back(world):
    back = world.nodes[T]
    world.leave(T)
    world.run()
    world.nodes[T] = {**back, "podnet_forget_nodes": ["10.111.0.14"]}
    assert cidrs(world.run())[T] == "10.111.161.0/25"
    assert len(world.run().node(E)["peers"]) == 2


def test_a_node_whose_address_changed_is_not_lost(world):
    world.nodes[T]["podnet_node_ip"] = "10.111.0.44"
    assert cidrs(world.run())[T] == "10.111.161.0/25"


def test_a_node_that_moved_to_another_cluster_is_not_lost(world):
    del world.kernels[T]
    world.nodes[T] |= {
        "podnet_cluster": "other",
        "podnet_secondary_ranges": [{"name": "other", "cidr": "10.111.176.0/20"}],
    }
    assert cidrs(world.run())[T] == "10.111.176.0/25"


def test_nothing_is_asked_of_a_first_run():
    nodes = inventory()
    assert cidrs(plan(nodes, fresh(nodes))).keys() == NODES.keys()


def test_what_is_no_address_is_refused(world):
    forget(world, "node-39206")
    assert refusal(world) == (
        "podnet_forget_nodes[0] is 'node-39206'; valid is an IPv4 address such as 10.111.0.8, or a "
        "CIDR such as 10.111.0.0/24."
    )
