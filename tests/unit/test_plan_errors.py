"""Everything that is refused, with the sentence that the user reads."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.plan.planner import plan
from planning import FRESH, NODES, World, fresh, inventory

SUBNET = {"name": "default", "cidr": "10.111.0.0/24"}
CONTAINER = {"name": "web", "command": ["nginx"]}
RANGE = {"name": "default", "cidr": "10.111.160.0/20"}
DNS = (
    "valid is a DNS-1123 name: lower-case letters, digits, '-' and '.', letters or digits at both "
    "ends, at most 239 characters."
)
SHARE = "a secondary range must share no address with a primary or another secondary range."

#: Variables of the whole cluster -> the sentence.
CLUSTER: dict[str, tuple[dict[str, Any], str]] = {
    "primary and secondary range overlap": (
        {"podnet_secondary_ranges": [{"name": "pods", "cidr": "10.111.0.0/20"}]},
        "podnet_secondary_ranges pods 10.111.0.0/20 overlaps podnet_subnets default "
        f"10.111.0.0/24; {SHARE}",
    ),
    "two secondary ranges overlap": (
        {"podnet_secondary_ranges": [RANGE, {"name": "b", "cidr": "10.111.168.0/21"}]},
        "podnet_secondary_ranges b 10.111.168.0/21 overlaps podnet_secondary_ranges default "
        f"10.111.160.0/20; {SHARE}",
    ),
    "two subnets overlap": (
        {"podnet_subnets": [SUBNET, {"name": "b", "cidr": "10.111.0.128/25"}]},
        "podnet_subnets b 10.111.0.128/25 overlaps default 10.111.0.0/24; subnets of a VPC must "
        "not share an address.",
    ),
    "a subnet outside its VPC": (
        {"podnet_subnets": [SUBNET, {"name": "far", "cidr": "10.112.0.0/24"}]},
        "podnet_subnets far is 10.112.0.0/24, which lies outside its VPC; valid is a CIDR within "
        "podnet_vpc_cidr 10.111.0.0/16.",
    ),
    "a gateway outside its subnet": (
        {"podnet_subnets": [{**SUBNET, "gateway": "10.111.1.1"}]},
        "podnet_subnets default.gateway is 10.111.1.1; valid is an address of 10.111.0.0/24 other "
        "than the first and the last.",
    ),
    "a secondary range outside the native-routing CIDR": (
        {"podnet_secondary_ranges": [{"name": "default", "cidr": "10.244.0.0/16"}]},
        "podnet_secondary_ranges default 10.244.0.0/16 lies outside the native-routing CIDR "
        "10.111.0.0/16; valid is a range within it, or a podnet_native_routing_cidr that holds "
        "both the VPC and the range.",
    ),
    "a secondary range that another cluster owns": (
        {"podnet_secondary_ranges": [{**RANGE, "cluster": "other"}]},
        "podnet_secondary_ranges default 10.111.160.0/20 belongs to cluster other, and cluster "
        "demo uses it; valid is a range that no other cluster has.",
    ),
    "a mask outside the range": (
        {"podnet_node_cidr_mask_size": 19},
        "podnet_node_cidr_mask_size of node group default is 19, outside the secondary range "
        "default 10.111.160.0/20; valid is 20 to 28.",
    ),
    "a mask that is too long": (
        {"podnet_node_cidr_mask_size": 29},
        "podnet_node_cidr_mask_size is 29; valid is a whole number from 16 to 28.",
    ),
    "a mask that is no number": (
        {"podnet_node_cidr_mask_size": "/25"},
        "podnet_node_cidr_mask_size is '/25'; valid is a whole number from 16 to 28.",
    ),
    "a number that is a truth value": (
        {"podnet_cluster_size": True},
        "podnet_cluster_size is True; valid is a whole number from 1 to 1000000.",
    ),
    "an unknown network type": (
        {"podnet_network_type": "calico"},
        "podnet_network_type is 'calico'; valid is native_routing or overlay.",
    ),
    "an unknown datapath": (
        {"podnet_datapath": "iptables"},
        "podnet_datapath is 'iptables'; valid is ebpf, bridge or routed.",
    ),
    "a VNI that is too large": (
        {"podnet_network_type": "overlay", "podnet_vxlan_vni": 16777216},
        "podnet_vxlan_vni is 16777216; valid is a whole number from 1 to 16777215.",
    ),
    "the VNI of a device without one": (
        {"podnet_network_type": "overlay", "podnet_vxlan_vni": "0"},
        "podnet_vxlan_vni is '0'; valid is a whole number from 1 to 16777215.",
    ),
    "a port that is too large": (
        {"podnet_network_type": "overlay", "podnet_vxlan_port": 65536},
        "podnet_vxlan_port is 65536; valid is a whole number from 1 to 65535.",
    ),
    "port 0": (
        {"podnet_network_type": "overlay", "podnet_vxlan_port": 0},
        "podnet_vxlan_port is 0; valid is a whole number from 1 to 65535.",
    ),
    "a port that is none": (
        {"podnet_network_type": "overlay", "podnet_vxlan_port": "vxlan"},
        "podnet_vxlan_port is 'vxlan'; valid is a whole number from 1 to 65535.",
    ),
    "direct routing that is neither on nor off": (
        {"podnet_network_type": "overlay", "podnet_direct_routing": "same-subnet"},
        "podnet_direct_routing is 'same-subnet'; valid is true or false.",
    ),
    "checksum offload that is a number": (
        {"podnet_network_type": "overlay", "podnet_vxlan_checksum_offload": 1},
        "podnet_vxlan_checksum_offload is 1; valid is true or false.",
    ),
    "no VPC": (
        {"podnet_vpc_cidr": ""},
        "podnet_vpc_cidr is not set; valid is the CIDR of the VPC such as 10.111.0.0/16.",
    ),
    "a CIDR with host bits": (
        {"podnet_vpc_cidr": "10.111.0.1/16"},
        "podnet_vpc_cidr is '10.111.0.1/16'; valid is an IPv4 CIDR without host bits such as "
        "10.111.160.0/20.",
    ),
    "a CIDR in short": (
        {"podnet_vpc_cidr": "10/8"},
        "podnet_vpc_cidr is '10/8'; valid is an IPv4 CIDR without host bits such as "
        "10.111.160.0/20.",
    ),
    "a CIDR that is a number": (
        {"podnet_vpc_cidr": 10},
        "podnet_vpc_cidr is 10; valid is an IPv4 CIDR without host bits such as 10.111.160.0/20.",
    ),
    "an IPv6 CIDR": (
        {"podnet_secondary_ranges": [{"cidr": "fd00::/64"}]},
        "podnet_secondary_ranges[0].cidr is 'fd00::/64'; valid is an IPv4 CIDR without host bits "
        "such as 10.111.160.0/20.",
    ),
    "no subnet": (
        {"podnet_subnets": []},
        "podnet_subnets is []; valid is a list such as [{name: default, cidr: 10.111.0.0/24}].",
    ),
    "a mapping for a list": (
        {"podnet_subnets": SUBNET},
        "podnet_subnets is {'name': 'default', 'cidr': '10.111.0.0/24'}; valid is a list.",
    ),
    "a text for a mapping": (
        {"podnet_subnets": ["10.111.0.0/24"]},
        "podnet_subnets[0] is '10.111.0.0/24'; valid is a mapping of name, cidr, gateway.",
    ),
    "an unknown key": (
        {"podnet_subnets": [{**SUBNET, "cird": "x"}]},
        "podnet_subnets[0] has a key that is 'cird'; valid is name, cidr or gateway as its keys.",
    ),
    "a missing key": (
        {"podnet_secondary_ranges": [RANGE, {"name": "b"}]},
        "podnet_secondary_ranges[1].cidr is not set; valid is the range's CIDR such as "
        "10.111.160.0/20.",
    ),
    "a name twice": (
        {"podnet_secondary_ranges": [RANGE, {"name": "default", "cidr": "10.111.192.0/20"}]},
        "podnet_secondary_ranges has the name 'default' twice; each name is valid once.",
    ),
    "a node group twice": (
        {"podnet_node_groups": [{"name": "a"}, {"name": "a"}]},
        "podnet_node_groups has the name 'a' twice; each name is valid once.",
    ),
    "a node group with an unknown range": (
        {"podnet_node_groups": [{"name": "default", "secondary_ranges": ["pods"]}]},
        "podnet_node_groups default.secondary_ranges is 'pods', which podnet_secondary_ranges does "
        "not have; valid is default.",
    ),
    "a node group with an unknown subnet": (
        {"podnet_node_groups": [{"name": "default", "subnet": "far"}]},
        "podnet_node_groups default.subnet is 'far', which podnet_subnets does not have; valid is "
        "default.",
    ),
    "a deployment in an unknown node group": (
        {"podnet_deployments": [{"name": "web", "node_group": "gpu"}]},
        "podnet_deployments web.node_group is 'gpu', which podnet_node_groups does not have; "
        "valid is default.",
    ),
    "a deployment twice": (
        {"podnet_deployments": [{"name": "web"}, {"name": "web"}]},
        "podnet_deployments has the name 'web' twice; each name is valid once.",
    ),
    "a deployment without a name": (
        {"podnet_deployments": [{"replicas": 2}]},
        "podnet_deployments[0].name is not set; valid is a DNS-1123 name such as nginx-app.",
    ),
    "a deployment with a name that DNS refuses": (
        {"podnet_deployments": [{"name": "Nginx_App"}]},
        f"podnet_deployments[0].name is 'Nginx_App'; {DNS}",
    ),
    "a deployment whose pods' names are too long": (
        {"podnet_deployments": [{"name": ".".join(["a" * 59] * 4), "replicas": 10}]},
        f"podnet_deployments name {'.'.join(['a' * 59] * 4)!r} is too long; valid is a name that "
        "leaves room for the pod's number within 239 characters.",
    ),
    "a negative number of replicas": (
        {"podnet_deployments": [{"name": "web", "replicas": -1}]},
        "podnet_deployments[0].replicas is -1; valid is a whole number from 0 to 1000000.",
    ),
    "a command that is a text": (
        {"podnet_deployments": [{"name": "web", "command": "nginx -g x"}]},
        "podnet_deployments[0].command is 'nginx -g x'; valid is a list of texts such as "
        "['nginx', '-g', 'daemon off;'].",
    ),
    "containers and a command": (
        {"podnet_deployments": [{"name": "web", "command": ["x"], "containers": [CONTAINER]}]},
        "podnet_deployments[0].containers is [{'name': 'web', 'command': ['nginx']}]; valid is "
        "either containers or command, not both.",
    ),
    "two containers of one name": (
        {"podnet_deployments": [{"name": "web", "containers": [CONTAINER, CONTAINER]}]},
        "podnet_deployments[0].containers[1].name is 'web'; valid is a name that no other "
        "container of the pod has.",
    ),
    "a container whose name is no label": (
        {"podnet_deployments": [{"name": "web", "containers": [{**CONTAINER, "name": "a.b"}]}]},
        "podnet_deployments[0].containers[0].name is 'a.b'; valid is a DNS-1123 label: lower-case "
        "letters, digits and '-', letters or digits at both ends, at most 63 characters.",
    ),
    "a container without a command": (
        {"podnet_deployments": [{"name": "web", "containers": [{"name": "web"}]}]},
        "podnet_deployments[0].containers[0].command is not set; valid is a list of texts such "
        "as ['nginx'].",
    ),
    "labels that are a list": (
        {"podnet_deployments": [{"name": "web", "labels": ["app"]}]},
        "podnet_deployments[0].labels is ['app']; valid is a mapping of texts such as {'app': "
        "'nginx'}.",
    ),
    "an inventory that is too small": (
        {"podnet_cluster_size": 4},
        "podnet_cluster_size of cluster demo is 4, but its inventory has 3 nodes; a job that is "
        "sliced or limited to part of the inventory cannot plan.",
    ),
    "a cluster name that is a number": (
        {"podnet_cluster": 7},
        "podnet_cluster of node-e6e4d is 7; valid is a text.",
    ),
}

#: Variables of node-63344 alone -> the sentence.
NODE: dict[str, tuple[dict[str, Any], str]] = {
    "a malformed tunnel endpoint": (
        {"podnet_vtep_ip": "eth0"},
        "podnet_vtep_ip of node-63344 is 'eth0'; valid is an IPv4 address such as 10.111.0.8.",
    ),
    "an underlay device that is a number": (
        {"podnet_vxlan_device": 2},
        "podnet_vxlan_device of node-63344 is 2; valid is a text.",
    ),
    "two VNIs for one cluster": (
        {"podnet_vxlan_vni": 2},
        "podnet_vxlan_vni is None on node-e6e4d and 2 on node-63344; all nodes of cluster demo "
        "need the same value.",
    ),
    "two network types for one cluster": (
        {"podnet_network_type": "overlay"},
        "podnet_network_type is 'native_routing' on node-e6e4d and 'overlay' on node-63344; all "
        "nodes of cluster demo need the same value.",
    ),
    "another range on one node": (
        {"podnet_secondary_ranges": ""},
        "podnet_secondary_ranges is [{'name': 'default', 'cidr': '10.111.160.0/20'}] on "
        "node-e6e4d and '' on node-63344; all nodes of cluster demo need the same value.",
    ),
    "no address": (
        {"podnet_node_ip": "", "ansible_host": "node.example"},
        "podnet_node_ip of node-63344 is not set, and its ansible_host 'node.example' is no "
        "address; valid is the IPv4 address of the node in its subnet.",
    ),
    "a malformed address": (
        {"podnet_node_ip": "10.111.0"},
        "podnet_node_ip of node-63344 is '10.111.0'; valid is an IPv4 address such as 10.111.0.8.",
    ),
    "an address outside its subnet": (
        {"podnet_node_ip": "10.111.1.9"},
        "podnet_node_ip of node-63344 is 10.111.1.9, which lies outside its subnet; valid is an "
        "address in default 10.111.0.0/24.",
    ),
    "an address twice": (
        {"podnet_node_ip": "10.111.0.8"},
        "podnet_node_ip of node-63344 is 10.111.0.8, which node-e6e4d has too; each address is "
        "valid once.",
    ),
    "the gateway's address": (
        {"podnet_node_ip": "10.111.0.1"},
        "podnet_node_ip of node-63344 is 10.111.0.1, which is reserved; valid is an address of "
        "10.111.0.0/24 other than the first, the last and the gateway 10.111.0.1.",
    ),
    "an unknown node group": (
        {"podnet_node_group": "gpu"},
        "podnet_node_group of node-63344 is 'gpu', which podnet_node_groups does not have; valid "
        "is default.",
    ),
    "an unknown attach mode": (
        {"podnet_attach_mode": "xdp"},
        "podnet_attach_mode of node-63344 is 'xdp'; valid is auto, tcx or clsact.",
    ),
    "a sample of none": (
        {"podnet_flows_sample": 0},
        "podnet_flows_sample of node-63344 is 0; valid is a whole number from 1 to 1000000.",
    ),
    "a pod CIDR outside the ranges": (
        {"podnet_pod_cidr": "10.111.192.0/25"},
        "podnet_pod_cidr of node-63344 is 10.111.192.0/25; valid is a /25 within the secondary "
        "ranges of its node group default: default 10.111.160.0/20.",
    ),
    "a pod CIDR with another mask": (
        {"podnet_pod_cidr": "10.111.160.0/26"},
        "podnet_pod_cidr of node-63344 is 10.111.160.0/26; valid is a /25 within the secondary "
        "ranges of its node group default: default 10.111.160.0/20.",
    ),
    "a pod's address outside its node's CIDR": (
        {"podnet_pods": [{"name": "web", "ip": "10.111.160.3"}]},
        "podnet_pods web.ip on node-63344 is 10.111.160.3, which lies outside the node's pod CIDR; "
        "valid is an address of 10.111.160.128/25.",
    ),
    "a pod at the network address": (
        {"podnet_pods": [{"name": "web", "ip": "10.111.160.128"}]},
        "podnet_pods web.ip on node-63344 is 10.111.160.128, which is reserved; valid is an "
        "address of 10.111.160.128/25 other than the first, the last and the gateway "
        "10.111.160.254.",
    ),
    "a pod at the broadcast address": (
        {"podnet_pods": [{"name": "web", "ip": "10.111.160.255"}]},
        "podnet_pods web.ip on node-63344 is 10.111.160.255, which is reserved; valid is an "
        "address of 10.111.160.128/25 other than the first, the last and the gateway "
        "10.111.160.254.",
    ),
    "a pod at the gateway's address": (
        {"podnet_pods": [{"name": "web", "ip": "10.111.160.254"}]},
        "podnet_pods web.ip on node-63344 is 10.111.160.254, which is reserved; valid is an "
        "address of 10.111.160.128/25 other than the first, the last and the gateway "
        "10.111.160.254.",
    ),
    "a pod's address twice": (
        {"podnet_pods": [{"name": f"web-{i}", "ip": "10.111.160.130"} for i in "ab"]},
        "podnet_pods web-b.ip on node-63344 is 10.111.160.130, which podnet_pods web-a.ip has too; "
        "each address is valid once.",
    ),
    "a pod at the health address that is fixed": (
        {
            "podnet_health_ip": "10.111.160.130",
            "podnet_pods": [{"name": "web", "ip": "10.111.160.130"}],
        },
        "podnet_health_ip on node-63344 is 10.111.160.130, which podnet_pods web.ip has too; each "
        "address is valid once.",
    ),
    "a health address outside": (
        {"podnet_health_ip": "10.111.161.1"},
        "podnet_health_ip on node-63344 is 10.111.161.1, which lies outside the node's pod CIDR; "
        "valid is an address of 10.111.160.128/25.",
    ),
    "a malformed pod address": (
        {"podnet_pods": [{"name": "web", "ip": "10.111.160.300"}]},
        "podnet_pods[0].ip of node-63344 is '10.111.160.300'; valid is an IPv4 address such as "
        "10.111.0.8.",
    ),
    "a pod twice": (
        {"podnet_pods": [{"name": "web"}, {"name": "web"}]},
        "podnet_pods of node-63344 has the name 'web', which node-63344 has too; each name is "
        "valid once in a cluster.",
    ),
    "a pod with a deployment's name": (
        {"podnet_pods": [{"name": "nginx-app-20"}]},
        "podnet_pods of node-63344 has the name 'nginx-app-20', which is a pod of deployment "
        "nginx-app too; each name is valid once in a cluster.",
    ),
    "a pod with the health endpoint's name": (
        {"podnet_pods": [{"name": "podnet-health"}]},
        "podnet_pods of node-63344 has the name 'podnet-health', which is that of the health "
        "endpoint; valid is any other.",
    ),
    "a pod with a name that DNS refuses": (
        {"podnet_pods": [{"name": "-web"}]},
        f"podnet_pods[0].name of node-63344 is '-web'; {DNS}",
    ),
    "more pods than the node takes": (
        {"podnet_pods": [{"name": f"web-{i}"} for i in range(65)]},
        "podnet_pods of node-63344 has 65 pods, but the node takes 64; valid is a shorter list, "
        "or podnet_max_pods up to 124.",
    ),
    "more pods than the CIDR has room for": (
        {"podnet_max_pods": 125},
        "podnet_max_pods of node-63344 is 125, but its pod CIDR 10.111.160.128/25 has room for "
        "124; valid is 0 to 124.",
    ),
}


def refused(nodes: dict[str, Any], observed: dict[str, Any] | None = None) -> list[str]:
    with pytest.raises(Failure) as caught:
        plan(nodes, fresh(nodes) if observed is None else observed)
    return caught.value.details["problems"]


@pytest.mark.parametrize(("variables", "sentence"), CLUSTER.values(), ids=CLUSTER)
def test_of_the_cluster(variables, sentence):
    assert refused(inventory(**variables))[0] == sentence


@pytest.mark.parametrize(("variables", "sentence"), NODE.values(), ids=NODE)
def test_of_a_node(variables, sentence):
    nodes = inventory()
    nodes["node-63344"].update(variables)
    assert refused(nodes) == [sentence]


#: The address of the tunnel endpoint of node-63344 in an overlay -> the sentence.
ENDPOINTS: dict[str, tuple[str, str]] = {
    "that of another node": (
        "10.111.0.14",
        "podnet_vtep_ip of node-39206 is 10.111.0.14, which node-63344 has too; each tunnel "
        "endpoint needs its own.",
    ),
    "that of another node, by hand on both": (
        "192.0.2.8",
        "podnet_vtep_ip of node-63344 is 192.0.2.8, which node-e6e4d has too; each tunnel endpoint "
        "needs its own.",
    ),
    "one behind the tunnel": (
        "10.111.170.1",
        "podnet_vtep_ip of node-63344 is 10.111.170.1, which lies within the secondary range "
        "default 10.111.160.0/20; valid is an address that is reached without the tunnel.",
    ),
}


@pytest.mark.parametrize(("address", "sentence"), ENDPOINTS.values(), ids=ENDPOINTS)
def test_of_a_tunnel_endpoint(address, sentence):
    nodes = inventory(podnet_network_type="overlay")
    nodes["node-e6e4d"]["podnet_vtep_ip"] = "192.0.2.8"
    nodes["node-63344"]["podnet_vtep_ip"] = address
    assert refused(nodes) == [sentence]


def test_two_nodes_with_one_address_are_one_problem_in_an_overlay_too():
    nodes = inventory(podnet_network_type="overlay")
    nodes["node-63344"]["podnet_node_ip"] = "10.111.0.8"
    assert [sentence.split(" of ")[0] for sentence in refused(nodes)] == ["podnet_node_ip"]


def test_a_pod_cidr_twice():
    nodes = inventory()
    for name in ("node-e6e4d", "node-39206"):
        nodes[name]["podnet_pod_cidr"] = "10.111.165.0/25"
    assert refused(nodes) == [
        "The pod CIDR 10.111.165.0/25 of node-39206 (by podnet_pod_cidr) overlaps 10.111.165.0/25 "
        "of node-e6e4d (by podnet_pod_cidr); set podnet_pod_cidr of one of them to a free CIDR, or "
        "tear that node down."
    ]


def test_a_pod_on_two_nodes():
    nodes = inventory()
    for name in ("node-e6e4d", "node-39206"):
        nodes[name]["podnet_pods"] = [{"name": "web"}]
    assert refused(nodes) == [
        "podnet_pods of node-39206 has the name 'web', which node-e6e4d has too; each name is "
        "valid once in a cluster."
    ]


def test_a_secondary_range_of_two_clusters():
    nodes = inventory({"a": "10.111.0.8"}) | inventory({"b": "10.111.0.9"}, podnet_cluster="other")
    assert refused(nodes) == [
        "podnet_secondary_ranges default 10.111.160.0/20 of cluster other overlaps default "
        "10.111.160.0/20 of cluster demo; a secondary range belongs to one cluster alone."
    ]


def test_a_secondary_range_over_another_clusters_subnet():
    nodes = inventory({"a": "10.111.0.8"}) | inventory(
        {"b": "10.111.170.9"},
        podnet_cluster="other",
        podnet_subnets=[{"name": "theirs", "cidr": "10.111.170.0/24"}],
        podnet_secondary_ranges=[{"name": "pods", "cidr": "10.111.192.0/20"}],
    )
    assert refused(nodes) == [
        "podnet_secondary_ranges default 10.111.160.0/20 of cluster demo overlaps the subnet "
        "theirs 10.111.170.0/24 of another cluster; a secondary range must share no address with "
        "a primary range."
    ]


def test_a_node_without_group_where_none_is_the_default():
    nodes = inventory(podnet_node_groups=[{"name": "a"}, {"name": "b"}])
    assert refused(nodes)[0] == (
        "podnet_node_group of node-e6e4d is 'default', which podnet_node_groups does not have; "
        "valid is a or b."
    )


def test_all_problems_come_at_once_and_the_message_shows_ten():
    nodes = inventory({f"n{i}": f"10.112.0.{i}" for i in range(12)})
    with pytest.raises(Failure) as caught:
        plan(nodes, {})
    assert len(caught.value.details["problems"]) == 12
    lines = caught.value.message.split("\n")
    assert lines[:10] == caught.value.details["problems"][:10]
    assert lines[10] == "... and 2 more."


def test_a_range_that_was_taken_away_under_a_node():
    world = World(inventory())
    world.run()
    for node in world.nodes.values():
        node["podnet_secondary_ranges"] = [{"name": "other", "cidr": "10.111.192.0/20"}]
    assert refused(world.nodes, world.observed())[0] == (
        "node-e6e4d has the pod CIDR 10.111.160.0/25 (by what it holds), which lies outside the "
        "secondary ranges of its node group default (other 10.111.192.0/20); valid is a range "
        "that holds it: pods in use do not move. To move the node, tear it down first."
    )


def test_a_cidr_by_hand_that_a_node_that_is_down_holds():
    world = World(inventory())
    world.run()
    world.down.add("node-63344")
    world.nodes["new"] = inventory({"new": "10.111.0.20"})["new"]
    world.nodes["new"]["podnet_pod_cidr"] = "10.111.160.128/25"
    assert refused(world.nodes, world.observed()) == [
        "The pod CIDR 10.111.160.128/25 of node-63344 (by what its peers hold for it) overlaps "
        "10.111.160.128/25 of new (by podnet_pod_cidr); set podnet_pod_cidr of one of them to a "
        "free CIDR, or tear that node down."
    ]


def test_two_nodes_that_hold_one_cidr():
    held = {**FRESH, "pod_cidr": "10.111.160.0/25"}
    observed = {**fresh(NODES), "node-e6e4d": held, "node-39206": held}
    assert refused(inventory(), observed)[0].startswith(
        "The pod CIDR 10.111.160.0/25 of node-39206 (by what it holds) overlaps 10.111.160.0/25 "
        "of node-e6e4d (by what it holds);"
    )


def test_a_new_node_beside_one_that_was_left_out_and_that_nobody_knows():
    nodes = inventory()
    assert refused(nodes, fresh(["node-e6e4d"])) == [
        "node-e6e4d is new and cannot get a pod CIDR in this run, which does not ask all nodes "
        "(--limit): no node that answered knows the pod CIDR of node-63344, node-39206; run once "
        "without --limit, add a node that stands to it, or set podnet_pod_cidr."
    ]


@pytest.mark.parametrize(
    "seen",
    [
        {"pod_cidr": "10.111.160.0", "peers": {}, "endpoints": {}},
        {"pod_cidr": None, "peers": {}, "endpoints": {"web": "10.111"}},
        {"pod_cidr": None, "peers": [1], "endpoints": {}},
    ],
)
def test_an_observation_that_cannot_be_read(seen):
    with pytest.raises(Failure, match="What was observed of node-e6e4d cannot be read"):
        plan(inventory(), {**fresh(NODES), "node-e6e4d": seen})


def test_a_table_of_peers_that_cannot_be_read():
    seen = {**FRESH, "peers": {"10.111.160.0/25": "node"}}
    with pytest.raises(Failure, match=r"observed with the peer 10.111.160.0/25: node; valid is"):
        plan(inventory(), {**fresh(NODES), "node-e6e4d": seen})


ADDRESS = "valid is an IPv4 address such as 10.111.0.8."


@pytest.mark.parametrize("given", [True, 3.0, 167772161, float("inf"), [], ["10.111.0.8"]])
@pytest.mark.parametrize("variable", ["podnet_vtep_ip", "podnet_node_ip", "podnet_health_ip"])
def test_an_address_that_is_no_text(variable, given):
    sentence = f"{variable} of node-63344 is {given!r}; {ADDRESS}"
    nodes = inventory()
    nodes["node-63344"][variable] = given
    assert refused(nodes) == [sentence]


@pytest.mark.parametrize("given", [True, 167772161, 10.0, float("inf")])
@pytest.mark.parametrize(
    ("where", "variables"),
    [
        ("podnet_services default/s.cluster_ip", lambda ip: {"cluster_ip": ip}),
        (
            "podnet_services default/s.backends[0].ip",
            lambda ip: {"backends": [{"ip": ip}]},
        ),
        ("podnet_services default/s.external_ips[0]", lambda ip: {"external_ips": [ip]}),
    ],
)
def test_an_address_of_a_service_that_is_no_text(where, variables, given):
    (sentence, *_others) = refused(
        inventory(podnet_services=[{"name": "s", "ports": [{"port": 80}], **variables(given)}])
    )
    assert sentence.startswith(f"{where} is {given!r}; valid is an IPv4 address")
    assert "\n" not in sentence


@pytest.mark.parametrize("given", [True, 167772161, 10.0, float("inf"), "10.111.0.0"])
def test_a_cidr_that_is_none(given):
    sentence = f"podnet_vpc_cidr is {given!r}; valid is an IPv4 CIDR without host bits such as "
    assert refused(inventory(podnet_vpc_cidr=given)) == [f"{sentence}10.111.160.0/20."]
