# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Network policies: which pods each isolates, and which packets its rules let through.

Policies add up: a pod is isolated in a direction as soon as one policy of that direction selects
it, and a packet passes where a rule of any of them allows it. There are no rules that deny.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ...engine import protocols

if TYPE_CHECKING:
    from ..kubernetes.selectors import Selector
    from .blocks import Block

#: What the two directions are called, seen from the pod that a policy selects.
INGRESS, EGRESS = DIRECTIONS = ("ingress", "egress")

#: IP protocol numbers of what rules name.
PROTOCOLS = protocols.numbers("TCP", "UDP", "SCTP")


class Port(NamedTuple):
    """Ports of a protocol, ``first`` to ``last``; or the one that a pod has by a name."""

    protocol: str
    first: int = 0
    last: int = 65535
    name: str | None = None


class Peer(NamedTuple):
    """The other side: pods by their labels and their namespaces' labels; or a block of addresses.

    ``block`` is None for pods; ``excepts`` lie inside of it and do not belong to it.
    """

    namespaces: Selector | None = None
    pods: Selector | None = None
    block: Block | None = None
    excepts: frozenset[Block] = frozenset()


class Rule(NamedTuple):
    """What a rule lets through: any of its peers on any of its ports; none of either means all."""

    peers: tuple[Peer, ...]
    ports: tuple[Port, ...]


@dataclass(frozen=True)
class Policy:
    """One policy.

    :param where: what a sentence about it begins with.
    :param name: namespace/name.
    :param pods: which pods of its namespace it selects.
    :param ingress: its rules; None: it does not isolate in this direction.
    :param audit: whether it is evaluated and counted alone, and keeps nothing out.
    """

    where: str
    name: str
    namespace: str
    pods: Selector
    ingress: tuple[Rule, ...] | None
    egress: tuple[Rule, ...] | None
    audit: bool = False

    def rules(self, direction: str) -> tuple[Rule, ...] | None:
        """Return the rules of a direction, None where it does not isolate in it."""
        return self.ingress if direction == INGRESS else self.egress
