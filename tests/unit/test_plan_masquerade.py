"""Masquerading in the plan: what the variables say, and what comes of it in a slice."""

from __future__ import annotations

import ipaddress
import json
from typing import Any

import pytest
from ansible_collections.podnet.fabric.plugins.filter.cluster_report import cluster_report
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.plan.planner import Plan, plan
from planning import NODES, fresh, inventory

#: The list of the reference, one by one.
DEFAULT = {
    *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "192.0.0.0/24"),
    *("192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
    "240.0.0.0/4",
}
OWN = {"10.111.160.0/20": "pods", "10.111.0.0/16": "native"}
LINK_LOCAL = {"169.254.0.0/16": "link_local"}
OVERLAY = {"podnet_network_type": "overlay"}
AGENT = {
    "nonMasqueradeCIDRs": ["10.0.0.0/8", "192.0.2.0/24"],
    "resyncInterval": "60s",
    "cidrLimit": 64,
}
LISTED = {"10.0.0.0/8": "listed", "192.0.2.0/24": "listed"}
BAD = "valid is an IPv4 CIDR without host bits such as 10.111.160.0/20."
KEYS = (
    "valid is nonMasqueradeCIDRs, masqLinkLocal, masqLinkLocalIPv6, resyncInterval or cidrLimit as "
    "its keys."
)


def masqueraded(**variables: Any) -> Plan:
    return plan(inventory(**{"podnet_masquerade": True, **variables}), fresh(NODES))


def prefixes(result: Plan) -> dict[str, str]:
    found = result.node("node-e6e4d")["masquerade"]["prefixes"]
    assert found == [{"cidr": one["cidr"], "why": one["why"]} for one in found]
    cidrs = [ipaddress.ip_network(one["cidr"]) for one in found]
    assert cidrs == sorted(set(cidrs))
    return {one["cidr"]: one["why"] for one in found}


def loaded(*documents: Any, source: str = "agent.yml") -> dict[str, Any]:
    """Return a file as the action reads it."""
    return {"source": source, "documents": list(documents)}


@pytest.mark.parametrize("off", [{}, {"podnet_masquerade": ""}, {"podnet_masquerade": "no"}])
def test_it_is_off_until_it_is_switched_on_and_one_variable_switches_it_off(off):
    others = {"podnet_masquerade_link_local": True, "podnet_non_masquerade_cidrs": []}
    nodes = inventory(**others, **off)
    nodes["node-e6e4d"]["podnet_masquerade_devices"] = ["eth1"]
    result = plan(nodes, fresh(NODES))
    assert result.node("node-e6e4d")["masquerade"] is None
    assert result.cluster["masquerade"] is None
    assert result.cluster["warnings"] == []


@pytest.mark.parametrize("empty", [None, ""])
def test_the_defaults_of_a_native_network(empty):
    names = ("cidrs", "link_local", "nodes", "devices")
    unset = {f"podnet_masquerade_{name}": empty for name in names[1:]}
    unset |= {"podnet_non_masquerade_cidrs": empty, "podnet_ip_masq_agent": empty}
    result = masqueraded(podnet_masquerade="yes", podnet_node_addresses=empty, **unset)
    assert prefixes(result) == {**OWN, **dict.fromkeys(DEFAULT, "listed"), **LINK_LOCAL}
    node = result.node("node-e6e4d")
    assert (node["masquerade"]["nodes"], node["masquerade"]["devices"]) == (False, [])
    assert node["addresses"] == node["peers"][0]["addresses"] == []


def test_an_overlay_has_no_native_routing_cidr_and_masquerades_what_is_for_nodes():
    variables = {**OVERLAY, "podnet_non_masquerade_cidrs": []}
    result = masqueraded(**variables, podnet_native_routing_cidr="10.111.0.0/16")
    assert prefixes(result) == {"10.111.160.0/20": "pods", **LINK_LOCAL}
    assert result.node("node-e6e4d")["masquerade"]["nodes"] is True
    for given in ("false", "true"):
        result = masqueraded(**variables, podnet_masquerade_nodes=given)
        assert result.node("node-e6e4d")["masquerade"]["nodes"] is (given == "true")


@pytest.mark.parametrize("given", [AGENT, loaded(AGENT), loaded(None, AGENT)])
def test_the_variables_and_the_agents_configuration_say_the_same(given):
    by_agent = masqueraded(podnet_ip_masq_agent=given)
    cidrs = AGENT["nonMasqueradeCIDRs"]
    assert prefixes(by_agent) == {**OWN, **LISTED, **LINK_LOCAL}
    assert prefixes(masqueraded(podnet_non_masquerade_cidrs=cidrs)) == prefixes(by_agent)


def test_link_local_addresses_are_masqueraded_on_demand():
    by_variable = masqueraded(
        podnet_non_masquerade_cidrs=[*LISTED], podnet_masquerade_link_local="true"
    )
    by_agent = masqueraded(podnet_ip_masq_agent={**AGENT, "masqLinkLocal": True})
    assert prefixes(by_variable) == prefixes(by_agent) == {**OWN, **LISTED}


def test_an_empty_file_of_the_agent_is_the_default_and_one_without_a_list_is_an_empty_list():
    default = prefixes(masqueraded())
    assert prefixes(masqueraded(podnet_ip_masq_agent=loaded())) == default
    assert prefixes(masqueraded(podnet_ip_masq_agent=loaded(None))) == default
    empty = {"masqLinkLocal": "", "masqLinkLocalIPv6": True, "nonMasqueradeCIDRs": None}
    assert prefixes(masqueraded(podnet_ip_masq_agent=empty)) == {**OWN, **LINK_LOCAL}


def test_a_prefix_is_the_first_of_what_it_may_be():
    listed = ["10.111.160.0/20", "10.111.0.0/16", "169.254.0.0/16", "10.111.0.0/24"] * 2
    assert prefixes(masqueraded(podnet_non_masquerade_cidrs=listed)) == {
        **OWN,
        "169.254.0.0/16": "listed",
        "10.111.0.0/24": "listed",
    }
    ranges = [{"name": "a", "cidr": "10.111.160.0/20"}, {"name": "b", "cidr": "10.111.192.0/20"}]
    groups = [{"name": "default", "secondary_ranges": ["b"]}]
    result = masqueraded(
        podnet_secondary_ranges=ranges,
        podnet_node_groups=groups,
        podnet_non_masquerade_cidrs=[],
        podnet_native_routing_cidr="10.111.192.0/20",
    )
    # The range that is nobody's is no pods', and what is native as well is pods' first.
    assert prefixes(result) == {"10.111.192.0/20": "pods", **LINK_LOCAL}


def test_devices_and_further_addresses_are_a_nodes_own():
    nodes = inventory(podnet_masquerade=True)
    nodes["node-e6e4d"]["podnet_masquerade_devices"] = ["eth1", "eth0.7"]
    more = ["192.0.2.1", "10.111.0.200", "192.0.2.1", "10.111.0.9"]  # on lo, and its own again
    nodes["node-63344"]["podnet_node_addresses"] = more
    further = ["192.0.2.1", "10.111.0.200", "10.111.0.9"]
    result = plan(nodes, fresh(NODES))
    first, second = (result.node(name) for name in ("node-e6e4d", "node-63344"))
    assert first["masquerade"]["devices"] == ["eth1", "eth0.7"]
    assert second["masquerade"]["devices"] == []
    assert (first["addresses"], second["addresses"]) == ([], further)
    assert {peer["name"]: peer["addresses"] for peer in first["peers"]} == {
        "node-63344": further,
        "node-39206": [],
    }


def test_the_prefixes_of_a_cluster_are_kept_once():
    listed = [f"172.{16 + i // 256}.{i % 256}.0/24" for i in range(1000)]
    result = masqueraded(podnet_non_masquerade_cidrs=listed)
    assert len(result.common["demo"]["masquerade"]["prefixes"]) == 1003
    assert "172.16.0.0/24" not in json.dumps(result.own)


def test_what_a_person_should_know():
    cidrs = ["fd00::/8", "10.0.0.0/8", *(f"2001:db8:{i}::/48" for i in range(4))]
    result = masqueraded(podnet_ip_masq_agent={"nonMasqueradeCIDRs": cidrs})
    assert prefixes(result) == {**OWN, "10.0.0.0/8": "listed", **LINK_LOCAL}
    assert result.cluster["warnings"] == [
        "podnet_ip_masq_agent has prefixes of IPv6 (fd00::/8, 2001:db8::/48, 2001:db8:1::/48 and 2 "
        "more), which have no effect: the network is IPv4."
    ]
    nothing = "podnet_masquerade is True, and nothing is masqueraded: "
    result = masqueraded(podnet_native_routing_cidr="0.0.0.0/0")
    assert result.cluster["warnings"] == [nothing + "the native-routing CIDR is 0.0.0.0/0."]
    result = masqueraded(podnet_non_masquerade_cidrs=["0.0.0.0/0"])
    assert result.cluster["warnings"] == [nothing + "the list has 0.0.0.0/0."]


def test_the_report_says_it_as_cilium_status_does():
    nodes = inventory(podnet_masquerade=True)
    nodes["node-39206"]["podnet_masquerade_devices"] = ["eth1", "eth0"]
    nodes["node-63344"]["podnet_device"] = "eth2"
    observed: dict[str, Any] = fresh(NODES)
    observed["node-e6e4d"]["device"] = {
        "name": "eth0",
        "ifindex": 2,
        "mtu": 1500,
        "ethernet": True,
    }
    shown = cluster_report(plan(nodes, observed).cluster)
    assert (
        "Masquerading:           BPF   [eth0, eth2, eth1]   10.111.0.0/16 [IPv4: Enabled, IPv6: "
        "Disabled]"
    ) in shown
    nodes = inventory(podnet_masquerade=True, **OVERLAY)
    observed["node-63344"] = observed["node-39206"] = None  # what device they have nobody knows
    shown = cluster_report(plan(nodes, observed).cluster)
    assert any("   [eth0]   10.111.160.0/20 [IPv4: " in line for line in shown)
    shown = cluster_report(plan(inventory(), observed).cluster)
    assert "Masquerading:           Disabled" in shown


def test_services_keep_off_the_further_addresses_of_nodes():
    nodes = inventory(podnet_service_cidr="10.96.0.0/16")
    nodes["node-e6e4d"]["podnet_node_addresses"] = ["10.96.0.9"]
    assert refused(nodes) == [
        "podnet_service_cidr is 10.96.0.0/16, which holds 10.96.0.9 of node-e6e4d; valid is a CIDR "
        "that shares no address with subnets, secondary ranges and nodes."
    ]


def refused(nodes: dict[str, dict[str, Any]]) -> list[str]:
    with pytest.raises(Failure) as caught:
        plan(nodes, fresh(nodes))
    sentences: list[str] = caught.value.details["problems"]
    return sentences


MANY = [f"172.{16 + i // 256}.{i % 256}.0/24" for i in range(4096)]
MANY += [f"100.{64 + i // 256}.{i % 256}.0/24" for i in range(12288)]

#: Variables of the whole cluster -> the sentence.
CLUSTER: dict[str, tuple[dict[str, Any], str]] = {
    "neither on nor off": (
        {"podnet_masquerade": "eth0"},
        "podnet_masquerade is 'eth0'; valid is true or false.",
    ),
    "link-local neither on nor off": (
        {"podnet_masquerade_link_local": 1},
        "podnet_masquerade_link_local is 1; valid is true or false.",
    ),
    "nodes neither on nor off": (
        {"podnet_masquerade_nodes": []},
        "podnet_masquerade_nodes is []; valid is true or false.",
    ),
    "nodes in a native network": (
        {"podnet_masquerade_nodes": True},
        "podnet_masquerade_nodes is True, and podnet_network_type native_routing; valid is False: "
        "there pods and nodes know each other by their own addresses.",
    ),
    "a prefix for a list": (
        {"podnet_non_masquerade_cidrs": "10.0.0.0/8"},
        "podnet_non_masquerade_cidrs is '10.0.0.0/8'; valid is a list.",
    ),
    "a prefix in short": (
        {"podnet_non_masquerade_cidrs": ["10.0.0.0/8", "10/8"]},
        f"podnet_non_masquerade_cidrs[1] is '10/8'; {BAD}",
    ),
    "an empty prefix": (
        {"podnet_non_masquerade_cidrs": [""]},
        f"podnet_non_masquerade_cidrs[0] is ''; {BAD}",
    ),
    "a prefix of IPv6": (
        {"podnet_non_masquerade_cidrs": ["fd00::/8"]},
        f"podnet_non_masquerade_cidrs[0] is 'fd00::/8'; {BAD}",
    ),
    "more prefixes than the map holds": (
        {"podnet_non_masquerade_cidrs": MANY},
        "podnet_non_masquerade_cidrs of cluster demo has 16384 prefixes; valid are up to 16381, "
        "since 3 others go into the same map.",
    ),
    "the agent's list and another one": (
        {"podnet_ip_masq_agent": AGENT, "podnet_non_masquerade_cidrs": []},
        "podnet_ip_masq_agent is set together with podnet_non_masquerade_cidrs; valid is either "
        "the agent's configuration or the variables.",
    ),
    "the agent's configuration and both variables": (
        {
            "podnet_ip_masq_agent": loaded(AGENT),
            "podnet_non_masquerade_cidrs": ["10.0.0.0/8"],
            "podnet_masquerade_link_local": True,
            "podnet_masquerade": False,
        },
        "podnet_ip_masq_agent is set together with podnet_non_masquerade_cidrs and "
        "podnet_masquerade_link_local; valid is either the agent's configuration or the variables.",
    ),
    "an agent that is a list": (
        {"podnet_ip_masq_agent": ["10.0.0.0/8"]},
        "podnet_ip_masq_agent is ['10.0.0.0/8']; valid is a mapping of nonMasqueradeCIDRs, "
        "masqLinkLocal, masqLinkLocalIPv6, resyncInterval, cidrLimit.",
    ),
    "a file with a list": (
        {"podnet_ip_masq_agent": loaded(["10.0.0.0/8"])},
        "podnet_ip_masq_agent (agent.yml) is ['10.0.0.0/8']; valid is a mapping of "
        "nonMasqueradeCIDRs, masqLinkLocal, masqLinkLocalIPv6, resyncInterval, cidrLimit.",
    ),
    "a file with two configurations": (
        {"podnet_ip_masq_agent": loaded({}, {})},
        "podnet_ip_masq_agent (agent.yml) is [{}, {}]; valid is a mapping of nonMasqueradeCIDRs, "
        "masqLinkLocal, masqLinkLocalIPv6, resyncInterval, cidrLimit.",
    ),
    "an unknown key": (
        {"podnet_ip_masq_agent": {"nonMasqueradeCIDR": []}},
        f"podnet_ip_masq_agent has a key that is 'nonMasqueradeCIDR'; {KEYS}",
    ),
    "a limit that is none": (
        {"podnet_ip_masq_agent": {"cidrLimit": "many"}},
        "podnet_ip_masq_agent.cidrLimit is 'many'; valid is a whole number from 0 to "
        "9223372036854775807.",
    ),
    "an unknown key of a file": (
        {"podnet_ip_masq_agent": loaded({"masqLinklocal": True})},
        f"podnet_ip_masq_agent (agent.yml) has a key that is 'masqLinklocal'; {KEYS}",
    ),
    "an unknown key of a text": (
        {"podnet_ip_masq_agent": loaded({"x": 1}, source="podnet_ip_masq_agent")},
        f"podnet_ip_masq_agent has a key that is 'x'; {KEYS}",
    ),
    "an agent's list that is none": (
        {"podnet_ip_masq_agent": {"nonMasqueradeCIDRs": "10.0.0.0/8"}},
        "podnet_ip_masq_agent.nonMasqueradeCIDRs is '10.0.0.0/8'; valid is a list.",
    ),
    "an agent's prefix with host bits": (
        {"podnet_ip_masq_agent": loaded({"nonMasqueradeCIDRs": ["10.0.0.1/8"]})},
        "podnet_ip_masq_agent (agent.yml).nonMasqueradeCIDRs[0] is '10.0.0.1/8'; valid is a CIDR "
        "without host bits such as 10.0.0.0/8.",
    ),
    "an agent's prefix of IPv6 with host bits": (
        {"podnet_ip_masq_agent": {"nonMasqueradeCIDRs": ["fd00::1/8"]}},
        "podnet_ip_masq_agent.nonMasqueradeCIDRs[0] is 'fd00::1/8'; valid is a CIDR without host "
        "bits such as 10.0.0.0/8.",
    ),
    "an agent's prefix that is a number": (
        {"podnet_ip_masq_agent": {"nonMasqueradeCIDRs": [10]}},
        "podnet_ip_masq_agent.nonMasqueradeCIDRs[0] is 10; valid is a CIDR without host bits such "
        "as 10.0.0.0/8.",
    ),
    "an agent's switch that is none": (
        {"podnet_ip_masq_agent": {"masqLinkLocalIPv6": "never"}},
        "podnet_ip_masq_agent.masqLinkLocalIPv6 is 'never'; valid is true or false.",
    ),
    "an agent's interval that is none": (
        {"podnet_ip_masq_agent": {"resyncInterval": 60}},
        "podnet_ip_masq_agent.resyncInterval is 60; valid is a text.",
    ),
}


@pytest.mark.parametrize(("variables", "sentence"), CLUSTER.values(), ids=CLUSTER)
def test_of_the_cluster(variables, sentence):
    assert refused(inventory(**{"podnet_masquerade": True, **variables})) == [sentence]


@pytest.mark.parametrize("number", [16381, 16382])
def test_the_map_holds_so_many_prefixes_and_no_more(number):
    # Three others: the pods' range, the native-routing CIDR, link-local.
    nodes = inventory(podnet_masquerade=True, podnet_non_masquerade_cidrs=MANY[:number])
    if number > 16381:
        assert len(refused(nodes)) == 1
    else:
        found = plan(nodes, fresh(NODES)).node("node-e6e4d")["masquerade"]["prefixes"]
        assert len(found) == 16384


OURS = "which is a device of the pod network itself; valid is a device that leads out of the node "
NAME = "valid is the name of a device such as eth0."

#: Variables of node-63344 alone -> the sentence.
NODE: dict[str, tuple[dict[str, Any], str]] = {
    "a device for a list": (
        {"podnet_masquerade_devices": "eth0"},
        "podnet_masquerade_devices of node-63344 is 'eth0'; valid is a list.",
    ),
    "a device that is a number": (
        {"podnet_masquerade_devices": ["eth0", 2]},
        f"podnet_masquerade_devices[1] of node-63344 is 2; {NAME}",
    ),
    "an empty device": (
        {"podnet_masquerade_devices": [""]},
        f"podnet_masquerade_devices[0] of node-63344 is ''; {NAME}",
    ),
    "a path": (
        {"podnet_masquerade_devices": ["../eth0"]},
        f"podnet_masquerade_devices[0] of node-63344 is '../eth0'; {NAME}",
    ),
    "a name that no device can have": (
        {"podnet_masquerade_devices": ["enp0s31f6.1234567"]},
        f"podnet_masquerade_devices[0] of node-63344 is 'enp0s31f6.1234567'; {NAME}",
    ),
    "a device twice": (
        {"podnet_masquerade_devices": ["eth0", "eth1", "eth0", "eth0"]},
        "podnet_masquerade_devices of node-63344 has 'eth0' twice; each device is valid once.",
    ),
    "the gateway of pods": (
        {"podnet_masquerade_devices": ["pn_host"]},
        f"podnet_masquerade_devices of node-63344 has 'pn_host', {OURS}such as eth0.",
    ),
    "the bridge of pods": (
        {"podnet_masquerade_devices": ["eth0", "cbr0"]},
        f"podnet_masquerade_devices of node-63344 has 'cbr0', {OURS}such as eth0.",
    ),
    "a pod's device": (
        {"podnet_masquerade_devices": ["pn_e742773abb9d"]},
        f"podnet_masquerade_devices of node-63344 has 'pn_e742773abb9d', {OURS}such as eth0.",
    ),
    "more devices than the map holds": (
        {"podnet_masquerade_devices": [f"eth{i}" for i in range(65)]},
        "podnet_masquerade_devices of node-63344 has 65 devices; valid are up to 64.",
    ),
    "an address for a list": (
        {"podnet_node_addresses": "192.0.2.1"},
        "podnet_node_addresses of node-63344 is '192.0.2.1'; valid is a list.",
    ),
    "an address with its prefix": (
        {"podnet_node_addresses": ["192.0.2.1/32"]},
        "podnet_node_addresses[0] of node-63344 is '192.0.2.1/32'; valid is an IPv4 address such "
        "as 10.111.0.8.",
    ),
    "another node's address": (
        {"podnet_node_addresses": ["10.111.0.8"]},
        "podnet_node_addresses of node-63344 has 10.111.0.8, which node-e6e4d has too; each "
        "address is valid once.",
    ),
    "another node's further address": (
        {"podnet_node_addresses": ["192.0.2.77"]},
        "podnet_node_addresses of node-63344 has 192.0.2.77, which node-e6e4d has too; each "
        "address is valid once.",
    ),
    "an address that a pod may have": (
        {"podnet_node_addresses": ["10.111.170.1"]},
        "podnet_node_addresses of node-63344 has 10.111.170.1, which lies within the secondary "
        "range default 10.111.160.0/20; valid is an address that no pod can have.",
    ),
    "a loopback address": (
        {"podnet_node_addresses": ["127.0.0.1"]},
        "podnet_node_addresses of node-63344 has 127.0.0.1, which is loopback (127.0.0.0/8); "
        "valid is an address that others reach the node by.",
    ),
    "a group": (
        {"podnet_node_addresses": ["239.1.1.1"]},
        "podnet_node_addresses of node-63344 has 239.1.1.1, which is multicast or reserved "
        "(224.0.0.0/3); valid is an address that others reach the node by.",
    ),
}


@pytest.mark.parametrize("masquerade", [True, False])
@pytest.mark.parametrize(("variables", "sentence"), NODE.values(), ids=NODE)
def test_of_a_node(variables, sentence, masquerade):
    nodes = inventory(podnet_masquerade=masquerade)
    nodes["node-e6e4d"]["podnet_node_addresses"] = ["192.0.2.77"]
    nodes["node-63344"].update(variables)
    assert refused(nodes) == [sentence]


def test_the_tunnel_endpoint_of_another_node_is_no_address_of_this_one():
    nodes = inventory(**OVERLAY)
    nodes["node-39206"]["podnet_vtep_ip"] = "192.0.2.14"
    nodes["node-e6e4d"]["podnet_node_addresses"] = ["192.0.2.14"]
    assert refused(nodes) == [
        "podnet_node_addresses of node-e6e4d has 192.0.2.14, which node-39206 has too; each "
        "address is valid once."
    ]
    nodes["node-39206"]["podnet_node_addresses"] = nodes["node-e6e4d"].pop("podnet_node_addresses")
    assert plan(nodes, fresh(NODES)).node("node-39206")["addresses"] == ["192.0.2.14"]


def test_nodes_of_one_cluster_have_one_value():
    nodes = inventory(podnet_masquerade=True)
    nodes["node-63344"]["podnet_masquerade"] = False
    assert refused(nodes) == [
        "podnet_masquerade is True on node-e6e4d and False on node-63344; all nodes of cluster "
        "demo need the same value."
    ]
