# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Classes of addresses: two are in one where no rule of any policy tells them apart.

A rule tells addresses apart by its peers, and by the names that pods have for ports. The labels of
pods are few, however many pods there are, and blocks of addresses lie within each other or apart:
so classes are about as many as there are sets of labels and blocks.

A class is numbered by what its addresses match (a hash of it), so that a number keeps its meaning
from run to run and from node to node, and nobody has to remember it.
"""

from __future__ import annotations

import functools
import hashlib
from bisect import bisect_right
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from .blocks import BITS, EVERYTHING, Block
from .model import DIRECTIONS, EGRESS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from .model import Peer, Policy

#: The class of a rule that has no peers, and so means every address.
ANY = 0


class Kind(NamedTuple):
    """What policies see of a pod: its namespace, its labels, and the names of its ports.

    ``names`` holds (name, protocol, number).
    """

    namespace: str
    labels: frozenset[tuple[str, str]]
    names: frozenset[tuple[str, str, int]] = frozenset()


class At(NamedTuple):
    """A pod at its address, 128 bits; ``name`` is that of its endpoint."""

    name: str
    address: int
    kind: Kind


class Unknown(NamedTuple):
    """Pods whose addresses a run does not know, since it did not ask their nodes.

    :param kinds: of what kinds they are.
    :param cidrs: where they are.
    :param held: class by address, of those within, as the nodes that were asked have it.
    """

    kinds: frozenset[Kind] = frozenset()
    cidrs: tuple[Block, ...] = ()
    held: Mapping[Block, int] = MappingProxyType({})


class Signature(NamedTuple):
    """What the addresses of a class match: peers, and ports by the names that rules call them."""

    peers: frozenset[Peer]
    names: frozenset[tuple[str, str, int]]


UNKNOWN = Unknown()


@dataclass(frozen=True)
class Classes:
    """The partition of all addresses.

    :param number: of the partition as a whole; another one where classes came or went.
    :param signatures: of each class by its number.
    :param entries: class by block, the longest block that holds an address counts; those of the
        whole address space and, where it differs from what surrounds them, of blocks and pods.
    :param lost: kinds of unknown pods of which a class is held by nobody yet, and addresses of
        those whose class is none any more: who does not ask their nodes cannot plan for them.
    """

    number: int
    signatures: Mapping[int, Signature]
    entries: Mapping[Block, int]
    lost: tuple[Kind | Block, ...] = ()


def digest(text: str, taken: Collection[int] = ()) -> int:
    """Return a number of 32 bits that follows from a text; never 0, and none that is taken."""
    salt = 0
    while True:
        found = hashlib.blake2s(f"{salt}{text}".encode(), digest_size=4).digest()
        number = int.from_bytes(found, "big")
        if number and number not in taken:
            return number
        salt += 1


def classes(
    policies: Iterable[Policy],
    pods: Sequence[At],
    labels_of: Callable[[str], Mapping[str, str]],
    unknown: Unknown = UNKNOWN,
) -> Classes:
    """Partition all addresses.

    A pod whose address is unknown keeps the class that nodes have for it: its number says what it
    matches, and means the same as ever where a class of this partition has it.

    :param labels_of: from a namespace to its labels.
    """
    view = _View(policies, labels_of)
    hosts = {Block(pod.address, BITS): view.of(pod.kind, pod.address) for pod in pods}
    real = {*view.blocks.values(), *hosts.values()}
    for kind, around in product(unknown.kinds, view.tree.meeting(unknown.cidrs)):
        view.within(kind, around)
    numbers = view.numbers()
    entries = {
        each: numbers[found]
        for each, found in view.blocks.items()
        if each == EVERYTHING or found != view.blocks[view.tree.parent[each]]
    }
    entries |= {
        host: numbers[found]
        for host, found in hosts.items()
        if found != view.blocks[view.tree.around(host.first)]
    }
    kept, lost = _unknown(unknown, view, numbers, hosts)
    # What unknown pods might be is no class before one of them is: a run that asks fewer nodes
    # names the partition, and sets by its classes, as one that asks them all.
    held = {*kept.values()}
    found = {no: each for each, no in numbers.items() if each in real or no in held}
    return Classes(
        digest("\n".join(sorted(map(_text, found.values())))), found, entries | kept, lost
    )


class _View:
    """What rules see of any pod at any address."""

    def __init__(
        self, policies: Iterable[Policy], labels_of: Callable[[str], Mapping[str, str]]
    ) -> None:
        peers, self._called = _told_apart(policies)
        self.tree = _Tree([(peer, peer.block) for peer in peers if peer.block is not None])
        self.blocks = {
            each: Signature(self.tree.matched[each], frozenset()) for each in self.tree.blocks
        }
        self._matched = functools.cache(matching(peers, labels_of))
        self._seen: dict[tuple[Kind, Block], Signature] = {}

    def of(self, kind: Kind, address: int) -> Signature:
        """Return what a pod at an address matches."""
        return self.within(kind, self.tree.around(address))

    def within(self, kind: Kind, around: Block) -> Signature:
        """Return what a pod matches where this block is the longest around it."""
        if (kind, around) not in self._seen:
            names = frozenset(each for each in kind.names if each[:2] in self._called)
            peers = self._matched(kind) | self.tree.matched[around]
            self._seen[kind, around] = Signature(peers, names)
        return self._seen[kind, around]

    def numbers(self) -> dict[Signature, int]:
        """Return the number of each signature that was seen, and of those of all blocks."""
        texts = {each: _text(each) for each in {*self.blocks.values(), *self._seen.values()}}
        found: dict[Signature, int] = {}
        taken: set[int] = set()
        for signature in sorted(texts, key=texts.__getitem__):
            found[signature] = digest(texts[signature], taken)
            taken.add(found[signature])
        return found


def _unknown(
    unknown: Unknown, view: _View, numbers: Mapping[Signature, int], known: Collection[Block]
) -> tuple[dict[Block, int], tuple[Kind | Block, ...]]:
    """Return the entries of unknown pods that stay, and what is lost (see :class:`Classes`)."""
    kept: dict[Block, int] = {}
    lost: list[Kind | Block] = []
    for host, number in unknown.held.items():
        if host in known or not any(cidr.contains(host) for cidr in unknown.cidrs):
            continue
        if host in view.blocks and number == numbers[view.blocks[host]]:
            continue  # a block of one address, and no pod
        # It is what one of the pods would be at this address.
        if number in {numbers.get(view.of(kind, host.first)) for kind in unknown.kinds}:
            kept[host] = number
        else:
            lost.append(host)
    held = {*unknown.held.values()}
    meeting = view.tree.meeting(unknown.cidrs)
    for kind in unknown.kinds:
        seen = {each: view.within(kind, each) for each in meeting}
        told = {numbers[found] for each, found in seen.items() if found != view.blocks[each]}
        if told and not told & held:
            lost.append(kind)
    return kept, tuple(lost)


def _told_apart(policies: Iterable[Policy]) -> tuple[set[Peer], set[tuple[str, str]]]:
    """Return all peers of rules, and the names by which rules of egress call ports.

    For ingress a name is that of the pod itself, which the rules of its policies know.
    """
    peers: set[Peer] = set()
    names: set[tuple[str, str]] = set()
    for policy in policies:
        for direction in DIRECTIONS:
            for rule in policy.rules(direction) or ():
                peers.update(rule.peers)
                if direction == EGRESS:
                    names |= {(p.name, p.protocol) for p in rule.ports if p.name is not None}
    return peers, names


def matching(
    peers: Collection[Peer], labels_of: Callable[[str], Mapping[str, str]]
) -> Callable[[Kind], frozenset[Peer]]:
    """Return what finds those of peers that a pod matches by its labels, whatever its address.

    Each namespace is looked at once.
    """
    of_namespace: dict[str, list[Peer]] = {}

    def matched(kind: Kind) -> frozenset[Peer]:
        if kind.namespace not in of_namespace:
            whole = labels_of(kind.namespace)
            of_namespace[kind.namespace] = [
                each
                for each in peers
                if each.block is None
                and (each.namespaces is None or each.namespaces.matches(whole))
            ]
        labels = dict(kind.labels)
        return frozenset(
            each
            for each in of_namespace[kind.namespace]
            if each.pods is None or each.pods.matches(labels)
        )

    return matched


class _Tree:
    """Blocks and exceptions of peers: two of them lie within each other, or apart."""

    def __init__(self, peers: Iterable[tuple[Peer, Block]]) -> None:
        begin: dict[Block, list[Peer]] = {EVERYTHING: []}
        end: dict[Block, list[Peer]] = {}
        for peer, block in peers:
            begin.setdefault(block, []).append(peer)
            for each in peer.excepts:
                end.setdefault(each, []).append(peer)
        self.blocks = sorted({*begin, *end})
        self._firsts = [each.first for each in self.blocks]
        self.parent: dict[Block, Block] = {EVERYTHING: EVERYTHING}
        self.matched: dict[Block, frozenset[Peer]] = {}
        above: list[Block] = []
        for each in self.blocks:
            while above and not above[-1].contains(each):
                above.pop()
            if above:
                self.parent[each] = above[-1]
            inherited = self.matched[above[-1]] if above else frozenset()
            # A peer may except a block of which another one, or its own, begins inside.
            self.matched[each] = (inherited - {*end.get(each, ())}) | {*begin.get(each, ())}
            above.append(each)

    def meeting(self, cidrs: Iterable[Block]) -> set[Block]:
        """Return the blocks that are the longest around some address of these."""
        met = {each for cidr in cidrs for each in self.blocks if cidr.contains(each)}
        for cidr in cidrs:
            around = self.around(cidr.first)
            while not around.contains(cidr):
                around = self.parent[around]
            met.add(around)
        return met

    def around(self, address: int) -> Block:
        """Return the longest block that holds an address."""
        found = self.blocks[bisect_right(self._firsts, address) - 1]
        while not found.holds(address):
            found = self.parent[found]
        return found


def _text(signature: Signature) -> str:
    """Return a signature as a text that is the same in every run."""
    peers = sorted(_peer_text(each) for each in signature.peers)
    return repr((peers, sorted(signature.names)))


def _peer_text(peer: Peer) -> str:
    if peer.block is not None:
        return f"{peer.block} but {sorted(map(str, peer.excepts))}"
    selectors = (
        sorted((r.key, r.operator, sorted(r.values)) for r in each.requirements)
        for each in (peer.namespaces, peer.pods)
        if each is not None
    )
    return repr(list(selectors))
