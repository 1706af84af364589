"""What a node's devices add to its slice, and what they rule out."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.plan.devices import settle
from ansible_collections.podnet.fabric.plugins.module_utils.plan.planner import plan
from planning import NODES, fresh, inventory

ETH0 = {"name": "eth0", "ifindex": 2, "mtu": 1500, "ethernet": True}
ETH1 = {"name": "eth1", "ifindex": 3, "mtu": 9000}
SEEN: dict[str, Any] = {"device": ETH0, "underlay": ETH1, "vtep_device": "lo", "foreign": []}


def node(network_type: str, datapath: str = "ebpf", **variables: Any) -> dict[str, Any]:
    nodes = inventory(podnet_network_type=network_type, podnet_datapath=datapath)
    nodes["node-e6e4d"].update(variables)
    return plan(nodes, fresh(NODES)).node("node-e6e4d")


def test_of_a_native_network():
    of_eth0 = {"device": "eth0", "device_ifindex": 2, "device_mtu": 1500}
    assert settle(node("native_routing"), SEEN) == of_eth0 | {"mtu": 1500}
    assert settle(node("native_routing", podnet_mtu=1400), SEEN) == of_eth0 | {"mtu": 1400}


def test_of_an_overlay():
    found = settle(node("overlay"), SEEN)
    assert found == {
        "device": "eth0",
        "device_ifindex": 2,
        "device_mtu": 1500,
        "mtu": 8950,
        "vxlan": {
            "vni": 1,
            "port": 8472,
            "checksum_offload": True,
            "ip": "10.111.0.8",
            "mac": "0a:58:0a:6f:a0:00",
            "device": "eth1",
            "device_ifindex": 3,
            "mtu": 8950,
        },
    }
    less = settle(node("overlay", podnet_mtu="1400"), SEEN)
    assert (less["mtu"], less["vxlan"]["mtu"]) == (1400, 8950)
    most = settle(node("overlay", podnet_mtu=8950), SEEN)
    assert most["mtu"] == 8950


def of(mtu: int) -> dict[str, Any]:
    return {**ETH1, "mtu": mtu}


#: Variables of the node, what was observed -> the sentences.
OVERLAY: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "no such underlay": (
        {"podnet_vxlan_device": "eth9"},
        {"underlay": None},
        ["podnet_vxlan_device of node-e6e4d: there is no eth9; name a device of the node."],
    ),
    "an address that is not the node's": (
        {"podnet_vtep_ip": "192.0.2.1"},
        {"underlay": None, "vtep_device": None},
        [
            "podnet_vtep_ip of node-e6e4d is 192.0.2.1, which no device of the node holds; valid "
            "is an address of the node."
        ],
    ),
    "an underlay, and an address that is not the node's": (
        {"podnet_vtep_ip": "192.0.2.1", "podnet_vxlan_device": "eth1"},
        {"vtep_device": None},
        [
            "podnet_vtep_ip of node-e6e4d is 192.0.2.1, which no device of the node holds; valid "
            "is an address of the node."
        ],
    ),
    "an underlay with too small an MTU": (
        {},
        {"underlay": of(625)},
        [
            "podnet_vxlan_device of node-e6e4d is eth1 with an MTU of 625, of which the tunnel "
            "takes 50; valid is a device with an MTU of at least 626."
        ],
    ),
    "pods' MTU that leaves the tunnel no room": (
        {"podnet_mtu": 1451},
        {"underlay": of(1500)},
        [
            "podnet_mtu of node-e6e4d is 1451, but of the MTU 1500 of eth1 the tunnel leaves 1450; "
            "valid is a whole number from 576 to 1450."
        ],
    ),
    "somebody else's pn_vxlan, and no device": (
        {},
        {"foreign": ["cbr0", "pn_vxlan"], "device": None},
        [
            "podnet_device of node-e6e4d: there is no device that holds its address 10.111.0.8; "
            "name a device of the node.",
            "node-e6e4d has a device pn_vxlan that this network did not make, and podnet_datapath "
            "ebpf with podnet_network_type overlay needs that name; rename or remove the device.",
        ],
    ),
}


@pytest.mark.parametrize(("variables", "seen", "sentences"), OVERLAY.values(), ids=OVERLAY)
def test_what_is_refused_in_an_overlay(variables, seen, sentences):
    with pytest.raises(Failure) as caught:
        settle(node("overlay", **variables), {**SEEN, **seen})
    assert caught.value.details["problems"] == sentences


@pytest.mark.parametrize("masquerades", [False, True])
@pytest.mark.parametrize("network_type", ["native_routing", "overlay"])
def test_a_device_that_is_no_ethernet_device_is_refused_once(network_type, masquerades):
    lo = {"name": "lo", "ifindex": 1, "mtu": 65536, "ethernet": False}
    seen = {**SEEN, "device": lo, "egress_devices": [{**lo, "ip": "10.111.0.8"}]}
    more = {"masquerade": masqueraded()["masquerade"]} if masquerades else {}
    for given, said in (
        ({"podnet_device": "lo"}, "lo"),
        ({}, "not set, and the device that holds podnet_node_ip is lo"),
    ):
        with pytest.raises(Failure) as caught:
            settle({**node(network_type, **given), **more}, seen)
        assert caught.value.details["problems"] == [
            f"podnet_device of node-e6e4d is {said}, which is no Ethernet device; valid is one "
            "that is, such as eth0."
        ]


def test_the_smallest_underlay():
    assert settle(node("overlay"), {**SEEN, "underlay": of(626)})["mtu"] == 576


def test_a_native_network_has_no_underlay():
    given = node("native_routing", podnet_vxlan_device="eth9", podnet_vtep_ip="192.0.2.1")
    found = settle(given, {**SEEN, "underlay": None, "vtep_device": None, "foreign": ["pn_vxlan"]})
    assert found["mtu"] == 1500


@pytest.mark.parametrize(
    ("datapath", "network_type", "needed"),
    [
        ("ebpf", "native_routing", {"pn_host", "pn_net"}),
        ("ebpf", "overlay", {"pn_host", "pn_net", "pn_vxlan"}),
        ("bridge", "native_routing", {"cbr0"}),
        ("bridge", "overlay", {"cbr0", "pn_vxlan"}),
        ("routed", "native_routing", {"pn_host", "pn_net"}),
        ("routed", "overlay", {"pn_host", "pn_net", "pn_vxlan"}),
    ],
)
def test_a_name_that_somebody_else_has_is_refused_where_it_is_needed(
    datapath, network_type, needed
):
    for device in ("cbr0", "pn_host", "pn_net", "pn_vxlan"):
        seen = {**SEEN, "foreign": [device]}
        if device not in needed:
            settle(node(network_type, datapath), seen)
            continue
        with pytest.raises(Failure, match=f"has a device {device} that this network did not make"):
            settle(node(network_type, datapath), seen)


def egress(*names: str, **changed: Any) -> list[dict[str, Any]]:
    """Return devices as they were observed, the last one changed."""
    found = [
        {"name": name, "ifindex": int(name[3:]) + 2, "mtu": 1500, "ip": f"192.0.2.{number}"}
        for number, name in enumerate(names, 8)
    ]
    found = [{**one, "ethernet": True} for one in found]
    return [*found[:-1], {**found[-1], **changed}]


def masqueraded(*names: str, network_type: str = "native_routing") -> dict[str, Any]:
    nodes = inventory(podnet_masquerade=True, podnet_network_type=network_type)
    nodes["node-e6e4d"]["podnet_masquerade_devices"] = list(names)
    return plan(nodes, fresh(NODES)).node("node-e6e4d")


@pytest.mark.parametrize("network_type", ["native_routing", "overlay"])
def test_egress_devices_in_the_order_of_the_user(network_type):
    given = masqueraded("eth1", "eth0", network_type=network_type)
    found = settle(given, {**SEEN, "egress_devices": egress("eth0", "eth1")})["masquerade"]
    assert found == {
        **given["masquerade"],
        "devices": [
            {"name": "eth1", "ifindex": 3, "ip": "192.0.2.9"},
            {"name": "eth0", "ifindex": 2, "ip": "192.0.2.8"},
        ],
    }
    assert found["prefixes"]


def test_by_default_pods_leave_by_the_device_that_was_observed():
    found = settle(masqueraded(), {**SEEN, "egress_devices": egress("eth0")})["masquerade"]
    assert found["devices"] == [{"name": "eth0", "ifindex": 2, "ip": "192.0.2.8"}]


def test_of_a_network_without_masquerading_nobody_asks_for_egress_devices():
    nodes = inventory()
    nodes["node-e6e4d"]["podnet_masquerade_devices"] = ["eth9"]
    found = settle(plan(nodes, fresh(NODES)).node("node-e6e4d"), SEEN)
    assert "masquerade" not in found


DEVICES = "podnet_masquerade_devices of node-e6e4d"

#: The user's devices, what was observed -> the sentences.
EGRESS: dict[str, tuple[list[str], list[dict[str, Any]], list[str]]] = {
    "no such devices": (
        ["eth9", "eth0", "eth8"],
        egress("eth0"),
        [
            f"{DEVICES}: there is no eth9; name devices of the node.",
            f"{DEVICES}: there is no eth8; name devices of the node.",
        ],
    ),
    "a device without an address": (
        ["eth0", "eth1"],
        egress("eth0", "eth1", ip=None),
        [f"{DEVICES} has eth1, which has no global IPv4 address; valid is a device that has one."],
    ),
    "a device that is no Ethernet device": (
        ["eth1"],
        egress("eth1", ethernet=False),
        [f"{DEVICES} has eth1, which is no Ethernet device; valid is one that is, such as eth0."],
    ),
    "the node's device without an address": (
        [],
        egress("eth0", ip=None),
        [
            f"{DEVICES} is not set, and its device is eth0, which has no global IPv4 address; "
            "valid is a device that has one."
        ],
    ),
}


@pytest.mark.parametrize(("names", "seen", "sentences"), EGRESS.values(), ids=EGRESS)
def test_egress_devices_that_are_refused(names, seen, sentences):
    with pytest.raises(Failure) as caught:
        settle(masqueraded(*names), {**SEEN, "egress_devices": seen})
    assert caught.value.details["problems"] == sentences


def test_an_observation_without_devices_is_refused_and_not_an_error_of_python():
    for given in (node("native_routing"), masqueraded()):
        with pytest.raises(Failure, match="there is no device that holds its address"):
            settle(given, {})
    with pytest.raises(Failure, match="there is no eth0; name devices of the node"):
        settle(masqueraded("eth0"), SEEN)
