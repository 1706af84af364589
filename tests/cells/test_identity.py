# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Nobody speaks as somebody else, in each cell: not a pod, not a host of the VPC, not a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN

from tests.cluster.cluster import GATEWAY as ROUTER
from tests.cluster.cluster import INTERNET, SERVER
from tests.cluster.senders import (
    GATEWAY_MAC,
    MARK,
    assert_no_redirect_is_believed,
    assert_pods_have_no_vlan,
    assert_strangers_reach_no_pod,
    mac_of,
    send,
    watched,
)
from tests.masquerade.flows import mirrors
from tests.masquerade.flows import seen as seen_as

from .cells import NODE_IPS, PORT, VNI, VTEP_MACS

if TYPE_CHECKING:
    from scapy.packet import Packet

    from tests.cluster.cluster import Cluster

    from .conftest import Running

GATEWAY = "10.111.160.126"


@pytest.fixture
def lab(running: Running) -> Cluster:
    """The cluster, whether or not it has services by now."""
    return running.cluster


@pytest.fixture
def hooks(running: Running) -> tuple[str, str]:
    """The programs at the pods' devices and at the node's."""
    ebpf = running.cell.datapath == "ebpf"
    return ("from_container", "from_netdev") if ebpf else ("guard", "nodeport")


def test_a_pod_has_no_vlan(lab: Cluster, hooks: tuple[str, str]) -> None:
    (far,) = lab.pods("node-2").values()
    assert_pods_have_no_vlan(lab, lab.pods("node-1"), far, hooks[0])


def test_strangers_reach_no_pod(lab: Cluster, hooks: tuple[str, str]) -> None:
    assert_strangers_reach_no_pod(lab, lab.pods("node-1"), GATEWAY, hooks[1])


def test_no_redirect_is_believed(lab: Cluster) -> None:
    assert_no_redirect_is_believed(lab, "node-1", ROUTER, NODE_IPS["node-2"])


def in_tunnel(src: str, dst: str, mac: str, mark: bytes = MARK) -> Packet:
    """The payload of a tunnel packet: a datagram between two, to a node's end of the tunnel."""
    inner = Ether(dst=mac) / IP(src=src, dst=dst) / UDP(sport=4711, dport=4711) / mark
    return UDP(sport=40000, dport=PORT, chksum=0) / VXLAN(flags="Instance", vni=VNI) / inner


def test_a_pod_sends_no_tunnel_packets(
    running: Running, lab: Cluster, hooks: tuple[str, str]
) -> None:
    (place, own), (other, near) = lab.pods("node-1").items()
    ((distant, far),) = lab.pods("node-2").items()
    frame = Ether(src=mac_of(lab, place), dst=GATEWAY_MAC)
    there = in_tunnel(SERVER, far, VTEP_MACS["node-2"])
    here = in_tunnel(SERVER, near, VTEP_MACS["node-1"])
    frames = [
        frame / IP(src=own, dst=NODE_IPS["node-2"]) / there,
        frame / IP(src=own, dst=NODE_IPS["node-1"]) / here,
        frame / IP(src=own, dst=GATEWAY) / here,
    ]
    # An address of another node's that is one of its pod CIDR: that node sees who it is from.
    behind = frame / IP(src=own, dst="10.111.160.254") / there
    with watched(lab, "node-1", [(other, "eth0"), (distant, "eth0")]) as seen:
        send(lab, place, [*frames, behind])
        lab.exec(place, "ping", "-n", "-c", "1", "-W", "3", far)
    assert seen.marked == []
    prohibited = len(frames) if running.cell.overlay else 0
    assert seen.more.get((hooks[0], "encapsulation_prohibited"), 0) == prohibited


def test_tunnel_packets_come_from_nodes_and_hold_what_these_may_send(
    running: Running, lab: Cluster
) -> None:
    (place, own), (_other, near) = lab.pods("node-1").items()
    (two,) = lab.pods("node-2").values()
    (three,) = lab.pods("node-3").values()
    senders = {"vpc-server": SERVER, "node-2": NODE_IPS["node-2"]}

    def datagram(sender: str, src: str, mark: bytes = MARK) -> Packet:
        outer = IP(src=senders[sender], dst=NODE_IPS["node-1"])
        frame = Ether(src=mac_of(lab, sender), dst=mac_of(lab, "node-1"))
        return frame / outer / in_tunnel(src, own, VTEP_MACS["node-1"], mark)

    lies = {
        "vpc-server": (SERVER, INTERNET, ROUTER, two, NODE_IPS["node-2"]),
        "node-2": (three, NODE_IPS["node-3"], near, NODE_IPS["node-1"]),
    }
    with (
        watched(lab, "node-1", [(place, "eth0")]) as seen,
        watched(lab, "node-1", [(place, "eth0")], mark=b"may pass") as allowed,
    ):
        for sender, sources in lies.items():
            send(lab, sender, [datagram(sender, src) for src in sources])
            lab.exec(sender, "ping", "-n", "-c", "1", "-W", "3", own)
        truth = (two, NODE_IPS["node-2"], INTERNET)
        send(lab, "node-2", [datagram("node-2", src, b"may pass") for src in truth])
        lab.exec("node-2", "ping", "-n", "-c", "1", "-W", "3", own)
    assert seen.marked == []
    if running.cell.overlay:
        hook = "from_overlay" if running.cell.external else "nodeport"
        assert seen.more[hook, "foreign_tunnel_endpoint"] == sum(map(len, lies.values()))
        # The pod answers that nobody listens.
        came = [packet[IP].src for packet in allowed.marked if packet[IP].dst == own]
        assert came == list(truth)
    else:  # nobody listens at the port
        assert allowed.marked == []


def test_a_server_of_the_node_answers_by_the_address_that_was_asked(
    running: Running, lab: Cluster
) -> None:
    (place, own), *_others = lab.pods("node-1").items()
    with mirrors(lab, "node-1"):
        for kind in ("tcp", "udp"):
            if kind == "tcp" or running.cell.datapath != "bridge":  # a bridge has its own route
                assert seen_as(lab, place, NODE_IPS["node-1"], kind) == own
