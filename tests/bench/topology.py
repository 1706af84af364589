"""Two nodes joined by a veth, and pods on them: the same for every datapath.

What joins the pods to their node and the nodes' pods to each other is the datapath's part; here
is only what all of them share, addresses, MACs, MTU and the wire between the nodes, so that
nothing else differs. Or one node, and a host outside instead of the other.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

from ansible_collections.podnet.fabric.plugins.module_utils.engine import namespaces

from . import isolation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Of the wire between the nodes, and of the pods; VXLAN takes 50 bytes of it.
MTU, OVERLAY_MTU = 1500, 1450
#: Device of a node to the other node or to the outside, and of a pod to its node.
DEVICE = "eth0"
SUBNET = IPv4Network("10.111.0.0/24")
NODES = (
    ("node-e6e4d", IPv4Address("10.111.0.8"), IPv4Network("10.111.160.0/25")),
    ("node-63344", IPv4Address("10.111.0.9"), IPv4Network("10.111.160.128/25")),
)

#: How many pods stand on the first node and on the second. The first pod asks, the last answers.
ONE_NODE, ACROSS_NODES = "one node", "across nodes"
PLACES = {ONE_NODE: (2, 0), ACROSS_NODES: (1, 1)}

#: A pod of the first node asks a host outside: one of no network that is reached without
#: masquerading, behind the gateway of the nodes' subnet.
OUTSIDE = "outside"
OUTSIDE_IP = IPv4Address("8.8.8.8")


def mac(prefix: str, address: IPv4Address) -> str:
    """MAC that follows from an address: two bytes that say whose, then the address."""
    return prefix + "".join(f":{byte:02x}" for byte in address.packed)


@dataclass(frozen=True)
class Host:
    """A network namespace with an address."""

    name: str
    ip: IPv4Address
    netns: str

    @property
    def mac(self) -> str:
        """MAC of the device to another host."""
        return mac("02:58", self.ip)


@dataclass(frozen=True)
class Pod(Host):
    """A network namespace that has nothing but its loopback device yet."""

    @property
    def mac(self) -> str:
        """MAC of the pod's own device."""
        return mac("0a:58", self.ip)

    @property
    def host_mac(self) -> str:
        """MAC of the device on the node's side."""
        return mac("0e:58", self.ip)


@dataclass(frozen=True)
class Node(Host):
    """A network namespace with its device to the other node up, and a bpffs of its own.

    It does not forward: a datapath that needs the kernel's forwarding switches it on.
    """

    pod_cidr: IPv4Network
    mounts: str
    pods: list[Pod] = field(default_factory=list)
    peers: list[Node] = field(default_factory=list)

    @property
    def gateway(self) -> IPv4Address:
        """Last usable address of the pod CIDR, which the pods have for their gateway."""
        return self.pod_cidr[-2]

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Be on the node for the length of a ``with`` block: its network and its own bpffs."""
        with isolation.inside_mounts(self.mounts), namespaces.inside(self.netns):
            yield


@dataclass(frozen=True)
class Topology:
    """A pod that asks, a pod or a host that answers, and a datapath between them.

    :param outside: the host outside, where one answers.
    :param hosts: the nodes themselves ask and answer.
    """

    place: str
    datapath: str
    nodes: list[Node]
    outside: Host | None = None
    hosts: bool = False

    @property
    def client(self) -> Host:
        """Who asks."""
        return self.nodes[0] if self.hosts else self._pods[0]

    @property
    def server(self) -> Host:
        """Who answers."""
        return self.outside or (self.nodes if self.hosts else self._pods)[-1]

    @property
    def _pods(self) -> list[Pod]:
        return [pod for node in self.nodes for pod in node.pods]


def build(place: str, datapath: str, set_up: Callable[[Node], None] | None) -> Topology:
    """Make one of :data:`PLACES` with namespaces of its own, and a datapath where pods are.

    :param set_up: makes the datapath of a node; with None the nodes themselves talk.
    """
    nodes = [_node(*NODES[number], pods) for number, pods in enumerate(PLACES[place])]
    _join(*nodes)
    for node, peer in (nodes, nodes[::-1]):
        node.peers.append(peer)
    for node in nodes:
        if node.pods and set_up:
            set_up(node)
    return Topology(place, datapath, nodes, hosts=set_up is None)


def build_outside(datapath: str, set_up: Callable[[Node], None], *, way_back: bool) -> Topology:
    """Make a node with one pod, a host outside and the way there, and a datapath on the node.

    :param way_back: the host can answer the pod; else it can answer the node alone.
    """
    node = _node(*NODES[0], 1)
    gateway = Host("gateway", SUBNET[1], isolation.new_network())
    _join(node, gateway)
    isolation.ip(node.netns, f"route add default via {gateway.ip}")
    isolation.ip(
        gateway.netns,
        f"addr add {OUTSIDE_IP}/32 dev lo",
        *([f"route add {node.pod_cidr} via {node.ip}"] if way_back else []),
    )
    set_up(node)
    return Topology(OUTSIDE, datapath, [node], Host(OUTSIDE, OUTSIDE_IP, gateway.netns))


def _node(name: str, address: IPv4Address, pod_cidr: IPv4Network, pods: int) -> Node:
    node = Node(name, address, isolation.new_network(), pod_cidr, isolation.new_mounts())
    node.pods.extend(
        Pod(f"nginx-app-{address}", address, isolation.new_network())
        for address in (pod_cidr[2 + number] for number in range(pods))
    )
    return node


def _join(one: Host, other: Host) -> None:
    """Lay the wire between two hosts. Neighbours are permanent: no ARP while we measure."""
    isolation.ip(
        one.netns,
        f"link add {DEVICE} address {one.mac} mtu {MTU} type veth"
        f" peer name {DEVICE} address {other.mac} mtu {MTU} netns {other.netns}",
    )
    for host, peer in ((one, other), (other, one)):
        isolation.ip(
            host.netns,
            f"link set {DEVICE} up",
            f"addr add {host.ip}/{SUBNET.prefixlen} dev {DEVICE}",
            f"neigh add {peer.ip} lladdr {peer.mac} dev {DEVICE} nud permanent",
        )
