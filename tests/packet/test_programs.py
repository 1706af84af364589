"""Packets in, packets out: every verdict of every program, by a table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import reasons
from scapy.all import ARP, IP, TCP, UDP, Dot1Q, Ether, IPv6, Raw
from scapy.layers.vxlan import VXLAN

from .node import (
    GATEWAY,
    GATEWAY_MAC,
    MAC_A,
    MAC_B,
    NODE,
    NODE_MAC,
    OTHER_NODE,
    OTHER_VTEP,
    PEER,
    PEER_VTEP,
    PEER_VTEP_MAC,
    POD_A,
    POD_B,
    TUNNEL_PORT,
    TUNNELED_NODE,
    VNI,
    VTEP,
    WIRE_MAC,
)

if TYPE_CHECKING:
    from scapy.packet import Packet

    from .node import Node

NEXT, DROP, REDIRECT = -1, 2, 7
#: Where the packets of a peer come from.
TUNNEL = (VNI, PEER_VTEP)
REMOTE_POD, OUTSIDE, NOBODY = "10.111.160.130", "203.0.113.10", "10.111.160.77"
TUNNELED_POD, BEHIND_GATEWAY = "10.111.162.5", "10.111.161.5"
STRANGER, ROUTER = "10.222.0.99", "10.111.0.1"


def out(dst: str, *, src: str = POD_A, mac: str = MAC_A, ttl: int = 64, size: int = 20) -> Packet:
    """What pod A sends."""
    return (
        Ether(src=mac, dst=GATEWAY_MAC)
        / IP(src=src, dst=dst, ttl=ttl)
        / UDP(sport=1000)
        / Raw(bytes(size))
    )


def wire(dst: str, *, src: str = OUTSIDE, ttl: int = 61, size: int = 20) -> Packet:
    """What the network sends."""
    return (
        Ether(src=WIRE_MAC, dst=NODE_MAC)
        / IP(src=src, dst=dst, ttl=ttl)
        / TCP(dport=80)
        / Raw(bytes(size))
    )


def framed(packet: Packet, *, src: str, dst: str, hop: bool = True) -> Packet:
    """The same packet a hop further: other MACs, TTL less one, the checksum made anew."""
    changed = packet.copy()
    changed[Ether].src, changed[Ether].dst = src, dst
    if hop:
        changed[IP].ttl -= 1
    return changed


@dataclass(frozen=True)
class Case:
    """One packet and what becomes of it; ``after`` None: dropped, or left as it was."""

    name: str
    hook: str
    device: str
    packet: Packet
    action: int
    verdict: str | None
    after: Packet | None = None
    gso_size: int = 0
    tunnel: tuple[int, str] | None = None


def container(
    name: str, packet: Packet, action: int, verdict: str, after: Packet | None = None, gso: int = 0
) -> Case:
    return Case(name, "from_container", "pod_a", packet, action, verdict, after, gso)


def tunnel(
    name: str,
    packet: Packet,
    action: int,
    verdict: str,
    after: Packet | None = None,
    key: tuple[int, str] | None = TUNNEL,
) -> Case:
    return Case(name, "from_overlay", "pn_vxlan", packet, action, verdict, after, tunnel=key)


def inner(dst: str, *, src: str = TUNNELED_POD, ttl: int = 63, size: int = 20) -> Packet:
    """What the tunnel brings."""
    return (
        Ether(src=GATEWAY_MAC, dst=PEER_VTEP_MAC)
        / IP(src=src, dst=dst, ttl=ttl)
        / TCP(dport=80)
        / Raw(bytes(size))
    )


def guarded(name: str, packet: Packet, action: int, verdict: str) -> Case:
    """Let go as it is, or dropped."""
    return Case(name, "guard", "pod_a", packet, action, verdict, packet)


def given(name: str, packet: Packet, action: int, verdict: str | None) -> Case:
    """What the kernel gives pod A: let go as it is, or dropped."""
    return Case(name, "to_container", "pod_a", packet, action, verdict, packet)


def stack(packet: Packet) -> Packet:
    """Handed to pn_host: addressed to it, else as it was."""
    return framed(packet, src=packet[Ether].src, dst=GATEWAY_MAC, hop=False)


ASK = Ether(src=MAC_A, dst="ff:ff:ff:ff:ff:ff") / ARP(op=1, hwsrc=MAC_A, psrc=POD_A, pdst=GATEWAY)
ANSWER = Ether(src=GATEWAY_MAC, dst=MAC_A) / ARP(
    op=2, hwsrc=GATEWAY_MAC, psrc=GATEWAY, hwdst=MAC_A, pdst=POD_A
)
OPTIONS = (
    Ether(src=MAC_A, dst=GATEWAY_MAC)
    / IP(src=POD_A, dst=POD_B, options=[b"\x07\x07\x04\0\0\0\0"])
    / UDP()
)


def big_tcp(dst: str) -> Packet:
    """Two segments in one packet."""
    return (
        Ether(src=MAC_A, dst=GATEWAY_MAC)
        / IP(src=POD_A, dst=dst)
        / TCP(dport=80)
        / Raw(bytes(2920))
    )


BIG_TCP = big_tcp(REMOTE_POD)

CASES = [
    container(
        "pod to pod",
        p := out(POD_B),
        REDIRECT,
        "to_endpoint",
        framed(p, src=GATEWAY_MAC, dst=MAC_B),
    ),
    container(
        "with IP options",
        OPTIONS,
        REDIRECT,
        "to_endpoint",
        framed(OPTIONS, src=GATEWAY_MAC, dst=MAC_B),
    ),
    container(
        "TTL 2",
        p := out(POD_B, ttl=2),
        REDIRECT,
        "to_endpoint",
        framed(p, src=GATEWAY_MAC, dst=MAC_B),
    ),
    container("TTL 1: the stack answers", p := out(POD_B, ttl=1), REDIRECT, "to_stack", stack(p)),
    container(
        "as large as the MTU",
        p := out(POD_B, size=1472),
        REDIRECT,
        "to_endpoint",
        framed(p, src=GATEWAY_MAC, dst=MAC_B),
    ),
    container("a byte more", p := out(POD_B, size=1473), REDIRECT, "to_stack", stack(p)),
    container("to the node", p := out(NODE), REDIRECT, "to_stack", stack(p)),
    container("to the gateway", p := out(GATEWAY), REDIRECT, "to_stack", stack(p)),
    container(
        "to a remote pod",
        p := out(REMOTE_POD),
        REDIRECT,
        "to_network",
        framed(p, src=MAC_A, dst=GATEWAY_MAC),
    ),
    container(
        "as large as the device's MTU",
        p := out(REMOTE_POD, size=1422),
        REDIRECT,
        "to_network",
        framed(p, src=MAC_A, dst=GATEWAY_MAC),
    ),
    container(
        "a byte over the device's MTU",
        p := out(REMOTE_POD, size=1423),
        REDIRECT,
        "to_stack",
        stack(p),
    ),
    container(
        "to a remote pod with TTL 1", p := out(REMOTE_POD, ttl=1), REDIRECT, "to_stack", stack(p)
    ),
    container(
        "to a pod behind the gateway",
        p := out("10.111.161.5"),
        REDIRECT,
        "to_network",
        framed(p, src=MAC_A, dst=GATEWAY_MAC),
    ),
    container(
        "to a peer node",
        p := out(PEER),
        REDIRECT,
        "to_network",
        framed(p, src=MAC_A, dst=GATEWAY_MAC),
    ),
    container(
        "to the outside",
        p := out(OUTSIDE),
        REDIRECT,
        "to_network",
        framed(p, src=MAC_A, dst=GATEWAY_MAC),
    ),
    container("out with TTL 1", p := out(OUTSIDE, ttl=1), REDIRECT, "to_stack", stack(p)),
    container(
        "out by a route locked to MTU 1400",
        p := out("10.111.161.5", size=1372),
        REDIRECT,
        "to_network",
        framed(p, src=MAC_A, dst=GATEWAY_MAC),
    ),
    container(
        "a byte over that MTU", p := out("10.111.161.5", size=1373), REDIRECT, "to_stack", stack(p)
    ),
    container(
        "segments that fit",
        BIG_TCP,
        REDIRECT,
        "to_network",
        framed(BIG_TCP, src=MAC_A, dst=GATEWAY_MAC),
        gso=1410,
    ),
    container("segments a byte too large", BIG_TCP, REDIRECT, "to_stack", stack(BIG_TCP), gso=1411),
    container(
        "into the tunnel",
        p := out(TUNNELED_POD),
        REDIRECT,
        "to_overlay",
        framed(p, src=GATEWAY_MAC, dst=PEER_VTEP_MAC),
    ),
    container(
        "into the tunnel, as large as it takes",
        p := out(TUNNELED_POD, size=1372),
        REDIRECT,
        "to_overlay",
        framed(p, src=GATEWAY_MAC, dst=PEER_VTEP_MAC),
    ),
    container(
        "into the tunnel, a byte more",
        p := out(TUNNELED_POD, size=1373),
        REDIRECT,
        "to_stack",
        stack(p),
    ),
    container(
        "into the tunnel with TTL 1",
        p := out(TUNNELED_POD, ttl=1),
        REDIRECT,
        "to_stack",
        stack(p),
    ),
    container(
        "into the tunnel, segments that fit",
        p := big_tcp(TUNNELED_POD),
        REDIRECT,
        "to_overlay",
        framed(p, src=GATEWAY_MAC, dst=PEER_VTEP_MAC),
        gso=1360,
    ),
    container(
        "into the tunnel, segments a byte too large",
        p := big_tcp(TUNNELED_POD),
        REDIRECT,
        "to_stack",
        stack(p),
        gso=1361,
    ),
    container("unreachable route", p := out("192.0.2.1"), REDIRECT, "to_stack", stack(p)),
    container("prohibit route", p := out("192.88.99.1"), REDIRECT, "to_stack", stack(p)),
    container("blackhole route", out("198.51.100.1"), DROP, "blackhole_route"),
    container("address that no pod has", out(NOBODY), DROP, "no_endpoint"),
    container("multicast", p := out("224.0.0.251"), REDIRECT, "to_stack", stack(p)),
    container("broadcast", p := out("255.255.255.255"), REDIRECT, "to_stack", stack(p)),
    container("this network", p := out("0.0.0.0"), REDIRECT, "to_stack", stack(p)),
    container("forged address of a neighbour", out(POD_B, src=POD_B), DROP, "spoofed_source"),
    container("forged address of the node", out(POD_B, src=NODE), DROP, "spoofed_source"),
    container("forged address of the outside", out(POD_B, src=OUTSIDE), DROP, "spoofed_source"),
    container("forged MAC", out(POD_B, mac="02:00:00:00:00:99"), DROP, "spoofed_source"),
    container("IPv6", Ether(src=MAC_A, dst=GATEWAY_MAC) / IPv6() / UDP(), DROP, "unsupported_l3"),
    container(
        "VLAN",
        Ether(src=MAC_A, dst=GATEWAY_MAC) / Dot1Q(vlan=5) / IP() / UDP(),
        DROP,
        "vlan_tagged",
    ),
    container(
        "unknown protocol",
        Ether(src=MAC_A, dst=GATEWAY_MAC, type=0x88CC) / Raw(bytes(40)),
        DROP,
        "unsupported_l3",
    ),
    container(
        "header length too small",
        Ether(src=MAC_A, dst=GATEWAY_MAC) / IP(src=POD_A, dst=POD_B, ihl=4) / UDP(),
        DROP,
        "malformed",
    ),
    container(
        "length beyond the packet",
        Ether(src=MAC_A, dst=GATEWAY_MAC) / IP(src=POD_A, dst=POD_B, len=900) / UDP(),
        DROP,
        "malformed",
    ),
    container(
        "version 6 in an IPv4 frame",
        Ether(src=MAC_A, dst=GATEWAY_MAC) / IP(src=POD_A, dst=POD_B, version=6) / UDP(),
        DROP,
        "malformed",
    ),
    container("ARP for the gateway", ASK, REDIRECT, "arp_reply", ANSWER),
    container(
        "ARP for its own address",
        Ether(src=MAC_A) / ARP(op=1, hwsrc=MAC_A, psrc=POD_A, pdst=POD_A),
        DROP,
        "unanswered_arp",
    ),
    container(
        "ARP probe",
        Ether(src=MAC_A) / ARP(op=1, hwsrc=MAC_A, psrc="0.0.0.0", pdst=POD_A),
        DROP,
        "unanswered_arp",
    ),
    container(
        "ARP reply",
        Ether(src=MAC_A) / ARP(op=2, hwsrc=MAC_A, psrc=POD_A, pdst=GATEWAY),
        DROP,
        "unanswered_arp",
    ),
    container(
        "ARP with a neighbour's address",
        Ether(src=MAC_A) / ARP(op=1, hwsrc=MAC_A, psrc=POD_B, pdst=GATEWAY),
        DROP,
        "spoofed_source",
    ),
    container(
        "ARP with a forged MAC",
        Ether(src=MAC_A) / ARP(op=1, hwsrc=MAC_B, psrc=POD_A, pdst=GATEWAY),
        DROP,
        "spoofed_source",
    ),
    container(
        "ARP cut short",
        Ether(src=MAC_A, dst=GATEWAY_MAC, type=0x0806) / Raw(bytes(8)),
        DROP,
        "malformed",
    ),
    Case(
        "into a pod",
        "from_netdev",
        "eth0",
        p := wire(POD_A),
        REDIRECT,
        "to_endpoint",
        framed(p, src=GATEWAY_MAC, dst=MAC_A),
    ),
    Case(
        "into a pod, TTL 1",
        "from_netdev",
        "eth0",
        p := wire(POD_A, ttl=1),
        REDIRECT,
        "to_stack",
        stack(p),
    ),
    Case(
        "into a pod, too large",
        "from_netdev",
        "eth0",
        p := wire(POD_A, size=1461),
        REDIRECT,
        "to_stack",
        stack(p),
    ),
    Case("for the node", "from_netdev", "eth0", p := wire(NODE), NEXT, None, p),
    Case("for the gateway address", "from_netdev", "eth0", p := wire(GATEWAY), NEXT, None, p),
    Case("passing through", "from_netdev", "eth0", p := wire("10.9.9.9"), NEXT, None, p),
    Case("for nobody", "from_netdev", "eth0", wire(NOBODY), DROP, "no_endpoint"),
    Case(
        "ARP is the node's",
        "from_netdev",
        "eth0",
        p := Ether(src=WIRE_MAC) / ARP(psrc=PEER, pdst=NODE),
        NEXT,
        None,
        p,
    ),
    Case(
        "IPv6 is the node's",
        "from_netdev",
        "eth0",
        p := Ether(src=WIRE_MAC, dst=NODE_MAC) / IPv6() / UDP(),
        NEXT,
        None,
        p,
    ),
    Case(
        "node to pod",
        "from_host",
        "pn_host",
        p := wire(POD_A, src=NODE, ttl=64),
        REDIRECT,
        "to_endpoint",
        framed(p, src=GATEWAY_MAC, dst=MAC_A, hop=False),
    ),
    Case(
        "node to a pod behind the tunnel",
        "from_host",
        "pn_host",
        p := wire(TUNNELED_POD, src=GATEWAY, ttl=64),
        REDIRECT,
        "to_overlay",
        framed(p, src=GATEWAY_MAC, dst=PEER_VTEP_MAC, hop=False),
    ),
    Case(
        "node to a pod that has a route of its own",
        "from_host",
        "pn_host",
        wire(REMOTE_POD, src=NODE),
        DROP,
        "no_endpoint",
    ),
    Case("node to nobody", "from_host", "pn_host", wire(NOBODY, src=NODE), DROP, "no_endpoint"),
    Case(
        "node to its own gateway address",
        "from_host",
        "pn_host",
        wire(GATEWAY, src=NODE),
        DROP,
        "no_endpoint",
    ),
    Case(
        "node by IPv6",
        "from_host",
        "pn_host",
        Ether(src=WIRE_MAC, dst=NODE_MAC) / IPv6() / UDP(),
        DROP,
        "unsupported_l3",
    ),
    Case(
        "node, malformed",
        "from_host",
        "pn_host",
        Ether(src=WIRE_MAC, dst=NODE_MAC) / IP(dst=POD_A, ihl=3) / UDP(),
        DROP,
        "malformed",
    ),
    tunnel(
        "into a pod",
        p := inner(POD_A),
        REDIRECT,
        "to_endpoint",
        framed(p, src=GATEWAY_MAC, dst=MAC_A),
    ),
    tunnel("into a pod, TTL 1", p := inner(POD_A, ttl=1), REDIRECT, "to_stack", stack(p)),
    tunnel("into a pod, too large", p := inner(POD_A, size=1461), REDIRECT, "to_stack", stack(p)),
    tunnel("for the node", p := inner(NODE), REDIRECT, "to_stack", stack(p)),
    tunnel("for the gateway address", p := inner(GATEWAY), REDIRECT, "to_stack", stack(p)),
    tunnel("for nobody", inner(NOBODY), DROP, "no_endpoint"),
    tunnel("for a pod of another node", inner(REMOTE_POD), DROP, "no_endpoint"),
    tunnel("for the outside", inner(OUTSIDE), DROP, "no_endpoint"),
    tunnel(
        "from the node itself",
        p := inner(POD_A, src=TUNNELED_NODE),
        REDIRECT,
        "to_endpoint",
        framed(p, src=GATEWAY_MAC, dst=MAC_A),
    ),
    tunnel("of another overlay", inner(POD_A), DROP, "unknown_vni", key=(VNI + 1, PEER_VTEP)),
    tunnel("out of no tunnel", inner(POD_A), DROP, "unknown_vni", key=None),
    tunnel(
        "a pod's address from the wrong tunnel endpoint",
        inner(POD_A),
        DROP,
        "foreign_tunnel_endpoint",
        key=(VNI, OTHER_VTEP),
    ),
    tunnel(
        "address of a pod whose tunnel endpoint is not known yet",
        p := inner(POD_A, src=BEHIND_GATEWAY),
        REDIRECT,
        "to_endpoint",
        framed(p, src=GATEWAY_MAC, dst=MAC_A),
        key=(VNI, OTHER_VTEP),
    ),
    tunnel(
        "the same from another node",
        inner(POD_A, src=BEHIND_GATEWAY),
        DROP,
        "foreign_tunnel_endpoint",
    ),
    tunnel(
        "what a node forwards",
        p := inner(POD_A, src=OUTSIDE),
        REDIRECT,
        "to_endpoint",
        framed(p, src=GATEWAY_MAC, dst=MAC_A),
    ),
    *(
        tunnel(f"from {name}", inner(to, src=src), DROP, "foreign_tunnel_endpoint", key=(VNI, end))
        for name, src, to, end in (
            ("another node", PEER, POD_A, PEER_VTEP),
            ("another node's tunnel endpoint", OTHER_VTEP, POD_A, PEER_VTEP),
            ("this node's own tunnel endpoint", VTEP, POD_A, PEER_VTEP),
            ("a stranger as a pod", TUNNELED_POD, POD_A, STRANGER),
            ("a stranger as the outside", OUTSIDE, POD_A, STRANGER),
            ("a stranger as the router", ROUTER, NODE, STRANGER),
            ("a stranger as a node", TUNNELED_NODE, NODE, STRANGER),
            ("a pod that says it is one", OUTSIDE, POD_A, POD_A),
            ("this node", OUTSIDE, POD_A, VTEP),
        )
    ),
    tunnel(
        "address of a pod of this node", inner(POD_A, src=POD_B), DROP, "foreign_tunnel_endpoint"
    ),
    tunnel("address of this node", inner(POD_A, src=NODE), DROP, "foreign_tunnel_endpoint"),
    tunnel(
        "IPv6",
        Ether(src=GATEWAY_MAC, dst=PEER_VTEP_MAC) / IPv6() / UDP(),
        DROP,
        "unsupported_l3",
    ),
    tunnel("ARP", Ether(src=WIRE_MAC) / ARP(psrc=TUNNELED_POD, pdst=POD_A), DROP, "unsupported_l3"),
    tunnel(
        "malformed",
        Ether(src=GATEWAY_MAC, dst=PEER_VTEP_MAC) / IP(dst=POD_A, ihl=3) / UDP(),
        DROP,
        "malformed",
    ),
    given("the pod's", wire(POD_A), NEXT, "to_endpoint"),
    given("from a pod of the node", out(POD_A, src=POD_B), NEXT, "to_endpoint"),
    given("TTL 1: the stack has done its work", wire(POD_A, ttl=1), NEXT, "to_endpoint"),
    given("another pod's: a bridge gives it to all", wire(POD_B), NEXT, None),
    given("for everybody", wire("255.255.255.255"), NEXT, None),
    given("ARP", ASK, NEXT, None),
    given("IPv6", Ether(src=GATEWAY_MAC, dst=MAC_A) / IPv6() / UDP(), DROP, "unsupported_l3"),
    given(
        "header length too small",
        Ether(src=GATEWAY_MAC, dst=MAC_A) / IP(src=POD_B, dst=POD_A, ihl=4) / UDP(),
        DROP,
        "malformed",
    ),
    guarded("the pod's own packet", out(POD_B), NEXT, "to_stack"),
    guarded("to the outside, TTL 1", out(OUTSIDE, ttl=1), NEXT, "to_stack"),
    guarded("a neighbour's address", out(OUTSIDE, src=POD_B), DROP, "spoofed_source"),
    guarded("the node's address", out(OUTSIDE, src=NODE), DROP, "spoofed_source"),
    guarded("an address of the outside", out(POD_B, src=OUTSIDE), DROP, "spoofed_source"),
    guarded("forged MAC", out(POD_B, mac=WIRE_MAC), DROP, "spoofed_source"),
    guarded("IPv6", Ether(src=MAC_A, dst=GATEWAY_MAC) / IPv6() / UDP(), DROP, "unsupported_l3"),
    guarded(
        "header length too small",
        Ether(src=MAC_A, dst=GATEWAY_MAC) / IP(src=POD_A, dst=POD_B, ihl=4) / UDP(),
        DROP,
        "malformed",
    ),
    Case("ARP for the gateway", "guard", "pod_a", ASK, REDIRECT, "arp_reply", ANSWER),
    guarded(
        "ARP reply",
        Ether(src=MAC_A, dst=GATEWAY_MAC) / ARP(op=2, hwsrc=MAC_A, psrc=POD_A, pdst=GATEWAY),
        NEXT,
        "to_stack",
    ),
    guarded(
        "ARP announcement",
        Ether(src=MAC_A) / ARP(op=1, hwsrc=MAC_A, psrc=POD_A, pdst=POD_A),
        NEXT,
        "to_stack",
    ),
    guarded(
        "ARP probe",
        Ether(src=MAC_A) / ARP(op=1, hwsrc=MAC_A, psrc="0.0.0.0", pdst=POD_A),
        NEXT,
        "to_stack",
    ),
    guarded(
        "ARP probe for a neighbour's address",
        Ether(src=MAC_A) / ARP(op=1, hwsrc=MAC_A, psrc="0.0.0.0", pdst=POD_B),
        DROP,
        "spoofed_source",
    ),
    guarded(
        "ARP with a neighbour's address",
        Ether(src=MAC_A) / ARP(op=2, hwsrc=MAC_A, psrc=POD_B, pdst=GATEWAY),
        DROP,
        "spoofed_source",
    ),
    guarded(
        "ARP with the gateway's address",
        Ether(src=MAC_A) / ARP(op=2, hwsrc=MAC_A, psrc=GATEWAY, pdst=POD_B),
        DROP,
        "spoofed_source",
    ),
    guarded(
        "ARP with a forged MAC",
        Ether(src=MAC_A) / ARP(op=2, hwsrc=MAC_B, psrc=POD_A, pdst=GATEWAY),
        DROP,
        "spoofed_source",
    ),
    guarded(
        "ARP in a frame with a forged MAC",
        Ether(src=MAC_B) / ARP(op=2, hwsrc=MAC_A, psrc=POD_A, pdst=GATEWAY),
        DROP,
        "spoofed_source",
    ),
    guarded(
        "ARP of other addresses",
        Ether(src=MAC_A) / ARP(op=1, ptype=0x86DD, hwsrc=MAC_A, psrc=POD_A, pdst=GATEWAY),
        DROP,
        "malformed",
    ),
    guarded(
        "ARP cut short",
        Ether(src=MAC_A, dst=GATEWAY_MAC, type=0x0806) / Raw(bytes(8)),
        DROP,
        "malformed",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.hook}: {case.name}")
def test_packet(node: Node, case: Case) -> None:
    before = bytes(case.packet)
    outcome = node.run(case.hook, before, case.device, gso_size=case.gso_size, tunnel=case.tunnel)
    assert outcome.counted == ([(case.hook, case.verdict)] if case.verdict else [])
    assert outcome.action == case.action
    if case.after is not None:
        # Built anew from the fields: scapy computes every checksum itself.
        fresh = case.after.copy()
        if IP in fresh and case.after[IP].chksum is None:
            del fresh[IP].chksum
        assert outcome.data == bytes(fresh), Ether(outcome.data).show(dump=True)


@pytest.mark.parametrize("tag", [{"vlan": 5}, {"vlan": 0}, {"provider_vlan": 5}], ids=str)
@pytest.mark.parametrize("packet", [out(POD_B), out(OUTSIDE), ASK], ids=["pod", "outside", "ARP"])
@pytest.mark.parametrize("hook", ["from_container", "guard"])
def test_a_pod_has_no_vlan(node: Node, hook: str, packet: Packet, tag: dict[str, int]) -> None:
    outcome = node.run(hook, bytes(packet), "pod_a", **tag)
    assert (outcome.action, outcome.counted) == (DROP, [(hook, "vlan_tagged")])


@pytest.mark.parametrize("hook", ["from_container", "guard"])
def test_nor_has_it_two(node: Node, hook: str) -> None:
    frame = Ether(src=MAC_A, dst=GATEWAY_MAC) / Dot1Q(vlan=6) / IP(src=POD_A, dst=POD_B) / UDP()
    for packet in (frame, Ether(bytes(frame)[:12] + b"\x88\xa8" + bytes(frame)[14:])):
        for tag in ({}, {"vlan": 5}, {"provider_vlan": 5}):
            outcome = node.run(hook, bytes(packet), "pod_a", **tag)
            assert (outcome.action, outcome.counted) == (DROP, [(hook, "vlan_tagged")])


def test_nor_has_what_the_tunnel_brings(node: Node) -> None:
    outcome = node.run("from_overlay", bytes(inner(POD_A)), "pn_vxlan", tunnel=TUNNEL, vlan=5)
    assert (outcome.action, outcome.counted) == (DROP, [("from_overlay", "vlan_tagged")])


#: For a pod, and for an address of the pods' that nobody has.
TARGETS = pytest.mark.parametrize("target", [POD_A, NOBODY], ids=["pod", "nobody"])


@TARGETS
@pytest.mark.parametrize("hook", ["from_netdev", "nodeport"])
def test_vlans_of_the_network_are_the_host_s(node: Node, hook: str, target: str) -> None:
    for tag in ({"vlan": 5}, {"provider_vlan": 5}):
        outcome = node.run(hook, packet := bytes(wire(target)), "eth0", **tag)
        assert (outcome.action, outcome.counted, outcome.data) == (NEXT, [], packet)


def test_a_priority_of_the_network_s_is_no_vlan(node: Node) -> None:
    outcome = node.run("from_netdev", bytes(wire(POD_A)), "eth0", vlan=0)
    assert outcome.counted == [("from_netdev", "to_endpoint")]


@TARGETS
@pytest.mark.parametrize("hook", ["from_netdev", "nodeport"])
@pytest.mark.parametrize("mac", ["02:00:00:00:00:03", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01"])
def test_frames_for_others_are_left_alone(node: Node, hook: str, mac: str, target: str) -> None:
    packet = wire(target)
    packet[Ether].dst = mac
    outcome = node.run(hook, bytes(packet), "eth0")
    assert (outcome.action, outcome.counted, outcome.data) == (NEXT, [], bytes(packet))


@pytest.mark.parametrize("target", [POD_A, NODE, OUTSIDE], ids=["pod", "node", "outside"])
@pytest.mark.parametrize("source", [POD_A, POD_B, NOBODY, GATEWAY, NODE])
@pytest.mark.parametrize(
    ("hook", "device"),
    [("from_netdev", "eth0"), ("nodeport", "eth0"), ("nodeport", "pn_vxlan")],
)
def test_nobody_else_speaks_as_this_node_or_its_pods(
    node: Node, hook: str, device: str, source: str, target: str
) -> None:
    outcome = node.run(hook, bytes(wire(target, src=source)), device)
    assert (outcome.action, outcome.counted) == (DROP, [(hook, "spoofed_source")])


def datagram(dst: str, *, src: str, frame: Packet, vni: int = VNI, **fields: Any) -> Packet:
    """A tunnel packet as the underlay has it."""
    tunnel = UDP(sport=40000, dport=TUNNEL_PORT, chksum=0) / VXLAN(flags="Instance", vni=vni)
    return Ether(src=WIRE_MAC, dst=NODE_MAC) / IP(src=src, dst=dst, **fields) / tunnel / frame


#: Where a pod's tunnel packets do not go: nodes, their tunnel endpoints, and what may be a node.
NO_PODS = (NODE, VTEP, GATEWAY, PEER, PEER_VTEP, OUTSIDE, "255.255.255.255")


@pytest.mark.parametrize("hook", ["from_container", "guard"])
def test_a_pod_sends_no_tunnel_packets(node: Node, hook: str) -> None:
    # The kernel's own tunnel has an address of the pod CIDR that is no pod's.
    addresses = NO_PODS if hook == "from_container" else (*NO_PODS, NOBODY, "10.111.160.0")
    options = {"options": [b"\x07\x07\x04\0\0\0\0"]}
    for address in addresses:
        for fields in ({}, {"flags": "MF"}, options):
            packet = datagram(address, src=POD_A, frame=inner(POD_A), **fields)
            packet[Ether].src = MAC_A
            outcome = node.run(hook, bytes(packet), "pod_a")
            prohibited = (DROP, [(hook, "encapsulation_prohibited")])
            assert (outcome.action, outcome.counted) == prohibited, address


@pytest.mark.parametrize("hook", ["from_container", "guard"])
def test_tunnels_between_pods_are_their_own(node: Node, hook: str) -> None:
    to_pods = [datagram(one, src=POD_A, frame=inner(POD_A)) for one in (POD_B, TUNNELED_POD)]
    later = datagram(NODE, src=POD_A, frame=inner(POD_A), frag=4)  # of which the first was dropped
    other = datagram(NODE, src=POD_A, frame=inner(POD_A))
    other[UDP].dport = TUNNEL_PORT + 1
    tcp = Ether(dst=GATEWAY_MAC) / IP(src=POD_A, dst=NODE) / TCP(dport=TUNNEL_PORT)
    for packet in (*to_pods, later, other, tcp):
        packet[Ether].src = MAC_A
        ((_hook, verdict),) = node.run(hook, bytes(packet), "pod_a").counted
        assert verdict in {"to_endpoint", "to_overlay", "to_stack"}


@pytest.mark.parametrize("hook", ["from_container", "guard"])
def test_without_a_tunnel_its_port_is_one_as_others(node: Node, hook: str) -> None:
    packet = datagram(NODE, src=POD_A, frame=inner(POD_A))
    packet[Ether].src = MAC_A
    node.set_config(overlay=False)
    try:
        assert node.run(hook, bytes(packet), "pod_a").counted == [(hook, "to_stack")]
    finally:
        node.set_config()


#: What is in a tunnel packet: its sender, the inner frame, and by which reason it is dropped.
INSPECTED = {
    "a pod of the node": (PEER_VTEP, inner(POD_A), None),
    "the node itself": (PEER_VTEP, inner(POD_A, src=TUNNELED_NODE), None),
    "what the node forwards": (PEER_VTEP, inner(POD_A, src=OUTSIDE), None),
    "another node's pod": (PEER_VTEP, inner(POD_A, src=BEHIND_GATEWAY), "foreign_tunnel_endpoint"),
    "another node": (PEER_VTEP, inner(POD_A, src=OTHER_NODE), "foreign_tunnel_endpoint"),
    "a pod of this node": (PEER_VTEP, inner(POD_A, src=POD_B), "foreign_tunnel_endpoint"),
    "this node": (PEER_VTEP, inner(POD_A, src=NODE), "foreign_tunnel_endpoint"),
    "a stranger as a pod": (STRANGER, inner(POD_A), "foreign_tunnel_endpoint"),
    "a stranger as the router": (STRANGER, inner(NODE, src=ROUTER), "foreign_tunnel_endpoint"),
    "ARP": (PEER_VTEP, Ether() / ARP(psrc=TUNNELED_POD, pdst=POD_A), "unsupported_l3"),
    "a tag": (PEER_VTEP, Ether() / Dot1Q(vlan=5) / inner(POD_A).payload, "unsupported_l3"),
}


@pytest.mark.parametrize("dst", [VTEP, NODE, GATEWAY, "192.0.2.77"])
@pytest.mark.parametrize("what", INSPECTED)
def test_the_kernel_s_own_tunnel_gets_what_a_node_may_send(node: Node, what: str, dst: str) -> None:
    sender, frame, verdict = INSPECTED[what]
    packet = bytes(datagram(dst, src=sender, frame=frame))
    outcome = node.run("nodeport", packet, "eth0")
    assert outcome.counted == ([("nodeport", verdict)] if verdict else [])
    assert (outcome.action, outcome.data) == (DROP if verdict else NEXT, packet)


def test_a_fragment_that_does_not_show_who_is_inside_goes_no_further(node: Node) -> None:
    packet = datagram(VTEP, src=PEER_VTEP, frame=inner(POD_A), flags="MF")
    assert node.run("nodeport", bytes(packet), "eth0").counted == []
    short = packet.copy()
    short[UDP].payload = Raw(bytes(packet[UDP].payload)[:16])
    outcome = node.run("nodeport", bytes(short), "eth0")
    assert outcome.counted == [("nodeport", "foreign_tunnel_endpoint")]


def test_others_tunnels_are_left_alone(node: Node) -> None:
    lie = inner(POD_A, src=POD_B)
    other_network = datagram(VTEP, src=STRANGER, frame=lie, vni=VNI + 1)
    for_a_pod = datagram(POD_A, src=STRANGER, frame=lie)
    short = datagram(VTEP, src=STRANGER, frame=Raw(b"no tunnel packet"))
    for packet in (other_network, for_a_pod, short):
        assert node.run("nodeport", bytes(packet), "eth0").counted == []


def test_what_the_tunnel_brings_is_no_tunnel_packet(node: Node) -> None:
    packet = datagram(GATEWAY, src=TUNNELED_POD, frame=inner(POD_A, src=OUTSIDE))
    outcome = node.run("nodeport", bytes(packet), "pn_vxlan")
    assert outcome.counted == [("nodeport", "foreign_tunnel_endpoint")]


def test_nothing_is_forwarded_before_the_node_is_configured(node: Node) -> None:
    node.set_config(gateway=False)
    try:
        outcome = node.run("from_container", bytes(out(OUTSIDE)), "pod_a")
        assert (outcome.action, outcome.counted) == (DROP, [("from_container", "not_configured")])
        assert node.run("from_netdev", bytes(wire(NOBODY)), "eth0").action == NEXT
        outcome = node.run("from_host", bytes(wire(TUNNELED_POD)), "pn_host")
        assert (outcome.action, outcome.counted) == (DROP, [("from_host", "not_configured")])
        outcome = node.run("from_overlay", bytes(inner(POD_A)), "pn_vxlan", tunnel=TUNNEL)
        assert (outcome.action, outcome.counted) == (DROP, [("from_overlay", "not_configured")])
        # Pods of the node need nothing but each other.
        assert node.run("from_container", bytes(out(POD_B)), "pod_a").action == REDIRECT
    finally:
        node.set_config()


def test_nothing_is_tunneled_before_the_device_is_there(node: Node) -> None:
    node.set_config(overlay=False)
    try:
        outcome = node.run("from_container", bytes(out(TUNNELED_POD)), "pod_a")
        assert (outcome.action, outcome.counted) == (DROP, [("from_container", "not_configured")])
        outcome = node.run("from_host", bytes(wire(TUNNELED_POD)), "pn_host")
        assert (outcome.action, outcome.counted) == (DROP, [("from_host", "not_configured")])
    finally:
        node.set_config()


def test_every_verdict_is_seen() -> None:
    seen = {case.verdict for case in CASES} | {"not_configured"}
    # Those of services, of masquerading and of policies are next door.
    for name in (
        "test_balance.py",
        "masquerade.py",
        "test_masquerade.py",
        "test_quota.py",
        "test_policy.py",
    ):
        text = (Path(__file__).parent / name).read_text()
        seen |= {verdict.name for verdict in reasons.VERDICTS if f'"{verdict.name}"' in text}
    assert {verdict.name for verdict in reasons.VERDICTS} - seen == set()
