"""From a node's part of the plan to what the generic modules take."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.podnet.fabric.plugins.filter.health_targets import health_targets
from ansible_collections.podnet.fabric.plugins.filter.unknown_nodes import unknown_nodes
from ansible_collections.podnet.fabric.plugins.filter.vpc_routes import vpc_routes
from ansible_collections.podnet.fabric.plugins.module_utils import names
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import (
    flow_layout,
    layout,
    nat_layout,
    tasks,
)
from ansible_collections.podnet.fabric.plugins.module_utils.ebpf import bpf_map_wanted
from ansible_collections.podnet.fabric.plugins.module_utils.steps import converge, parts
from samples import NODE


def test_the_gateway_pair():
    (pair,) = tasks.build(NODE)["veths"]
    assert pair == {
        "name": "pn_host",
        "mac": "0e:58:0a:6f:a0:7e",
        "addresses": ["10.111.160.126/32", "10.111.0.8/32"],
        "purge_addresses": True,
        "alias": "podnet:gateway:host",
        "mtu": 1500,
        "arp": False,
        "up": True,
        "peer": {
            "name": "pn_net",
            "mac": "0e:58:0a:6f:a0:7e",
            "alias": "podnet:gateway:net",
            "mtu": 1500,
            "arp": False,
            "up": True,
        },
    }


@pytest.mark.parametrize("network_type", ["native_routing", "overlay"])
def test_the_first_maps_lead_nothing_to_other_nodes(network_type):
    """A tunnel is made known before anything is sent into it, and forgotten after."""
    vxlan = {"vni": 1, "port": 8472, "ip": "10.111.0.8", "mac": "0a:58:0a:6f:a0:00", "mtu": 1450}
    vxlan |= {"device": "eth0", "device_ifindex": 2, "checksum_offload": True}
    node = {**NODE, "network_type": network_type, "vxlan": vxlan, "pod_ranges": []}
    found = tasks.build(node, {"pn_host": 7, "pn_vxlan": 9})
    (before, after) = ({one["name"]: one for one in found[key]} for key in ("first_maps", "maps"))
    filled = ["config"] if network_type == "overlay" else []
    assert [name for name, one in before.items() if one.get("entries")] == filled
    known = ["ipcache", "config", "node_addresses"]
    assert [name for name, one in after.items() if one.get("entries")] == known
    assert [name for name, one in before.items() if one.get("purge")] == []
    assert list(before) == list(after)


def test_the_maps_are_such_as_bpf_map_takes():
    items = tasks.build(NODE, {"pn_host": 7, "pn_vxlan": 9})["maps"]
    options = {"state": "present", "entries": [], "purge": False}
    options |= {"on_mismatch": "error", "old_key": [], "old_value": []}
    wanted = {item["name"]: bpf_map_wanted.wanted({**options, **item}) for item in items}
    assert list(wanted) == [table.name for table in layout.MAPS]
    assert wanted["ipcache"].purge
    # prefixlen 96 + 25, ::ffff:10.111.160.x -> ::ffff:10.111.0.x, a neighbor or not
    mapped = "79000000" + "00000000000000000000ffff"
    assert {key.hex(): value.hex() for key, value in wanted["ipcache"].entries.items()} == {
        mapped + "0a6fa000": "00000000000000000000ffff0a6f0008" + "00000000" + "00" * 24,
        mapped + "0a6fa080": "00000000000000000000ffff0a6f0009" + "01000000" + "00" * 24,
    }
    assert (
        wanted["config"].entries
        == {
            bytes(4): bytes.fromhex(
                "00000000000000000000ffff0a6fa000"  # 10.111.160.0
                "00000000000000000000ffffffffff80"  # 255.255.255.128
                "07000000" + "0e580a6fa07e" + "0000"  # pn_host
                "02000000"
                + "28230000"  # eth0 and 9000
                + "00" * 28  # no overlay
                + "00000000000000000000ffff0a6f0008"  # the node
                + "00000000000000000000ffff0a6fa07e"  # its pods' gateway
            )
        }
    )
    filled = {name for name, item in wanted.items() if item.entries}
    assert filled == {"ipcache", "config", "node_addresses"}
    mapped = "00000000000000000000ffff"
    assert {key.hex(): value.hex() for key, value in wanted["node_addresses"].entries.items()} == {
        mapped + "0a6f0008": "01000000" + mapped + "0a6f0008",  # this node's own
        mapped + "0a6fa07e": "01000000" + mapped + "0a6f0008",
        mapped + "0a6f0009": "00000000" + mapped + "0a6f0009",
    }


def test_the_programs_and_where_they_go():
    items = {item["name"]: item for item in tasks.build(NODE)["programs"]}
    assert {name: item["attach"] for name, item in items.items()} == {
        "from_container": [],
        "from_netdev": [{"hook": "tc_ingress", "device": "eth0"}],
        "from_host": [{"hook": "tc_egress", "device": "pn_host"}],
    }
    for name, item in items.items():
        assert item["src"] == f"{name}.c"
        assert item["pin"] == f"/sys/fs/bpf/podnet/programs/{name}"
        assert item["maps"]["metrics"] == "/sys/fs/bpf/podnet/maps/metrics"


def test_sockets_are_balanced_where_there_are_services():
    (without, with_them) = (
        {
            item["name"]: item
            for item in tasks.build({**NODE, "services": number})["socket_programs"]
        }
        for number in (0, 1)
    )
    assert {item["state"] for item in without.values()} == {"absent"}
    assert {item["state"] for item in with_them.values()} == {"present"}
    connect = with_them["socket_connect4"]
    assert (connect["src"], connect["function"]) == ("socket.c", "connect4")
    assert connect["attach"] == [{"hook": "cgroup_connect4"}]
    assert connect["maps"]["services"] == "/sys/fs/bpf/podnet/maps/services"


def test_a_cluster_without_services_has_programs_made_without_them():
    without = {"NO_MASQUERADE": "", "NO_POLICY": ""}
    for services, defines in ((0, {"NO_SERVICES": "", **without}), (1, without)):
        items = tasks.build({**NODE, "services": services})["programs"]
        assert [item["defines"] for item in items] == [defines] * len(items)


def test_what_a_cluster_has_is_compiled_in():
    both = {**NODE, "services": 1, "masquerade": MASQUERADE, "isolation": True}
    for services, defines in ((0, {"NO_SERVICES": ""}), (1, {})):
        items = tasks.build({**both, "services": services})["programs"]
        assert [item["defines"] for item in items] == [defines] * len(items)


def test_services_bring_programs_of_their_own():
    attached = {
        cell: {
            item["name"]: [place["device"] for place in item["attach"]]
            for item in tasks.build({**NODE, "datapath": cell, "services": 1})["programs"]
        }
        for cell in ("ebpf", "bridge")
    }
    assert attached["ebpf"]["to_netdev"] == attached["bridge"]["to_netdev"] == ["eth0"]
    assert attached["bridge"]["nodeport"] == ["eth0"]
    assert "nodeport" not in attached["ebpf"]


MASQUERADE: dict[str, Any] = {
    "nodes": False,
    "prefixes": [
        {"cidr": "10.111.0.0/16", "why": "native"},
        {"cidr": "10.111.160.0/20", "why": "pods"},
        {"cidr": "169.254.0.0/16", "why": "link_local"},
        {"cidr": "192.0.2.0/24", "why": "listed"},
    ],
    "devices": [
        {"name": "eth0", "ifindex": 2, "ip": "10.111.0.8"},
        {"name": "eth1", "ifindex": 3, "ip": "198.51.100.8"},
    ],
}
MAPPED = "00000000000000000000ffff"


def taken(items: list[dict[str, Any]]) -> dict[str, bpf_map_wanted.Wanted]:
    """Return what bpf_map makes of its items, in their order."""
    options = {"state": "present", "entries": [], "purge": False}
    options |= {"on_mismatch": "error", "old_key": [], "old_value": []}
    return {item["name"]: bpf_map_wanted.wanted({**options, **item}) for item in items}


def in_hex(wanted: bpf_map_wanted.Wanted) -> dict[str, str]:
    return {key.hex(): value.hex() for key, value in wanted.entries.items()}


@pytest.mark.parametrize("to_nodes", [False, True])
def test_prefixes_stand_before_the_first_device_masquerades(to_nodes):
    masquerade = {**MASQUERADE, "nodes": to_nodes}
    items = tasks.build({**NODE, "masquerade": masquerade})["masquerade_maps"]
    assert [item["name"] for item in items] == ["non_masquerade", "masquerade"]
    wanted = taken(items)
    assert [one.purge for one in wanted.values()] == [True, True]
    assert in_hex(wanted["non_masquerade"]) == {
        "70000000" + MAPPED + "0a6f0000": f"{nat_layout.NON_MASQUERADE_NATIVE:02x}000000",
        "74000000" + MAPPED + "0a6fa000": f"{nat_layout.NON_MASQUERADE_PODS:02x}000000",
        "70000000" + MAPPED + "a9fe0000": f"{nat_layout.NON_MASQUERADE_LINK_LOCAL:02x}000000",
        "78000000" + MAPPED + "c0000200": f"{nat_layout.NON_MASQUERADE_LISTED:02x}000000",
    }
    flags = "01000000" if to_nodes else "00000000"
    assert in_hex(wanted["masquerade"]) == {
        "0200000000000000": MAPPED + "0a6f0008" + flags,
        "0300000000000000": MAPPED + "c6336408" + flags,
    }


def test_what_is_switched_off_loses_its_devices_before_its_prefixes():
    off, on = (tasks.build({**NODE, "masquerade": given}) for given in (None, MASQUERADE))
    assert off["masquerade_maps"] == []
    tables = {"masquerade", "non_masquerade"}
    (emptied, kept) = (
        [name for name, one in taken(found["maps"]).items() if one.purge and name in tables]
        for found in (off, on)
    )
    assert (emptied, kept) == (["masquerade", "non_masquerade"], [])
    assert [one for one in off["first_maps"] if one.get("purge")] == []


def test_check_mode_says_once_what_map_is_created():
    """Step for step: the first of the maps are said later, by the others."""
    found = tasks.build({**NODE, "masquerade": MASQUERADE})
    said = [item["name"] for items in ("maps", "masquerade_maps") for item in found[items]]
    assert sorted(said) == sorted(item["name"] for item in found["first_maps"])


def test_further_addresses_are_nodes_and_those_of_egress_devices_are_this_nodes():
    (peer,) = NODE["peers"]
    node = {
        **NODE,
        "masquerade": MASQUERADE,
        "addresses": ["192.0.2.8"],
        "peers": [{**peer, "addresses": ["192.0.2.9", "192.0.2.10"]}],
    }
    assert in_hex(taken(tasks.build(node)["maps"])["node_addresses"]) == {
        MAPPED + "0a6f0008": "01000000" + MAPPED + "0a6f0008",  # podnet_node_ip, which eth0 holds
        MAPPED + "0a6fa07e": "01000000" + MAPPED + "0a6f0008",  # the pods' gateway
        MAPPED + "c0000208": "01000000" + MAPPED + "0a6f0008",
        MAPPED + "c6336408": "01000000" + MAPPED + "0a6f0008",  # eth1
        MAPPED + "0a6f0009": "00000000" + MAPPED + "0a6f0009",
        MAPPED + "c0000209": "00000000" + MAPPED + "0a6f0009",
        MAPPED + "c000020a": "00000000" + MAPPED + "0a6f0009",
    }


def test_routes_to_the_own_pods_and_to_the_others():
    assert tasks.build(NODE)["routes"] == [
        {"dst": "10.111.160.0/25", "dev": "pn_host", "src": "10.111.0.8"},
        {"dst": "10.111.160.128/25", "via": "10.111.0.9"},
    ]


def test_endpoints_say_what_the_module_asks_for():
    assert tasks.build(NODE)["endpoints"] == [
        {"name": "podnet-health", "ip": "10.111.160.125", "mac": "0a:58:0a:6f:a0:7d"},
        {"name": "nginx-app-1", "ip": "10.111.160.1", "mac": "0a:58:0a:6f:a0:01"},
    ]


def test_a_pod_in_a_namespace_of_its_own_keeps_it():
    pod = {**NODE["endpoints"][1], "netns": "/proc/4711/ns/net"}
    (item,) = tasks.build({**NODE, "endpoints": [pod]})["endpoints"]
    assert item["netns"] == "/proc/4711/ns/net"


def test_a_node_that_is_not_usable_has_routes_alone():
    nothing = {"usable": False, "pod_cidr": None, "gateway_ip": None, "endpoints": []}
    found = tasks.build({**NODE, **nothing})
    assert found.pop("routes") == [{"dst": "10.111.160.128/25", "via": "10.111.0.9"}]
    assert found == {
        **{word: [] for word in ("veths", "bridges", "vxlans", "programs", "neighbors")},
        "first_maps": [],
        "socket_programs": [],
        "maps": [],
        "masquerade_maps": [],
        "policy_maps": [],
        "policy_programs": [],
        "sysctls": {"values": {}, "restore": []},
        "endpoints": [],
        "endpoint_options": {},
        **{word: [] for word in ("flow_maps", "flow_stage", "flow_programs")},
        "keep": {"devices": [], "programs": [], "maps": []},
    }


def test_a_node_that_counts_flows_has_a_program_for_it_and_maps():
    without, counts = tasks.build(NODE), tasks.build({**NODE, "flows": {"sample": 10}})
    assert without["flow_maps"] == without["flow_stage"] == without["flow_programs"] == []
    made = [one["name"] for word in ("flow_maps", "flow_stage") for one in counts[word]]
    assert made == [one.name for one in flow_layout.MAPS]
    (program,) = counts["flow_programs"]
    (sample,) = (one["entries"] for one in counts["flow_maps"] if one["name"] == "flow_sample")
    assert sample == [{"key": {"zero": 0}, "value": {"weight": 10, "most": 429496729}}]
    assert program["defines"] == {}
    assert counts["flow_stage"][0]["entries"] == [
        {"key": {"zero": 0}, "value": {"program": program["pin"]}}
    ]
    assert {"WITH_FLOWS" in one["defines"] for one in counts["programs"]} == {True}
    assert {"WITH_FLOWS" in one["defines"] for one in without["programs"]} == {False}
    assert set(counts["keep"]["maps"]) - set(without["keep"]["maps"]) == {
        one.name for one in flow_layout.MAPS
    }
    assert set(counts["keep"]["programs"]) - set(without["keep"]["programs"]) == {"flows"}


def test_a_node_probes_itself_and_every_peer():
    assert health_targets(NODE) == [
        {"name": "node-e6e4d", "host": "10.111.0.8", "endpoint": "10.111.160.125", "local": True},
        {"name": "node-63344", "host": "10.111.0.9", "endpoint": "10.111.160.253", "local": False},
    ]


def test_a_cloud_routes_to_the_nodes_that_are_usable():
    nodes = [
        {"pod_cidr": "10.111.160.0/25", "node_ip": "10.111.0.8", "usable": True},
        {"pod_cidr": None, "node_ip": "10.111.0.9", "usable": False},
    ]
    assert vpc_routes({"nodes": nodes}) == [{"dst": "10.111.160.0/25", "via": "10.111.0.8"}]


def test_unknown_nodes_are_those_that_nobody_in_the_run_knows():
    hosts = {
        "a": {
            "ansible_host": "10.0.0.1",
            "podnet_observed": {"peers": {"10.1.0.0/25": "10.0.0.2"}},
        },
        "b": {"ansible_host": "10.0.0.2"},  # a peer of a
        "c": {"ansible_host": "c.example", "podnet_node_ip": "10.0.0.3"},
        "d": {"ansible_host": "d.example", "podnet_node_ip": "10.0.0.2"},  # a peer of a, too
        "e": {},
        "f": {"ansible_host": "10.0.0.6", "podnet_observed": {"unreachable": True}},
        "g": {"ansible_host": "10.0.0.7", "podnet_observed": {"peers": {}}},
        "h": {"ansible_host": "10.0.0.2", "podnet_node_ip": ""},  # "" is not set
    }
    assert unknown_nodes(list(hosts), hosts) == ["c", "e", "f"]


def test_a_name_has_one_device_that_no_other_has():
    pods = [f"nginx-app-{number}" for number in range(2000)] + ["x" * 253]
    devices = [names.endpoint_device(name) for name in pods]
    assert len(set(devices)) == len(pods)
    assert max(map(len, devices)) <= names.DEVICE_NAME_MAX
    assert names.endpoint_device("nginx-app-1") == "pn_e742773abb9d"


def test_an_alias_says_of_what_kind_and_whose_a_device_is():
    assert names.alias("endpoint", "a:b") == "podnet:endpoint:a:b"
    assert names.parse_alias("podnet:endpoint:a:b") == ("endpoint", "a:b")
    assert names.parse_alias("uplink") is None
    assert names.parse_alias(None) is None
    longest = "x" * names.ENDPOINT_NAME_MAX
    for kind in ("endpoint", "attached"):
        assert len(names.alias(kind, longest)) == 255
        assert names.parse_alias(names.alias(kind, longest)) == (kind, longest)


def test_what_a_step_imports_on_a_node_is_sent_along():
    sent = {module.__name__.rpartition(".")[2]: module for module in converge.sent()}
    assert sent.keys() == {step.module for steps in parts.PARTS.values() for step in steps}
    for name, module in sent.items():
        assert converge.spec_of(name) is module.SPEC
