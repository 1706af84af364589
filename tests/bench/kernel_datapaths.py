"""What podnet is compared with: datapaths made of the kernel's own parts.

Each function is given a :class:`~tests.bench.topology.Node` and joins its pods to it and to the
pods of its peers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import isolation, kube_proxy, service_list
from .topology import DEVICE, MTU, OVERLAY_MTU, mac

if TYPE_CHECKING:
    from .topology import Node, Pod

BRIDGE, VXLAN = "cbr0", "vxlan.1"
BRIDGE_NETFILTER = "net.bridge.bridge-nf-call-iptables"


def routing(node: Node) -> None:
    """Plain veth and kernel routing, the reference: a /32 a pod and a route for each."""
    _route(node, MTU)
    forward(node)


def routing_vxlan(node: Node) -> None:
    """The same, and a tunnel to the other node."""
    _route(node, OVERLAY_MTU)
    tunnel(node)


def _route(node: Node, mtu: int) -> None:
    for number, pod in enumerate(node.pods):
        device = f"veth{number}"
        veth(node, pod, device, mtu)
        isolation.ip(
            node.netns,
            f"route add {pod.ip} dev {device}",
            f"neigh add {pod.ip} lladdr {pod.mac} dev {device} nud permanent",
        )
        isolation.ip(
            pod.netns,
            f"addr add {pod.ip}/32 dev {DEVICE}",
            f"route add {node.gateway} dev {DEVICE}",
            f"route add default via {node.gateway}",
            f"neigh add {node.gateway} lladdr {pod.host_mac} dev {DEVICE} nud permanent",
        )


def iptables(node: Node) -> None:
    """Routing, with the iptables rules of a kube-proxy node."""
    routing(node)
    pods = [pod.ip for one in (node, *node.peers) for pod in one.pods]
    service = service_list.Service(
        "app/nginx:http", service_list.FIRST_SERVICE, tuple((ip, 80) for ip in pods)
    )
    isolation.run(
        "iptables-nft-restore", netns=node.netns, stdin=kube_proxy.rules(node.pod_cidr, [service])
    )


def iptables_masquerade(node: Node) -> None:
    """Routing, and the one rule that gives what pods send to the network the node's address."""
    routing(node)
    rule = f"-A POSTROUTING -s {node.pod_cidr} -o {DEVICE} -j MASQUERADE"
    isolation.run("iptables-nft", "-t", "nat", *rule.split(), netns=node.netns)


def nftables_masquerade(node: Node) -> None:
    """Do the same by nftables, without the frame of chains that iptables has."""
    routing(node)
    chain = "ip nat postrouting"
    rules = (
        "add table ip nat",
        f"add chain {chain} {{ type nat hook postrouting priority srcnat ; }}",
        f"add rule {chain} ip saddr {node.pod_cidr} oifname {DEVICE} masquerade",
    )
    isolation.run("nft", "-f", "-", netns=node.netns, stdin="\n".join(rules) + "\n")


def bridge(node: Node) -> None:
    """A Linux bridge with the node's gateway address; between nodes, routes.

    Bridged frames do not pass netfilter, as on a host without ``br_netfilter``: the bridge at its
    best.
    """
    _bridge(node, MTU)
    forward(node)


def bridge_vxlan(node: Node) -> None:
    """The same, and a tunnel to the other node: what Flannel makes."""
    _bridge(node, OVERLAY_MTU)
    tunnel(node)


def _bridge(node: Node, mtu: int) -> None:
    bridge_mac = mac("0e:58", node.gateway)
    with_length = node.pod_cidr.prefixlen
    isolation.ip(
        node.netns,
        f"link add {BRIDGE} address {bridge_mac} mtu {mtu} type bridge",
        f"link set {BRIDGE} up",
        f"addr add {node.gateway}/{with_length} dev {BRIDGE}",
    )
    isolation.run("sysctl", "-qw", f"{BRIDGE_NETFILTER}=0", netns=node.netns)
    for number, pod in enumerate(node.pods):
        device = f"veth{number}"
        veth(node, pod, device, mtu)
        isolation.ip(
            node.netns,
            f"link set {device} master {BRIDGE}",
            f"neigh add {pod.ip} lladdr {pod.mac} dev {BRIDGE} nud permanent",
        )
        isolation.ip(
            pod.netns,
            f"addr add {pod.ip}/{with_length} dev {DEVICE}",
            f"route add default via {node.gateway}",
            f"neigh add {node.gateway} lladdr {bridge_mac} dev {DEVICE} nud permanent",
            *(
                f"neigh add {other.ip} lladdr {other.mac} dev {DEVICE} nud permanent"
                for other in node.pods
                if other is not pod
            ),
        )


def kubenet(node: Node) -> None:
    """The bridge as a Kubernetes node has it, where bridged frames pass netfilter too."""
    bridge(node)
    isolation.run("sysctl", "-qw", f"{BRIDGE_NETFILTER}=1", netns=node.netns)


def veth(node: Node, pod: Pod, device: str, mtu: int) -> None:
    """Join a pod to its node by a veth pair and nothing else."""
    isolation.ip(
        node.netns,
        f"link add {device} address {pod.host_mac} mtu {mtu} type veth"
        f" peer name {DEVICE} address {pod.mac} mtu {mtu} netns {pod.netns}",
        f"link set {device} up",
    )
    isolation.ip(pod.netns, f"link set {DEVICE} up")


def forward(node: Node) -> None:
    """Switch the kernel's forwarding on, and route the pods of every peer to that peer."""
    isolation.run("sysctl", "-qw", "net.ipv4.ip_forward=1", netns=node.netns)
    isolation.ip(node.netns, *(f"route add {peer.pod_cidr} via {peer.ip}" for peer in node.peers))


def tunnel(node: Node) -> None:
    """Forward to the pods of every peer through VXLAN.

    As Flannel: no learning, and for each peer one route, one neighbor and one forwarding entry.
    """
    isolation.run("sysctl", "-qw", "net.ipv4.ip_forward=1", netns=node.netns)
    isolation.ip(
        node.netns,
        f"link add {VXLAN} address {_vtep_mac(node)} mtu {OVERLAY_MTU}"
        f" type vxlan id 1 dstport 8472 local {node.ip} dev {DEVICE} nolearning",
        f"link set {VXLAN} up",
        f"addr add {node.pod_cidr[0]}/32 dev {VXLAN}",
    )
    for peer in node.peers:
        first, vtep_mac = peer.pod_cidr[0], _vtep_mac(peer)
        isolation.ip(
            node.netns,
            f"route add {peer.pod_cidr} via {first} dev {VXLAN} onlink",
            f"neigh add {first} lladdr {vtep_mac} dev {VXLAN} nud permanent",
        )
        entry = ("append", vtep_mac, "dev", VXLAN, "dst", str(peer.ip), "self", "permanent")
        isolation.run("bridge", "fdb", *entry, netns=node.netns)


def _vtep_mac(node: Node) -> str:
    return mac("0a:58", node.pod_cidr[0])
