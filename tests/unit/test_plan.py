"""The write-up's cluster, and what a slice holds."""

from __future__ import annotations

import ipaddress
import json
from collections import Counter
from typing import Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import peers
from ansible_collections.podnet.fabric.plugins.module_utils.datapath.cells import CELLS
from ansible_collections.podnet.fabric.plugins.module_utils.plan.inventory import (
    CLUSTER_VARIABLES,
    NODE_VARIABLES,
)
from ansible_collections.podnet.fabric.plugins.module_utils.plan.planner import plan
from planning import NODES, cidrs, fresh, inventory, pods

#: The write-up's listing of pods, by node, and its health endpoints.
LISTED = {
    "node-39206": {
        "nginx-app-7c79c4bf97-6v88s": "10.111.161.53",
        "nginx-app-7c79c4bf97-754m7": "10.111.161.1",
        "nginx-app-7c79c4bf97-c7nch": "10.111.161.3",
        "nginx-app-7c79c4bf97-gtx8b": "10.111.161.57",
        "nginx-app-7c79c4bf97-lmk7c": "10.111.161.26",
        "nginx-app-7c79c4bf97-n84tc": "10.111.161.106",
    },
    "node-63344": {
        "nginx-app-7c79c4bf97-9tjw7": "10.111.160.212",
        "nginx-app-7c79c4bf97-x8jxm": "10.111.160.135",
    },
    "node-e6e4d": {
        "nginx-app-7c79c4bf97-c6vx7": "10.111.160.46",
        "nginx-app-7c79c4bf97-zlstg": "10.111.160.121",
    },
}
HEALTH = {
    "node-e6e4d": "10.111.160.91",
    "node-39206": "10.111.161.9",
    "node-63344": "10.111.160.223",
}


def test_the_write_ups_nodes_get_the_write_ups_cidrs():
    assert cidrs(plan(inventory(), fresh(NODES))) == {
        "node-e6e4d": "10.111.160.0/25",
        "node-63344": "10.111.160.128/25",
        "node-39206": "10.111.161.0/25",
    }


def test_twenty_pods_are_spread_over_three_nodes():
    placed = pods(plan(inventory(), fresh(NODES)))
    assert set(placed) == {f"nginx-app-{number}" for number in range(1, 21)}
    assert Counter(at[0] for at in placed.values()) == dict(zip(NODES, (7, 7, 6)))


def test_the_write_ups_listing_is_kept_by_hand():
    nodes = inventory(podnet_deployments=[])
    for name, listed in LISTED.items():
        nodes[name]["podnet_pods"] = [{"name": pod, "ip": ip} for pod, ip in listed.items()]
        nodes[name]["podnet_health_ip"] = HEALTH[name]
    result = plan(nodes, fresh(nodes))
    assert pods(result) == {
        pod: (name, ip) for name, listed in LISTED.items() for pod, ip in listed.items()
    }
    assert {name: result.node(name)["health_ip"] for name in nodes} == HEALTH


def test_what_runs_in_a_pod_and_the_short_form_of_it():
    both = [{"name": "web", "command": ["nginx"]}, {"name": "log", "command": ["tail", 3]}]
    nodes = inventory(
        {"a": "10.111.0.8"},
        podnet_deployments=[
            {"name": "one", "replicas": 2, "command": ["nginx"]},
            {"name": "two", "containers": both},
            {"name": "none"},
        ],
    )
    endpoints = plan(nodes, fresh(nodes)).node("a")["endpoints"]
    assert {one["name"]: one["containers"] for one in endpoints} == {
        "podnet-health": [],
        # Named like the deployment: each of its pods has the same containers.
        "one-1": [{"name": "one", "command": ["nginx"]}],
        "one-2": [{"name": "one", "command": ["nginx"]}],
        "two-1": [both[0], {"name": "log", "command": ["tail", "3"]}],
        "none-1": [],
    }


def test_a_slice_is_complete_and_plain_data():
    result = plan(
        inventory({"a": "10.111.0.8", "b": "10.111.0.9"}, podnet_deployments=[])
        | {
            "c": inventory({"c": "10.111.0.14"}, podnet_deployments=[])["c"]
            | {
                "podnet_device": "eth1",
                "podnet_attach_mode": "clsact",
                "podnet_flows": "yes",
                "podnet_flows_sample": "10",
                "podnet_pods": [
                    {"name": "web", "ip": "10.111.161.1", "labels": {"v": 1}, "command": ["x"]}
                ],
            }
        },
        fresh("abc"),
    )
    assert result.node("c") == {
        "cluster": "demo",
        "network_type": "native_routing",
        "datapath": "ebpf",
        "vpc_cidr": "10.111.0.0/16",
        "native_routing_cidr": "10.111.0.0/16",
        "vxlan": None,
        "services": 0,
        "policies": 0,
        "fresh_cluster": True,
        "masquerade": None,
        "metrics": {"listen": None, "textfile": None, "cilium_names": False},
        "confirm_timeout": 120,
        "flows": {"sample": 10},
        "pod_ranges": ["10.111.160.0/20"],
        "name": "c",
        "observed": True,
        "node_ip": "10.111.0.14",
        "device": "eth1",
        "mtu": None,
        "attach_mode": "clsact",
        "addresses": [],
        "node_group": "default",
        "subnet": {"name": "default", "cidr": "10.111.0.0/24"},
        "vpc_gateway": "10.111.0.1",
        "usable": True,
        "reason": "",
        "pod_cidr": "10.111.161.0/25",
        "gateway_ip": "10.111.161.126",
        "gateway_mac": "0e:58:0a:6f:a1:7e",
        "health_ip": "10.111.161.125",
        "capacity": {"addresses": 128, "usable_pods": 64, "used": 1},
        "endpoints": [
            {
                "name": "podnet-health",
                "ip": "10.111.161.125",
                "mac": "0a:58:0a:6f:a1:7d",
                "netns": None,
                "kind": "health",
                "labels": {},
                "isolated": False,
                "containers": [],
            },
            {
                "name": "web",
                "ip": "10.111.161.1",
                "mac": "0a:58:0a:6f:a1:01",
                "netns": None,
                "kind": "pod",
                "labels": {"v": "1"},
                "isolated": False,
                "containers": [{"name": "web", "command": ["x"]}],
            },
        ],
        "isolation": False,
        "peers": [
            {
                "name": "a",
                "node_ip": "10.111.0.8",
                "pod_cidr": "10.111.160.0/25",
                "health_ip": "10.111.160.125",
                "route": "direct",
                "vtep_ip": None,
                "vtep_mac": None,
                "addresses": [],
            },
            {
                "name": "b",
                "node_ip": "10.111.0.9",
                "pod_cidr": "10.111.160.128/25",
                "health_ip": "10.111.160.253",
                "route": "direct",
                "vtep_ip": None,
                "vtep_mac": None,
                "addresses": [],
            },
        ],
    }
    assert routes(result.node("c")) == [
        {"dst": "10.111.160.0/25", "via": "10.111.0.8"},
        {"dst": "10.111.160.128/25", "via": "10.111.0.9"},
    ]
    assert json.loads(json.dumps(result.node("c"))) == result.node("c")


def routes(node: dict[str, Any]) -> list[dict[str, Any]]:
    return peers.routes(node, CELLS["ebpf", node["network_type"]])


def test_a_peer_in_another_subnet_is_reached_through_the_gateway():
    result = plan(
        inventory(
            {"a": "10.111.0.8", "b": "10.111.1.8"},
            podnet_subnets=[
                {"name": "one", "cidr": "10.111.0.0/24"},
                {"name": "two", "cidr": "10.111.1.0/24", "gateway": "10.111.1.254"},
            ],
        ),
        fresh("ab"),
    )
    a, b = result.node("a"), result.node("b")
    assert (a["vpc_gateway"], b["vpc_gateway"]) == ("10.111.0.1", "10.111.1.254")
    assert (a["peers"][0]["route"], b["peers"][0]["route"]) == ("gateway", "gateway")
    assert routes(a) == [{"dst": "10.111.160.128/25", "via": "10.111.0.1"}]
    assert routes(b) == [{"dst": "10.111.160.0/25", "via": "10.111.1.254"}]


def test_an_overlay_has_no_routes_and_no_native_routing_cidr():
    result = plan(
        inventory(
            podnet_network_type="overlay",
            podnet_secondary_ranges=[{"name": "pods", "cidr": "10.244.0.0/16"}],
        ),
        fresh(NODES),
    )
    node = result.node("node-e6e4d")
    assert node["native_routing_cidr"] is None
    assert routes(node) == []
    own = [node["pod_cidr"], *(peer["pod_cidr"] for peer in node["peers"])]
    assert own == list(cidrs(result).values())


TWO_SUBNETS: dict[str, Any] = {
    "podnet_network_type": "overlay",
    "podnet_subnets": [
        {"name": "one", "cidr": "10.111.0.0/24"},
        {"name": "two", "cidr": "10.111.1.0/24"},
    ],
}
THREE = {"a": "10.111.0.8", "b": "10.111.0.9", "c": "10.111.1.8"}


def test_a_tunnel_leads_to_every_peer():
    nodes = inventory(THREE, podnet_vxlan_vni=7, podnet_vxlan_port="4789", **TWO_SUBNETS)
    nodes["b"].update(podnet_vtep_ip="192.0.2.9", podnet_vxlan_device="eth1")
    result = plan(nodes, fresh(nodes))
    a, b = result.node("a"), result.node("b")
    shared = {"vni": 7, "port": 4789, "checksum_offload": True}
    own = {"ip": "10.111.0.8", "mac": "0a:58:0a:6f:a0:00", "device": None}
    assert a["vxlan"] == shared | own
    own = {"ip": "192.0.2.9", "mac": "0a:58:0a:6f:a0:80", "device": "eth1"}
    assert b["vxlan"] == shared | own
    assert [(p["name"], p["route"], p["vtep_ip"], p["vtep_mac"]) for p in a["peers"]] == [
        ("b", "tunnel", "192.0.2.9", "0a:58:0a:6f:a0:80"),
        ("c", "tunnel", "10.111.1.8", "0a:58:0a:6f:a1:00"),
    ]
    assert routes(a) == routes(b) == []


@pytest.mark.parametrize("yes", [True, "true", "Yes"])
def test_direct_routing_spares_a_peer_on_the_same_subnet_the_tunnel(yes):
    nodes = inventory(THREE, podnet_direct_routing=yes, **TWO_SUBNETS)
    a = plan(nodes, fresh(nodes)).node("a")
    assert [(p["name"], p["route"]) for p in a["peers"]] == [("b", "direct"), ("c", "tunnel")]
    assert routes(a) == [{"dst": "10.111.160.128/25", "via": "10.111.0.9"}]


def test_variables_of_the_tunnel_do_not_matter_where_there_is_none():
    nodes = inventory(
        podnet_direct_routing=True, podnet_vxlan_vni=7, podnet_vxlan_checksum_offload=False
    )
    for node in nodes.values():
        node.update(podnet_vtep_ip="10.111.0.8", podnet_vxlan_device="eth1")
    assert [plan(nodes, fresh(nodes)).node(name) for name in nodes] == [
        plan(inventory(), fresh(nodes)).node(name) for name in nodes
    ]


def test_a_slice_names_the_ranges_that_node_groups_use():
    nodes = inventory(
        podnet_network_type="overlay",
        podnet_secondary_ranges=[
            {"name": name, "cidr": f"10.{number}.0.0/16"}
            for name, number in (("a", 8), ("spare", 9), ("b", 10))
        ],
        podnet_node_groups=[
            {"name": "default", "secondary_ranges": ["b"]},
            {"name": "other", "secondary_ranges": ["b", "a"]},
        ],
    )
    node = plan(nodes, fresh(nodes)).node("node-e6e4d")
    assert node["pod_ranges"] == ["10.8.0.0/16", "10.10.0.0/16"]


def test_a_node_without_a_pod_cidr_has_no_tunnel_endpoint():
    nodes = inventory(THREE, podnet_node_cidr_mask_size=21, **TWO_SUBNETS)
    result = plan(nodes, fresh(nodes))
    c = result.node("c")
    assert (c["usable"], c["vxlan"]["mac"]) == (False, None)
    assert [peer["name"] for peer in result.node("a")["peers"]] == ["b"]


def test_a_range_outside_the_vpc_works_within_a_native_routing_cidr():
    nodes = inventory(
        podnet_native_routing_cidr="10.0.0.0/8",
        podnet_secondary_ranges=[{"name": "default", "cidr": "10.200.0.0/20"}],
    )
    result = plan(nodes, fresh(nodes))
    assert result.cluster["native_routing_cidr"] == "10.0.0.0/8"
    assert cidrs(result)["node-e6e4d"] == "10.200.0.0/25"


def test_no_pod_gets_a_reserved_address():
    nodes = inventory(
        {"a": "10.111.0.8"},
        podnet_node_cidr_mask_size=26,
        podnet_deployments=[{"name": "web", "replicas": 60}],
        podnet_max_pods=60,
    )
    result = plan(nodes, fresh(nodes))
    used = {at[1] for at in pods(result).values()}
    network = ipaddress.ip_network("10.111.160.0/26")
    assert used == {str(ip) for ip in list(network.hosts())[:60]}  # less health and gateway


@pytest.mark.parametrize(
    ("taken", "health"),
    [([], "10.111.160.125"), ([125], "10.111.160.124"), ([125, 124, 122], "10.111.160.123")],
)
def test_the_health_address_makes_room_for_what_is_fixed_by_hand(taken, health):
    nodes = inventory({"a": "10.111.0.8"}, podnet_deployments=[])
    nodes["a"]["podnet_pods"] = [
        {"name": f"pod-{last}", "ip": f"10.111.160.{last}"} for last in taken
    ]
    assert plan(nodes, fresh(nodes)).node("a")["health_ip"] == health


def test_the_summary_counts():
    nodes = inventory()
    summary = plan(nodes, fresh(nodes)).cluster
    (row,) = summary["ranges"]
    assert (row["used"], row["total"]) == (3, 32)
    assert [(each["mask"], each["nodes"], each["usable_pods"]) for each in row["capacity"]] == [
        (24, 16, 128),
        (25, 32, 64),
        (26, 64, 32),
    ]
    assert [(node["name"], node["pods"]) for node in summary["nodes"]] == list(
        zip(NODES, (7, 7, 6))
    )
    assert (summary["pods"], summary["pending"], summary["warnings"]) == (20, [], [])


def test_an_empty_answer_of_a_survey_means_not_set():
    nodes = inventory()
    variables = {**CLUSTER_VARIABLES, **NODE_VARIABLES}
    empty = [name for name, variable in variables.items() if not variable.needed]
    empty.remove("podnet_node_ip")
    empty.remove("podnet_deployments")
    surveyed = {name: {**node, **dict.fromkeys(empty, "")} for name, node in nodes.items()}
    assert plan(surveyed, fresh(nodes)) == plan(nodes, fresh(nodes))


def test_numbers_may_be_texts():
    nodes = inventory()
    texts = inventory(podnet_node_cidr_mask_size="25", podnet_max_pods="64")
    assert plan(texts, fresh(nodes)) == plan(nodes, fresh(nodes))


def test_the_nodes_address_defaults_to_ansible_host():
    nodes = inventory({"a": ""})
    nodes["a"]["ansible_host"] = "10.111.0.20"
    assert plan(nodes, fresh(nodes)).node("a")["node_ip"] == "10.111.0.20"


def test_a_node_group_has_its_own_subnet_ranges_and_mask():
    nodes = inventory(
        {"a": "10.111.0.8", "b": "10.111.1.8", "c": "10.111.1.9"},
        podnet_subnets=[
            {"name": "one", "cidr": "10.111.0.0/24"},
            {"name": "two", "cidr": "10.111.1.0/24"},
        ],
        podnet_secondary_ranges=[
            {"name": "small", "cidr": "10.111.160.0/20"},
            {"name": "large", "cidr": "10.111.192.0/24"},
        ],
        podnet_node_groups=[
            {"name": "default", "subnet": "one", "secondary_ranges": ["small"]},
            {
                "name": "big",
                "subnet": "two",
                "secondary_ranges": ["large", "small"],
                "node_cidr_mask_size": 24,
            },
        ],
        podnet_deployments=[{"name": "web", "replicas": 4, "node_group": "big"}],
    )
    nodes["b"]["podnet_node_group"] = nodes["c"]["podnet_node_group"] = "big"
    result = plan(nodes, fresh(nodes))
    # The second /24 comes from the range that has a /25 taken: it must not overlap that.
    assert cidrs(result) == {"a": "10.111.160.0/25", "b": "10.111.192.0/24", "c": "10.111.161.0/24"}
    assert Counter(at[0] for at in pods(result).values()) == {"b": 2, "c": 2}
    assert {
        (row["name"], row["node_cidr_mask_size"], row["used"]) for row in result.cluster["ranges"]
    } == {
        ("small", 25, 1),
        ("large", 24, 1),
        ("small", 24, 1),
    }


def test_two_clusters_of_one_inventory_are_planned_apart():
    nodes = inventory({"a": "10.111.0.8"}) | inventory(
        {"b": "10.111.0.9"},
        podnet_cluster="other",
        podnet_secondary_ranges=[{"name": "default", "cidr": "10.111.176.0/20"}],
    )
    result = plan(nodes, fresh(nodes))
    assert cidrs(result) == {"a": "10.111.160.0/25", "b": "10.111.176.0/25"}
    assert result.node("a")["peers"] == result.node("b")["peers"] == []
    assert result.node("b")["cluster"] == "other"
    assert list(result.clusters) == ["demo", "other"]


def test_an_exhausted_range_leaves_the_new_node_unusable_and_the_others_alone():
    small = [{"name": "default", "cidr": "10.111.160.0/24"}]
    two = {"a": "10.111.0.8", "b": "10.111.0.9"}
    before = plan(inventory(two, podnet_secondary_ranges=small), fresh(two))
    nodes = inventory({**two, "c": "10.111.0.10"}, podnet_secondary_ranges=small)
    nodes["c"]["podnet_pods"] = [{"name": "here-1"}]
    result = plan(nodes, fresh(nodes))
    new = result.node("c")
    assert (new["usable"], new["pod_cidr"], new["gateway_ip"], new["endpoints"]) == (
        False,
        None,
        None,
        [],
    )
    assert new["reason"] == (
        "The secondary range default 10.111.160.0/24 has no /25 left; put the node into a node "
        "group with a fresh secondary range."
    )
    assert result.cluster["pending"] == [{"name": "here-1", "reason": new["reason"]}]
    assert result.cluster["warnings"] == [f"c is not usable: {new['reason']}"]
    assert [peer["name"] for peer in new["peers"]] == ["a", "b"]
    for name in two:
        assert result.node(name) == before.node(name)


def test_a_node_group_with_a_fresh_range_makes_it_usable():
    nodes = inventory(
        {"a": "10.111.0.8", "b": "10.111.0.9", "c": "10.111.0.10"},
        podnet_secondary_ranges=[
            {"name": "default", "cidr": "10.111.160.0/24"},
            {"name": "fresh", "cidr": "10.111.176.0/20"},
        ],
        podnet_node_groups=[
            {"name": "default", "secondary_ranges": ["default"]},
            {"name": "more", "secondary_ranges": ["fresh"]},
        ],
    )
    nodes["c"]["podnet_node_group"] = "more"
    assert cidrs(plan(nodes, fresh(nodes)))["c"] == "10.111.176.0/25"


def test_pods_without_room_are_pending_with_the_reason():
    nodes = inventory(podnet_max_pods=5)
    summary = plan(nodes, fresh(nodes)).cluster
    assert [node["pods"] for node in summary["nodes"]] == [5, 5, 5]
    reason = (
        "no node that answered has room for another pod; podnet_max_pods and "
        "podnet_node_cidr_mask_size limit them"
    )
    assert summary["pending"] == [
        {"name": f"nginx-app-{number}", "reason": reason} for number in range(16, 21)
    ]
    assert summary["warnings"] == [
        f"5 pods pending (nginx-app-16, nginx-app-17, nginx-app-18 and 2 more): {reason}."
    ]


def test_half_of_the_addresses_are_pods_unless_told_otherwise():
    deployments = [{"name": "web", "replicas": 200}]
    nodes = inventory({"a": "10.111.0.8"}, podnet_deployments=deployments)
    assert plan(nodes, fresh(nodes)).cluster["pods"] == 64
    nodes["a"]["podnet_max_pods"] = 124
    assert plan(nodes, fresh(nodes)).cluster["pods"] == 124
