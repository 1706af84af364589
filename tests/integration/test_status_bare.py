"""node_info and status_info on a host that has nothing yet."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import layout
from node_support import NODE_IP, plan
from running import do, run_module

pytest_plugins = ["node_support"]

WORDS = ("name", "mtu", "ip", "ethernet")


def test_node_info_of_a_bare_host(bare):
    do("umount", "/sys/fs/bpf")
    do("ip", "addr", "add", "10.111.0.77/32", "dev", "eth0", "label", "eth0:1")
    for check in (False, True):
        found = run_module("node_info", check=check, node_ip="10.111.0.77")
        assert found["changed"] is False
        assert found["device"] == {
            "name": "eth0",
            "ifindex": socket.if_nametoindex("eth0"),
            "mtu": 1500,
            "ethernet": True,
        }
        assert (found["underlay"], found["vtep_device"]) == (found["device"], "eth0")
        assert found["foreign"] == []
        assert (found["bpffs"], found["cgroup2"]) == (False, "/sys/fs/cgroup")
        assert (found["missing"], found["distribution"]) == ([], "debian")
        assert (found["pod_cidr"], found["peers"], found["endpoints"]) == (None, {}, {})
    lists = Path("/var/lib/apt/lists")  # a host without apt has none, and needs none
    assert run_module("node_info")["package_lists"] is True
    lists.mkdir(parents=True)
    assert run_module("node_info")["package_lists"] is False
    (lists / "main_Packages.lz4").touch()
    assert run_module("node_info")["package_lists"] is True
    loopback = run_module("node_info", device="lo")["device"]
    assert (loopback["mtu"], loopback["ethernet"]) == (65536, False)
    assert run_module("node_info", device="no-such")["device"] is None
    assert run_module("node_info", node_ip="10.9.9.9")["device"] is None
    assert run_module("node_info")["device"] is None


def test_node_info_of_what_is_below_a_tunnel(bare):
    do("ip", "addr", "add", "192.0.2.1/32", "dev", "lo")
    do("ip", "link", "set", "eth0", "mtu", "1400")
    found = run_module("node_info", node_ip=NODE_IP, vtep_ip="192.0.2.1", underlay_device="eth0")
    assert (found["underlay"]["name"], found["underlay"]["mtu"]) == ("eth0", 1400)
    assert found["vtep_device"] == "lo"
    found = run_module("node_info", node_ip=NODE_IP, vtep_ip="192.0.2.1")
    assert found["underlay"]["name"] == "lo"
    found = run_module("node_info", node_ip=NODE_IP, vtep_ip="192.0.2.2", underlay_device="no-such")
    assert (found["underlay"], found["vtep_device"]) == (None, None)


def test_node_info_of_egress_devices(bare):
    do("ip", "addr", "add", "192.0.2.1/32", "dev", "lo")
    do("ip", "addr", "add", "10.111.0.7/24", "dev", "eth0", "label", "eth0:1")
    do("ip", "link", "add", "eth1", "type", "veth", "peer", "name", "eth1", "netns", "peer")
    do("ip", "link", "set", "eth1", "mtu", "1400")
    # Of this link alone, then two that others know, the second one's device down like the first's.
    do("ip", "addr", "add", "169.254.7.7/16", "dev", "eth1", "scope", "link")
    do("ip", "addr", "add", "198.51.100.8/24", "dev", "eth1")
    do("ip", "addr", "add", "198.51.100.9/24", "dev", "eth1")
    do("ip", "link", "add", "eth0.7", "type", "bridge")
    do("ip", "tuntap", "add", "tun0", "mode", "tun")
    do("ip", "addr", "add", "198.51.100.17/32", "dev", "tun0")

    def egress(*names: str, node_ip: str = NODE_IP) -> list[tuple[Any, ...]]:
        found = run_module("node_info", node_ip=node_ip, egress_devices=names)["egress_devices"]
        for one in found:
            assert one["ifindex"] == socket.if_nametoindex(one["name"])
        return [tuple(one[word] for word in WORDS) for one in found]

    eth0, eth1 = ("eth0", 1500, NODE_IP, True), ("eth1", 1400, "198.51.100.8", True)
    assert egress() == [eth0]
    assert egress(node_ip="10.9.9.9") == []
    assert egress("eth1", "no-such", "eth0") == [eth1, eth0]
    assert egress("eth0", node_ip="10.111.0.7") == [("eth0", 1500, "10.111.0.7", True)]
    assert egress("eth0", node_ip="198.51.100.9") == [eth0]
    assert egress("eth0.7", "lo", "tun0") == [
        ("eth0.7", 1500, None, True),
        ("lo", 65536, "192.0.2.1", False),
        ("tun0", 1500, "198.51.100.17", False),
    ]
    do("ip", "addr", "del", "198.51.100.8/24", "dev", "eth1")  # its secondary goes with it
    assert egress("eth1") == [("eth1", 1400, None, True)]


def test_node_info_of_what_is_no_device(bare):
    names = ["..", ".", "/etc", "../net/eth0", "eth0/", "bonding_masters", ""]
    assert run_module("node_info", egress_devices=names)["egress_devices"] == []
    for name in names:
        assert run_module("node_info", device=name)["device"] is None


@pytest.mark.parametrize(
    ("device", "alias", "mac", "foreign"),
    [
        ("cbr0", "", "02:00:00:00:00:01", True),
        ("cbr0", "kubenet", "0e:58:0a:6f:a0:7e", True),
        ("cbr0", "", "0e:58:0a:6f:a0:7e", False),  # the run was killed before the alias
        ("cbr0", "podnet:bridge:cbr0", "02:00:00:00:00:01", False),
        ("pn_vxlan", "", "02:00:00:00:00:01", True),
        ("pn_vxlan", "", "0a:58:0a:6f:a0:80", False),
        ("pn_host", "", "02:00:00:00:00:01", True),
        ("pn_host", "", "0e:58:0a:6f:a0:7e", False),
        ("pn_net", "", "02:00:00:00:00:01", True),
        ("pn_net", "", "0e:58:0a:6f:a0:7e", False),
        ("pn_vxlan", "a tunnel of mine", "02:00:00:00:00:01", True),
        ("pn_host", "podnet:gateway:host", "02:00:00:00:00:01", False),
        ("docker0", "", "02:00:00:00:00:01", False),
    ],
)
def test_node_info_tells_whose_a_device_is_that_has_one_of_our_names(
    bare, device, alias, mac, foreign
):
    do("ip", "link", "add", device, "address", mac, "type", "bridge")
    if alias:
        do("ip", "link", "set", device, "alias", alias)
    assert run_module("node_info", node_ip=NODE_IP)["foreign"] == [device] * foreign


def test_status_of_a_bare_host(bare):
    found = run_module("status_info", node=plan("web-1"))
    assert found["status"]["attach_mode"] is None
    assert [one["state"] for one in found["status"]["endpoints"]] == ["not ready"] * 2
    assert [one["id"] for one in found["status"]["programs"]] == [None] * 3
    assert "NOTHING ATTACHED" in found["report"]
    assert found["status"]["node"]["usable"] is False
    assert found["status"]["node"]["reason"].startswith("the pod network is not on this node;")
    missing = found["status"]["missing"]
    assert missing["programs"] == [
        "from_netdev at tc_ingress of eth0",
        "from_host at tc_egress of pn_host",
    ]
    assert missing["maps"] == [table.name for table in layout.MAPS]
    assert sorted(missing["endpoints"]) == ["podnet-health", "web-1"]
