# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What cannot be is refused in one sentence, before anything is touched.

All that the planner refuses, and each node of its part of the plan, with all sentences: that is
shown in tests/unit (test_plan_errors.py, test_plan_devices.py and others). Here it is what becomes
of such a refusal in a run: of the planner's and of a node's, on fresh nodes and on a cluster.
"""

from __future__ import annotations

import copy

import pytest

from .cluster import inventory
from .probes import differences, everybody_reaches_everybody, snapshots

OVERLAY = {"podnet_network_type": "overlay"}

#: What is wrong; variables of the cluster, variables of nodes; the variable, value and valid value
#: that the sentence names.
CASES = [
    (
        "a secondary range that overlaps a primary one",
        {"podnet_secondary_ranges": [{"name": "wide", "cidr": "10.111.0.0/20"}]},
        {},
        ("podnet_secondary_ranges wide", "10.111.0.0/20", "10.111.0.0/24", "share no address"),
    ),
    (
        "a node's address given twice",
        {},
        {"node-2": {"podnet_node_ip": "10.111.0.11"}},
        ("podnet_node_ip of node-2", "10.111.0.11", "node-1", "once"),
    ),
    (
        "an underlay device that is not there",
        OVERLAY,
        {"node-2": {"podnet_vxlan_device": "bond7"}},
        ("podnet_vxlan_device", "node-2", "bond7"),
    ),
    (
        "an MTU that leaves no room for the tunnel",
        OVERLAY,
        {"node-2": {"podnet_mtu": 1451}},
        ("podnet_mtu", "node-2", "1451", "1450"),
    ),
]


def refuses(cluster, variables, nodes, parts, *arguments):
    """Run site with other variables: one sentence with these parts, and nothing was touched."""
    before, kept = snapshots(cluster), cluster.inventory
    cluster.inventory = copy.deepcopy(kept)
    try:
        cluster.variables.update(variables)
        for name, own in nodes.items():
            cluster.nodes[name].update(own)
        run = cluster.play("site", *arguments)
    finally:
        cluster.inventory = kept
    assert run.status != 0, run.output
    (message,) = run.errors
    assert "\n" not in message, message
    missing = [part for part in parts if part not in message]
    assert missing == [], message
    assert run.changed == {}
    assert differences(before, snapshots(cluster)) == {}


@pytest.fixture(scope="module")
def fresh(make_module_cluster):
    """Two nodes on which nothing was run yet."""
    return make_module_cluster(inventory())


@pytest.mark.parametrize(
    ("variables", "nodes", "parts"),
    [pytest.param(*case, id=what) for what, *case in CASES],
)
def test_a_fresh_cluster_refuses(fresh, variables, nodes, parts):
    refuses(fresh, variables, nodes, parts)


@pytest.mark.parametrize(
    ("variables", "nodes", "parts"),
    [
        pytest.param(
            {},
            {"node-39206": {"podnet_pod_cidr": "10.111.160.0/25"}},
            ("podnet_pod_cidr", "10.111.160.0/25", "node-39206", "node-e6e4d", "free CIDR"),
            id="a pod CIDR that another node holds",
        ),
        pytest.param(
            {"podnet_secondary_ranges": [{"name": "small", "cidr": "10.111.160.0/24"}]},
            {},
            ("node-39206", "10.111.161.0/25", "small 10.111.160.0/24", "do not move"),
            id="a range that leaves out what a node holds",
        ),
    ],
)
def test_a_running_cluster_refuses_and_runs_on(demo, variables, nodes, parts):
    refuses(demo, variables, nodes, parts)
    everybody_reaches_everybody(demo)


def test_a_bridge_of_somebody_else_is_left_alone(fresh):
    fresh.exec("node-1", "ip", "link", "add", "cbr0", "type", "bridge")
    parts = ("node-1", "cbr0", "did not make", "podnet_datapath bridge")
    refuses(fresh, {"podnet_datapath": "bridge"}, {}, parts)
    fresh.play("teardown").ok()
    fresh.exec("node-1", "ip", "link", "del", "cbr0")
