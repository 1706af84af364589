"""What to time of this project's programs, on nodes that ``podnet_datapath`` has set up.

``from_overlay`` is not among them: a packet of a test run never was in a tunnel.
"""

from __future__ import annotations

import functools
import socket
from typing import TYPE_CHECKING, Any

from ansible_collections.podnet.fabric.plugins.module_utils import names
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import (
    clock,
    layout,
    nat_layout,
    policy_layout,
)
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import maps, syscall

from . import masquerade_programs
from .again import Fresh
from .programs import PSH_ACK, SYN, TC_ACT_UNSPEC, Probe, sk_buff, tcp_packet
from .topology import DEVICE, MTU, mac

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from .topology import Node, Topology

#: What policies say something of is handed over to another program.
JUDGED = "from_container with policies, {}"

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


def policies(topology: Topology) -> list[Probe]:
    """Return the probes of a pod that sends to another node, by what policies say of it.

    Its packets are put back before each run; ``over_units`` knows nothing of the program that they
    are handed over to.
    """
    if topology.server in topology.nodes[0].pods:
        return []
    node, server, device = topology.nodes[0], topology.server.ip, _device(topology)
    with node.entered():
        pods = maps.Map(syscall.get(policy_layout.POLICY_PODS.pin))
        notes = maps.Map(syscall.get(nat_layout.NAT.pin))
        own = policy_layout.POLICY_PODS.unpack_value(
            pods.get(policy_layout.POLICY_PODS.pack_key(address=str(topology.client.ip))) or b""
        )

    def probe(what: str, place: int, *, flags: int = PSH_ACK, **more: Any) -> Probe:
        pod = _sender(node, device, topology.client.mac, place, isolated="sets" in more)
        if "sets" in more:
            value = policy_layout.POLICY_PODS.pack_value(**{**own, **more.pop("sets")})
            pods.update({policy_layout.POLICY_PODS.pack_key(address=str(pod)): value})
        packet = tcp_packet(
            pod, server, from_mac=topology.client.mac, to_mac=_gateway_mac(node), flags=flags
        )
        return Probe(
            JUDGED.format(what),
            node,
            _pin("from_container"),
            packet,
            sk_buff(ifindex=device),
            units=False,
            **{"fresh": Fresh(), **more},
        )

    answered = node.pod_cidr[103]
    now = clock.now()
    value: dict[str, Any] = dict.fromkeys((one.name for one in nat_layout.NAT.value), 0)
    key = nat_layout.NAT.pack_key(
        source=str(answered),
        destination=str(server),
        source_port=40000,
        destination_port=80,
        protocol=socket.IPPROTO_TCP,
        reserved=policy_layout.POLICY_EGRESS,
    )
    flags = nat_layout.NAT_POLICY | nat_layout.NAT_ANSWERED
    value |= {"source": "::", "destination": "::", "flags": flags, "created": now, "used": now}
    note = {key: nat_layout.NAT.pack_value(**value)}
    forget = functools.partial(masquerade_programs.forget, masquerade_programs.tables(node))
    return [
        probe("that no policy selects", 101),
        probe("by a rule", 102, sets={"ingress": 0}),
        probe(
            "an answer, by its note",
            103,
            sets={"ingress": 0, "egress": 1},
            fresh=Fresh(before=functools.partial(notes.update, note)),
        ),
        probe(
            "by a rule, new connection",
            104,
            sets={},
            flags=SYN,
            fresh=Fresh(step=1, before=forget),
        ),
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
    sender = _sender(node, device, gateway_mac, 100)
    sent = tcp_packet(sender, topology.server.ip, from_mac=gateway_mac, to_mac=gateway_mac)
    context = sk_buff(ifindex=device)
    return Probe(f"from_container, {where}", node, _pin("from_container"), sent, context, aim=AIM)


def _sender(
    node: Node, device: int, its_mac: str, place: int, *, isolated: bool = False
) -> IPv4Address:
    """Give a pod's device a second address, by its place among those of the node, and return it.

    A test run hands the program its own packet back, as it left it: with the gateway's MAC for a
    source. From a sender with any other one that would be a forged packet from the second run on,
    where nothing puts the packet back.
    """
    address = node.pod_cidr[place]
    key = layout.ENDPOINTS.pack_key(address=str(address))
    value = layout.ENDPOINTS.pack_value(
        ifindex=device,
        mac=its_mac,
        gateway_mac=_gateway_mac(node),
        mtu=MTU,
        flags=layout.ENDPOINT_ISOLATED if isolated else 0,
        netns=0,
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
