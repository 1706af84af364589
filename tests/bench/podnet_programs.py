"""What to time of this project's programs, on nodes that ``podnet_datapath`` has set up.

``from_overlay`` is not among them: a packet of a test run never was in a tunnel.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from ansible_collections.podnet.fabric.plugins.module_utils import names
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import layout
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import syscall

from .programs import TC_ACT_UNSPEC, Probe, sk_buff, tcp_packet
from .topology import DEVICE, MTU, mac

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from .topology import Node, Topology

#: What a program at a pod's device may cost, in nanoseconds above an empty program.
AIM = 150


def native(topology: Topology) -> list[Probe]:
    """Return the probes of the eBPF datapath without a tunnel, in one place."""
    node, peer = topology.nodes
    client, server = topology.client, topology.server
    if server in node.pods:
        return [_from_container(topology, "to a local pod")]
    with peer.entered():
        wire = sk_buff(ifindex=socket.if_nametoindex(DEVICE))
    received = tcp_packet(client.ip, server.ip, from_mac=node.mac, to_mac=peer.mac)
    return [
        _from_container(topology, "to a remote pod"),
        Probe("from_netdev, to a pod", peer, _pin("from_netdev"), received, wire),
    ]


def overlay(topology: Topology) -> list[Probe]:
    """Return the probe of the eBPF datapath with a tunnel."""
    return [_from_container(topology, "into the tunnel")]


def classic(topology: Topology) -> list[Probe]:
    """Return the probe of a classic datapath."""
    node, client = topology.nodes[0], topology.client
    sent = tcp_packet(client.ip, topology.server.ip, from_mac=client.mac, to_mac=_gateway_mac(node))
    context = sk_buff(ifindex=_device(topology))
    return [Probe("guard", node, _pin("guard"), sent, context, expect=TC_ACT_UNSPEC, aim=AIM)]


def _from_container(topology: Topology, where: str) -> Probe:
    node, device = topology.nodes[0], _device(topology)
    gateway_mac = _gateway_mac(node)
    sender = _sender(node, device, gateway_mac)
    sent = tcp_packet(sender, topology.server.ip, from_mac=gateway_mac, to_mac=gateway_mac)
    context = sk_buff(ifindex=device)
    return Probe(f"from_container, {where}", node, _pin("from_container"), sent, context, aim=AIM)


def _sender(node: Node, device: int, gateway_mac: str) -> IPv4Address:
    """Give a pod's device a second address, whose MAC is the gateway's, and return it.

    A test run hands the program its own packet back, as it left it: with the gateway's MAC for a
    source. From any other sender that would be a forged packet from the second run on.
    """
    address = node.pod_cidr[100]
    key = layout.ENDPOINTS.pack_key(address=str(address))
    value = layout.ENDPOINTS.pack_value(
        ifindex=device, mac=gateway_mac, gateway_mac=gateway_mac, mtu=MTU, flags=0, netns=0
    )
    with node.entered():
        syscall.map_update(syscall.get(layout.ENDPOINTS.pin), key, value)
    return address


def _device(topology: Topology) -> int:
    with topology.nodes[0].entered():
        return socket.if_nametoindex(names.endpoint_device(topology.client.name))


def _gateway_mac(node: Node) -> str:
    return mac("0e:58", node.gateway)


def _pin(program: str) -> str:
    return f"{names.PROGRAM_PINS}/{program}"
