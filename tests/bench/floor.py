"""The floor: what a program that does the least possible reaches. See floor.c."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING

from ansible_collections.podnet.fabric.plugins.module_utils import names
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import syscall

from . import compiled, isolation
from .kernel_datapaths import routing
from .programs import Probe, sk_buff, tcp_packet
from .topology import DEVICE

if TYPE_CHECKING:
    from .topology import Node, Topology

TCX_INGRESS = 46  # enum bpf_attach_type
PROGRAM = names.BPFFS + "/floor"


def floor(node: Node) -> None:
    """Forward between pods by the program alone; the node's own forwarding is switched off."""
    routing(node)
    isolation.run("sysctl", "-qw", "net.ipv4.ip_forward=0", netns=node.netns)
    with node.entered():
        loadable = compiled.bpf_object("floor.c")
        isolation.run("bpftool", "prog", "load", loadable, PROGRAM, "pinmaps", names.BPFFS)
        ways, program = syscall.get(names.BPFFS + "/ways"), syscall.get(PROGRAM)
        to_nodes = socket.if_nametoindex(DEVICE)
        for number, pod in enumerate(node.pods):
            device = socket.if_nametoindex(f"veth{number}")
            macs = bytes.fromhex((pod.mac + pod.host_mac).replace(":", ""))
            syscall.map_update(ways, pod.ip.packed, struct.pack("=I4x12s", device, macs))
            syscall.link_create(program, device, TCX_INGRESS)
        for peer in node.peers:
            for pod in peer.pods:
                way = struct.pack("=I4s12x", to_nodes, peer.ip.packed)
                syscall.map_update(ways, pod.ip.packed, way)
        syscall.link_create(program, to_nodes, TCX_INGRESS)


def probes(topology: Topology) -> list[Probe]:
    """Return what to time on the first node of nodes that :func:`floor` has set up."""
    node, other = topology.nodes[0], topology.server
    pod = node.pods[0]
    with node.entered():
        context = sk_buff(ifindex=socket.if_nametoindex("veth0"))
    where = "local" if other in node.pods else "remote"
    packet = tcp_packet(pod.ip, other.ip, from_mac=pod.mac, to_mac=pod.host_mac)
    return [Probe(f"floor, to a {where} pod", node, PROGRAM, packet, context)]
