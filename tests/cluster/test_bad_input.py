# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What cannot be is refused in one sentence, before anything is touched."""

from __future__ import annotations

import copy

import pytest

from .cluster import inventory
from .probes import differences, everybody_reaches_everybody, snapshots

SUBNET = {"name": "default", "cidr": "10.111.0.0/24", "gateway": "10.111.0.1"}
RANGE = {"name": "default", "cidr": "10.111.160.0/20"}
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
        "a subnet outside the VPC",
        {"podnet_subnets": [SUBNET, {"name": "far", "cidr": "10.112.0.0/24"}]},
        {},
        ("podnet_subnets far", "10.112.0.0/24", "within podnet_vpc_cidr 10.111.0.0/16"),
    ),
    (
        "a secondary range that belongs to another cluster",
        {"podnet_secondary_ranges": [{**RANGE, "cluster": "other"}]},
        {},
        ("podnet_secondary_ranges default", "10.111.160.0/20", "other", "no other cluster has"),
    ),
    (
        "a secondary range that another cluster of the inventory uses",
        {},
        {"node-2": {"podnet_cluster": "other"}},
        ("podnet_secondary_ranges default", "10.111.160.0/20", "other", "one cluster alone"),
    ),
    (
        "a mask outside the range",
        {"podnet_node_cidr_mask_size": 18},
        {},
        ("podnet_node_cidr_mask_size", "18", "10.111.160.0/20", "20 to 28"),
    ),
    (
        "a mask that no node can have",
        {"podnet_node_cidr_mask_size": 31},
        {},
        ("podnet_node_cidr_mask_size", "31", "16 to 28"),
    ),
    (
        "a node's address outside of every subnet",
        {},
        {"node-2": {"podnet_node_ip": "10.111.9.9"}},
        ("podnet_node_ip of node-2", "10.111.9.9", "10.111.0.0/24"),
    ),
    (
        "a node's address given twice",
        {},
        {"node-2": {"podnet_node_ip": "10.111.0.11"}},
        ("podnet_node_ip of node-2", "10.111.0.11", "node-1", "once"),
    ),
    (
        "a pod CIDR outside the ranges",
        {},
        {"node-2": {"podnet_pod_cidr": "10.111.200.0/25"}},
        ("podnet_pod_cidr of node-2", "10.111.200.0/25", "/25 within", "10.111.160.0/20"),
    ),
    (
        "a pod CIDR given twice",
        {},
        {
            "node-1": {"podnet_pod_cidr": "10.111.160.0/25"},
            "node-2": {"podnet_pod_cidr": "10.111.160.0/25"},
        },
        ("podnet_pod_cidr", "10.111.160.0/25", "node-1", "node-2", "free CIDR"),
    ),
    (
        "a pod's address outside its node's CIDR",
        {},
        {
            "node-1": {
                "podnet_pod_cidr": "10.111.160.0/25",
                "podnet_pods": [{"name": "far", "ip": "10.111.161.7"}],
            }
        },
        ("podnet_pods", "node-1", "10.111.161.7", "10.111.160.0/25"),
    ),
    (
        "a pod's address given twice",
        {},
        {
            "node-1": {
                "podnet_pod_cidr": "10.111.160.0/25",
                "podnet_pods": [
                    {"name": "one", "ip": "10.111.160.7"},
                    {"name": "two", "ip": "10.111.160.7"},
                ],
            }
        },
        ("podnet_pods", "node-1", "10.111.160.7", "one", "two", "once"),
    ),
    (
        "two network types in one cluster",
        {},
        {"node-2": {"podnet_network_type": "overlay"}},
        ("podnet_network_type", "native_routing", "overlay", "node-2", "same value"),
    ),
    (
        "an unknown datapath",
        {"podnet_datapath": "macvlan"},
        {},
        ("podnet_datapath", "'macvlan'", "ebpf", "bridge", "routed"),
    ),
    (
        "an unknown network type",
        {"podnet_network_type": "geneve"},
        {},
        ("podnet_network_type", "'geneve'", "native_routing", "overlay"),
    ),
    (
        "a VNI out of range",
        {**OVERLAY, "podnet_vxlan_vni": 2**24},
        {},
        ("podnet_vxlan_vni", "16777216", "from 1 to 16777215"),
    ),
    (
        "a port out of range",
        {**OVERLAY, "podnet_vxlan_port": 0},
        {},
        ("podnet_vxlan_port", "0", "from 1 to 65535"),
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
    (
        "two nodes with one tunnel endpoint",
        OVERLAY,
        {"node-2": {"podnet_vtep_ip": "10.111.0.11"}},
        ("podnet_vtep_ip", "node-2", "10.111.0.11", "node-1"),
    ),
    (
        "more nodes wanted than there are",
        {"podnet_cluster_size": 5},
        {},
        ("podnet_cluster_size", "5", "2 nodes"),
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
            {"podnet_secondary_ranges": [{"name": "wide", "cidr": "10.111.0.0/16"}]},
            {},
            ("podnet_secondary_ranges wide", "10.111.0.0/16", "share no address"),
            id="a range that overlaps",
        ),
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
