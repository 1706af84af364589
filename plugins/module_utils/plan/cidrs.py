# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Node CIDRs: who holds which, and what a new node gets.

A node's CIDR is the one fixed by hand; else the one that it holds itself; else the one that its
peers have for it (it is down, outside the run, or was set up afresh); else the lowest free one of
its node group's ranges, in the order of the inventory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .checks import group_holds, ranges_of
from .observation import held_by_peers
from .prefix import Prefix, overlapping
from .problems import refuse, some

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from .model import Cluster, Group, Node
    from .observation import Observed


_BY_HAND = "podnet_pod_cidr"
_BY_ITSELF = "what it holds"
_BY_PEERS = "what its peers hold for it"


@dataclass(frozen=True)
class Claim:
    """A CIDR that a node has already, and from where that is known."""

    node: Node
    cidr: Prefix
    source: str


@dataclass(frozen=True)
class Allocation:
    """The node CIDRs of a cluster.

    :param cidrs: of each node, in the order of the inventory; None where it has none.
    :param reasons: why a node has none, by its name.
    :param silent: nodes that stand, by what their peers hold, and were not seen in this run.
    """

    cidrs: dict[str, Prefix | None]
    reasons: dict[str, str]
    silent: frozenset[str]
    warnings: list[str]


def allocate(cluster: Cluster, seen: Mapping[str, Observed], asked: Collection[str]) -> Allocation:
    """Give every node of the inventory its CIDR, whether it answered or not.

    :param seen: the nodes that answered.
    :param asked: the nodes that were asked.
    """
    nodes = cluster.nodes
    if all(name in seen and seen[name].pod_cidr for name in nodes):
        tables: dict[int, list[Prefix]] = {}  # nobody needs them, and reading n of them costs n * n
    else:
        tables = held_by_peers(seen[name] for name in nodes if name in seen)
    space = _Space(_lengths(cluster, seen, tables))
    claims = _claims(nodes, seen, tables, space)
    refuse(_conflicts(claims))
    unknown = {name: None for name in nodes if name not in seen and name not in claims}
    complete = all(name in asked for name in nodes)
    if not complete:
        refuse(_too_few_asked([n for n in nodes if n in seen and n not in claims], list(unknown)))
    # What a node held before its CIDR was fixed by hand, or what a stale table says, is nobody's
    # as far as the plan goes, but packets for it may still be on their way.
    for ip in {node.ip for node in nodes.values()} & tables.keys():
        for cidr in tables[ip]:
            space.take(cidr)
    for each in seen.values():
        if each.pod_cidr:
            space.take(each.pod_cidr)

    cidrs: dict[str, Prefix | None] = {}
    reasons: dict[str, str] = {}
    for name, node in nodes.items():
        if name in claims:
            cidrs[name] = claims[name].cidr
        elif name in unknown and not complete:
            # It may hold any: a guess would lead its peers astray.
            cidrs[name] = None
            reasons[name] = "No node that answered knows its pod CIDR, and not all were asked."
        else:
            cidrs[name] = space.lowest(node.group)
            if cidrs[name] is None:
                reasons[name] = _exhausted(node.group)
    silent = frozenset(
        name for name, node in nodes.items() if name not in seen and node.ip in tables
    )
    taken_as_new = [
        f"{name} did not answer and no node knows it: it is taken as new, gets {cidrs[name]} and "
        "no pods."
        for name in (unknown if complete else ())
    ]
    return Allocation(cidrs, reasons, silent, [*_kept(nodes, claims), *taken_as_new])


def _lengths(
    cluster: Cluster, seen: Mapping[str, Observed], tables: Mapping[int, list[Prefix]]
) -> set[int]:
    known = [node.pod_cidr for node in cluster.nodes.values()]
    known += [each.pod_cidr for each in seen.values()]
    known += [cidr for cidrs in tables.values() for cidr in cidrs]
    return {group.mask for group in cluster.groups} | {cidr.length for cidr in known if cidr}


def _claims(
    nodes: Mapping[str, Node],
    seen: Mapping[str, Observed],
    tables: Mapping[int, list[Prefix]],
    space: _Space,
) -> dict[str, Claim]:
    """Return who has a CIDR already, and take those CIDRs."""
    claims: dict[str, Claim] = {}
    fresh: list[Node] = []
    silent: list[Node] = []
    for name, node in nodes.items():
        held = seen[name].pod_cidr if name in seen else None
        if node.pod_cidr:
            claims[name] = Claim(node, node.pod_cidr, _BY_HAND)
        elif held:
            claims[name] = Claim(node, held, _BY_ITSELF)
            space.take(held)
        else:
            (fresh if name in seen else silent).append(node)
    # What a node holds itself outdoes a table that still has its CIDR for another. A CIDR fixed
    # by hand does not: it may be fixed to what a node that is down holds, and that is an error.
    for node in silent:
        known = next((cidr for cidr in tables.get(node.ip, ()) if space.is_free(cidr)), None)
        if known:
            claims[node.name] = Claim(node, known, _BY_PEERS)
    for claim in claims.values():
        space.take(claim.cidr)
    # A node that answers and holds nothing (it was set up afresh, or torn down to be changed) gets
    # its old CIDR back where that suits; it loses nothing when it gets another.
    for node in fresh:
        for cidr in tables.get(node.ip, ()):
            suits = cidr.length == node.group.mask and group_holds(node.group, cidr)
            if suits and space.is_free(cidr):
                claims[node.name] = Claim(node, cidr, _BY_PEERS)
                space.take(cidr)
                break
    return claims


def _conflicts(claims: Mapping[str, Claim]) -> Iterator[str]:
    listed = list(claims.values())
    for one, other in overlapping([claim.cidr for claim in listed]):
        first, second = listed[one], listed[other]
        yield (
            f"The pod CIDR {second.cidr} of {second.node.name} (by {second.source}) overlaps "
            f"{first.cidr} of {first.node.name} (by {first.source}); set podnet_pod_cidr of one "
            "of them to a free CIDR, or tear that node down."
        )
    for claim in listed:
        group = claim.node.group
        if not group_holds(group, claim.cidr):
            yield (
                f"{claim.node.name} has the pod CIDR {claim.cidr} (by {claim.source}), which lies "
                f"outside the secondary ranges of its node group {group.name} "
                f"({ranges_of(group)}); valid is a range that holds it: pods in use do not move. "
                "To move the node, tear it down first."
            )


def _too_few_asked(new: list[str], unknown: list[str]) -> Iterator[str]:
    """Refuse to choose a CIDR for a node that is new where another node may hold it."""
    if new and unknown:
        yield (
            f"{some(new)} is new and cannot get a pod CIDR in this run, which does not ask all "
            f"nodes (--limit): no node that answered knows the pod CIDR of {some(unknown)}; run "
            "once without --limit, add a node that stands to it, or set podnet_pod_cidr."
        )


def _exhausted(group: Group) -> str:
    if not group.ranges:
        return f"Node group {group.name} has no secondary range; give it one."
    return (
        f"The secondary range {ranges_of(group)} has no /{group.mask} left; put the node into a "
        "node group with a fresh secondary range."
    )


def _kept(nodes: Mapping[str, Node], claims: Mapping[str, Claim]) -> Iterator[str]:
    for name, claim in claims.items():
        mask = nodes[name].group.mask
        if claim.cidr.length != mask:
            yield (
                f"{name} keeps its pod CIDR {claim.cidr}; podnet_node_cidr_mask_size {mask} is "
                "for new nodes, since addresses in use do not move."
            )


class _Space:
    """Which CIDRs are taken and which are free, for node CIDRs of a few different lengths."""

    def __init__(self, lengths: Collection[int]) -> None:
        self._lengths = sorted(lengths)
        self._taken: set[Prefix] = set()
        self._divided: set[Prefix] = set()  # wider ones of which a part is taken
        self._next: dict[tuple[Prefix, int], int] = {}

    def take(self, cidr: Prefix) -> None:
        """Let nobody else have it."""
        self._taken.add(cidr)
        self._divided.update(
            _around(cidr, length) for length in self._lengths if length < cidr.length
        )

    def lowest(self, group: Group) -> Prefix | None:
        """Take the lowest free CIDR of the ranges, in their order."""
        for each in group.ranges:
            cidr = Prefix(self._next.get((each.cidr, group.mask), each.cidr.first), group.mask)
            while each.cidr.contains(cidr) and not self.is_free(cidr):
                cidr = Prefix(cidr.last + 1, group.mask)
            self._next[each.cidr, group.mask] = cidr.first
            if each.cidr.contains(cidr):
                self.take(cidr)
                return cidr
        return None

    def is_free(self, cidr: Prefix) -> bool:
        """Say whether no part of it is taken."""
        return cidr not in self._divided and not any(
            _around(cidr, length) in self._taken
            for length in self._lengths
            if length <= cidr.length
        )


def _around(cidr: Prefix, length: int) -> Prefix:
    """Return the CIDR of that length in which a longer one lies."""
    return Prefix(cidr.first >> (32 - length) << (32 - length), length)
