# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Network policies for the node under test: its maps, written by hand, and what they counted."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ansible_collections.podnet.fabric.plugins.module_utils.datapath import nat_layout
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import policy_layout as layout

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .node import Node

PARTITION, ANY = 7, 0
#: Bits of protocol and port that a rule looks at.
ALL_PROTOCOLS, PROTOCOL, PORT = 0, 16, 32


class Lets(NamedTuple):
    """An entry of a set: what it lets through of a class; ``rule`` 0: that does not pass."""

    peers: int
    rule: int
    protocol: int = 0
    port: int = 0
    bits: int = PORT


def every(peers: int, rule: int) -> Lets:
    """Return an entry of all protocols."""
    return Lets(peers, rule, bits=ALL_PROTOCOLS)


@dataclass
class Policies:
    """The policies of a node."""

    node: Node
    pods: set[str] = field(default_factory=set)

    def reset(self) -> None:
        """No pod is selected, and nothing is noted."""
        for address in self.pods:
            self.node.set_pod(address)
        self.pods.clear()
        for table in layout.MAPS:
            if table.name in self.node.tables and table.type in ("hash", "lpm_trie", "percpu_hash"):
                self.node.tables[table.name].delete(list(self.node.tables[table.name].items()))
        self.add_class("::/0", 1)

    def add_class(self, block: str, number: int) -> None:
        """Put the addresses of a block into a class."""
        network = ipaddress.ip_network(block)
        mapped = 96 if network.version == 4 else 0
        key = layout.POLICY_CLASSES.pack_key(
            prefixlen=layout.POLICY_CLASS_BITS + mapped + network.prefixlen,
            partition=PARTITION,
            address=str(network.network_address),
        )
        value = layout.POLICY_CLASSES.pack_value(peers=number)
        self.node.tables["policy_classes"].update({key: value})

    def add_set(self, number: int, entries: Iterable[Lets]) -> None:
        """Write a set, and a counter for it and each of its rules."""
        entries = list(entries)
        self.node.tables["policy_rules"].update(
            {
                layout.POLICY_RULES.pack_key(
                    prefixlen=layout.POLICY_RULE_BITS + one.bits,
                    set=number,
                    peers=one.peers,
                    protocol=one.protocol,
                    reserved=0,
                    port=one.port,
                ): layout.POLICY_RULES.pack_value(rule=one.rule)
                for one in entries
            }
        )
        counted = [(one.rule, layout.POLICY_RULE) for one in entries if one.rule]
        counted += [(number, layout.POLICY_SET), (number, layout.POLICY_AUDIT)]
        keys = [layout.POLICY_COUNTERS.pack_key(number=no, kind=kind) for no, kind in counted]
        zero = layout.POLICY_COUNTERS.pack_value(packets=0, bytes=0)
        self.node.tables["policy_counters"].update(dict.fromkeys(keys, zero))

    def select(self, pod: str, **sets: int) -> None:
        """Give a pod its sets: ``ingress``, ``egress``, ``audit_ingress``, ``audit_egress``."""
        words = ("ingress", "egress", "audit_ingress", "audit_egress")
        value = layout.POLICY_PODS.pack_value(
            partition=PARTITION, selected=0, **{word: sets.get(word, 0) for word in words}
        )
        self.node.tables["policy_pods"].update({layout.POLICY_PODS.pack_key(address=pod): value})
        self.pods.add(pod)
        self.node.set_pod(pod, isolated=True)

    def counted(self, number: int, kind: int = layout.POLICY_RULE) -> int:
        """Return how many packets were counted of a rule or a set."""
        key = layout.POLICY_COUNTERS.pack_key(number=number, kind=kind)
        sums = self.node.tables["policy_counters"].sums()
        return int(sums[key][0])

    def notes(self) -> list[dict[str, object]]:
        """Return the notes by which replies are known: key and value in one."""
        found = []
        for raw, value in self.node.tables["nat"].items().items():
            key = nat_layout.NAT.unpack_key(raw)
            if key["reserved"]:
                found.append({**nat_layout.NAT.unpack_value(value), **key})
        return found
