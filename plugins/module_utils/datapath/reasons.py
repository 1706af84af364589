# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What can become of a packet, and at which hook: one list for C, Python, the status and the docs.

Numbers are part of what is pinned: never renumber, only add.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Verdicts below this number let a packet go on; the others drop it.
FIRST_DROP = 16


@dataclass(frozen=True)
class Verdict:
    """One way in which a packet leaves a program."""

    number: int
    name: str
    what: str

    @property
    def drops(self) -> bool:
        """Say whether the packet is lost."""
        return self.number >= FIRST_DROP


@dataclass(frozen=True)
class Hook:
    """One program: where it sits and which packets pass it."""

    number: int
    name: str
    attach: str
    direction: str
    what: str


VERDICTS = (
    Verdict(0, "to_endpoint", "delivered into a pod of this node"),
    Verdict(1, "to_network", "sent out of the node's device"),
    Verdict(2, "to_stack", "given to the node's own stack"),
    Verdict(3, "arp_reply", "ARP answered"),
    Verdict(4, "to_overlay", "sent through the tunnel"),
    Verdict(5, "masqueraded", "sent out of a device of the node with that device's address"),
    Verdict(16, "unsupported_l3", "neither IPv4 nor ARP"),
    Verdict(17, "malformed", "shorter than its headers say, or headers that contradict each other"),
    Verdict(18, "spoofed_source", "a source address or MAC that is not the sender's own"),
    Verdict(19, "unanswered_arp", "ARP that is no request, or one for the pod's own address"),
    Verdict(20, "no_endpoint", "an address of the pods' that no pod has"),
    Verdict(21, "blackhole_route", "the node's routing table says blackhole"),
    Verdict(22, "fib_failed", "the node's routing table gave no usable answer"),
    Verdict(23, "not_configured", "the program runs, the node's configuration is not there yet"),
    Verdict(
        24, "unknown_vni", "from the tunnel, with a network identifier that is not the overlay's"
    ),
    Verdict(
        25,
        "foreign_tunnel_endpoint",
        "from the tunnel of no node, or of one whose address or pod's the source is not",
    ),
    Verdict(26, "no_backend", "for a service without backends; answered: port unreachable"),
    Verdict(27, "no_local_backend", "for a service that takes backends of this node alone"),
    Verdict(28, "unknown_service_port", "a service's address, and a port that it does not have"),
    Verdict(29, "not_from_outside", "from outside, for a service that is for the cluster alone"),
    Verdict(30, "source_not_allowed", "from outside the source ranges of a service"),
    Verdict(
        31, "unknown_fragment", "a fragment whose first one, which says the ports, was not seen"
    ),
    Verdict(32, "nat_exhausted", "every port that was tried for a translation was taken"),
    Verdict(33, "ttl_exceeded", "its last hop was this node; answered: time exceeded"),
    Verdict(34, "too_big", "larger than the way on takes; answered: fragmentation needed"),
    Verdict(35, "host_backend", "for a backend whose replies would pass by no program"),
    Verdict(36, "nat_unsupported", "to be masqueraded, and neither TCP, UDP nor ICMP echo"),
    Verdict(
        37, "unknown_connection", "of a connection that nobody saw begin, or an answer to nothing"
    ),
    Verdict(38, "vlan_tagged", "with a VLAN tag, which no frame of a pod has"),
    Verdict(
        39, "encapsulation_prohibited", "a pod's, or a service's, for the tunnel's port of a node"
    ),
    Verdict(40, "nat_quota", "to be translated, of a pod that has its share of flows already"),
    Verdict(41, "ingress_denied", "for a pod that a policy isolates, and no rule lets it in"),
    Verdict(42, "egress_denied", "of a pod that a policy isolates, and no rule lets it out"),
)

HOOKS = (
    Hook(0, "from_container", "tc_ingress", "egress", "what a pod sends: at its host-side device"),
    Hook(1, "from_netdev", "tc_ingress", "ingress", "what the network sends: at the node's device"),
    Hook(2, "from_host", "tc_egress", "ingress", "what the node sends to pods: at pn_host"),
    Hook(3, "from_overlay", "tc_ingress", "ingress", "what the tunnel brings: at pn_vxlan"),
    Hook(4, "guard", "tc_ingress", "egress", "what a pod sends, where no eBPF carries it on"),
    Hook(
        5,
        "nodeport",
        "tc_ingress",
        "ingress",
        "what the network sends, where no eBPF carries it on",
    ),
    Hook(6, "to_netdev", "tc_egress", "egress", "what the node sends: at its devices"),
    Hook(
        7, "socket", "cgroup", "egress", "what a process connects or sends to: at the node's cgroup"
    ),
    Hook(8, "to_container", "tc_egress", "ingress", "what the kernel gives a pod"),
)
