# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What nodes hold of policies: from policies and pods to the entries of maps.

A packet is judged twice: for egress by the pod that sends it, with the class of its destination;
for ingress by the pod that gets it, with the class of its source. A judgement reads three maps:

``endpoints``, as it is today, by the address of a pod of the node
    gets ``partition`` and four sets, each 0 where the pod is not isolated: ``ingress``, ``egress``,
    and the same two as they were if audited policies counted.
``policy_classes``, a prefix trie: partition (32 bits), address (128)
    to the class (32).
``policy_rules``, a prefix trie: set (32), class (32), protocol (8), zero (8), port (16)
    to the rule (32). All in network order.

**A pod that is not isolated** has 0 in an entry that its packet has looked up in any case: it pays
a comparison. One that is isolated pays one look-up for the class of the other side, and one or two
for the rule: of (set, class), else of (set, 0), which has the rules without peers. What has no
entry, or one with rule 0, does not pass.

**A prefix ends where its rule stops to care.** A rule without ports ends behind the class and lets
all protocols through, one with a protocol alone behind that; a range of ports is 30 prefixes at the
most. What a shorter entry lets through, of the class or of class 0, has no entry of its own. Where
a rule means most classes, such as all pods, class 0 has it, and the few others have an entry of
all protocols with rule 0. So a set must know every class that it meets, which is why a pod has its
partition beside its sets; an address without a class, in a partition that is not there, is dropped.

**The direction is no part of the key**, because a set has one. A set is what a list of policies
lets through in one direction, and its number is a hash of that: an entry never changes once it is
there, pods of one label set share a set on every node, and a policy that changes is another set.

**A change is atomic for each pod.** Write the entries of new sets and, where classes came or went,
those of the new partition beside the old; then each pod's numbers, which is one update of one entry
of ``endpoints``; then delete what no pod has any more. A packet meets a pod's old policies and the
old classes, or its new ones and the new. Where a pod came or went and the classes stayed, so does
the partition, and its one entry of ``policy_classes`` is written, which is atomic by itself.

**Size.** ``policy_classes`` has an entry for each pod that a rule tells from its surroundings, and
for each block; ``policy_rules`` has the sets of the node's own pods: rules by the classes that each
of them means, and nothing by pods. For pods that appear between two runs a block of the pod CIDR
may have a class before anybody is in it: it is an entry like that of an ipBlock.

**Names.** A rule's number follows from its policy, direction and position; :attr:`Tables.rules` has
the names, and a set the policies that isolate, by which the default deny is known.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from . import ports
from .classes import ANY, UNKNOWN, Classes, classes, digest
from .model import DIRECTIONS, EGRESS, INGRESS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from .classes import At, Kind, Unknown
    from .model import Peer, Policy, Port, Rule
    from .ports import PortPrefix

#: Of a pod that no policy isolates in a direction.
NOT_ISOLATED = 0
#: In an entry: what it holds does not pass.
NO_RULE = 0

#: How many entries a plan may make. Maps need twice the room: a change has the old ones, too.
CLASS_ENTRIES = 512_000
RULE_ENTRIES = 1_000_000


class RuleName(NamedTuple):
    """A rule: its policy's namespace/name, its direction, and its position there from 0 on."""

    policy: str
    direction: str
    position: int


class Entry(NamedTuple):
    """What a rule lets through, of a set."""

    peers: int
    ports: PortPrefix


@dataclass(frozen=True)
class RuleSet:
    """What a list of policies lets through in one direction.

    :param policies: those that isolate the pods that have the set.
    :param entries: number of the rule by what it lets through.
    """

    direction: str
    policies: tuple[str, ...]
    entries: Mapping[Entry, int]


class Numbers(NamedTuple):
    """The sets of a pod by direction, and those that it would have if audited policies counted."""

    ingress: int = NOT_ISOLATED
    egress: int = NOT_ISOLATED
    audit_ingress: int = NOT_ISOLATED
    audit_egress: int = NOT_ISOLATED


@dataclass(frozen=True)
class Tables:
    """What the nodes of a cluster hold of its policies.

    :param sets: by number.
    :param pods: the sets of each pod that has any, by the name of its endpoint.
    :param rules: the name of each rule by its number.
    """

    classes: Classes
    sets: Mapping[int, RuleSet] = field(default_factory=dict)
    pods: Mapping[str, Numbers] = field(default_factory=dict)
    rules: Mapping[int, RuleName] = field(default_factory=dict)

    def of_node(self, pods: Iterable[str]) -> dict[int, RuleSet]:
        """Return the sets of a node with these pods."""
        used = chain.from_iterable(self.pods[name] for name in pods if name in self.pods)
        return {number: self.sets[number] for number in sorted({*used} - {NOT_ISOLATED})}


def tables(
    policies: Sequence[Policy],
    pods: Sequence[At],
    labels_of: Callable[[str], Mapping[str, str]],
    unknown: Unknown = UNKNOWN,
) -> Tables:
    """Return what nodes hold of policies.

    The cost grows with the pods, with kinds of pods by the policies of their namespaces, and with
    rules by the classes that each of them means.

    :param pods: all of the cluster whose addresses are known.
    :param labels_of: from a namespace to its labels.
    """
    policies = sorted(policies, key=lambda each: each.name)
    found = classes(policies, pods, labels_of, unknown)
    maker = _Maker(policies, found)
    kinds = sorted({pod.kind for pod in pods}, key=lambda each: [*map(sorted, each[1:]), each[0]])
    numbers = {kind: maker.numbers(kind) for kind in kinds}
    isolated = {pod.name: numbers[pod.kind] for pod in pods if any(numbers[pod.kind])}
    return Tables(found, maker.sets, isolated, {no: name for name, no in maker.rules.items()})


class _Maker:
    """Makes the sets of kinds of pods, each set once."""

    def __init__(self, policies: Sequence[Policy], found: Classes) -> None:
        self.sets: dict[int, RuleSet] = {}
        self.rules: dict[RuleName, int] = {}
        self._of_namespace: dict[str, list[Policy]] = {}
        self._classes = found
        self._with_peer: dict[Peer, list[int]] = {}
        self._made: dict[object, int] = {}
        self._numbers: dict[str, int] = {}
        for policy in policies:
            self._of_namespace.setdefault(policy.namespace, []).append(policy)
            for direction in DIRECTIONS:
                for position in range(len(policy.rules(direction) or ())):
                    name = RuleName(policy.name, direction, position)
                    self.rules[name] = 0
        taken: set[int] = set()
        for name in sorted(self.rules):
            self.rules[name] = digest(repr(tuple(name)), taken)
            taken.add(self.rules[name])
        for number, signature in found.signatures.items():
            for peer in signature.peers:
                self._with_peer.setdefault(peer, []).append(number)

    def numbers(self, kind: Kind) -> Numbers:
        """Return the sets of a kind of pods."""
        labels = dict(kind.labels)
        selecting = [
            each for each in self._of_namespace.get(kind.namespace, ()) if each.pods.matches(labels)
        ]
        enforced = [each for each in selecting if not each.audit]
        ingress, egress = (self._set(kind, way, enforced) for way in DIRECTIONS)
        audited = [
            self._set(kind, way, selecting)
            if any(each.audit and each.rules(way) is not None for each in selecting)
            else NOT_ISOLATED
            for way in DIRECTIONS
        ]
        return Numbers(ingress, egress, *audited)

    def _set(self, kind: Kind, direction: str, selecting: Sequence[Policy]) -> int:
        isolating = [each for each in selecting if each.rules(direction) is not None]
        if not isolating:
            return NOT_ISOLATED
        names: dict[tuple[str, str], int] = {}
        if direction == INGRESS:
            called = {(p.name, p.protocol) for p in _ports(isolating, direction) if p.name}
            names = names_of(each for each in kind.names if each[:2] in called)
        policies = tuple(each.name for each in isolating)
        key = direction, policies, tuple(sorted(names.items()))
        if key not in self._made:
            entries = self._entries(isolating, direction, names)
            listed = sorted((*each.ports, each.peers, rule) for each, rule in entries.items())
            text = repr((direction, policies, listed))
            if text not in self._numbers:
                number = self._numbers[text] = digest(text, self.sets)
                self.sets[number] = RuleSet(direction, policies, entries)
            self._made[key] = self._numbers[text]
        return self._made[key]

    def _entries(
        self,
        isolating: Sequence[Policy],
        direction: str,
        names: Mapping[tuple[str, str], int],
    ) -> dict[Entry, int]:
        """Return all entries; of rules that let the same through the first counts."""
        rules = [
            (self.rules[RuleName(policy.name, direction, position)], rule)
            for policy in isolating
            for position, rule in enumerate(policy.rules(direction) or ())
        ]
        of_everybody = [at for at, (_number, rule) in enumerate(rules) if not rule.peers]
        meant: dict[int, list[int]] = {each: [] for each in self._classes.signatures}
        for at, (_number, rule) in enumerate(rules):
            for each in {c for peer in rule.peers for c in self._with_peer.get(peer, ())}:
                meant[each].append(at)
        # A name of a port is that of each destination for egress, and the pod's own for ingress.
        differ = direction == EGRESS and any(port.name for _no, r in rules for port in r.ports)
        alike: dict[tuple[tuple[int, ...], frozenset[tuple[str, str, int]]], list[int]] = {}
        for each, own in meant.items():
            called = self._classes.signatures[each].names if differ else frozenset()
            alike.setdefault((tuple(sorted((*of_everybody, *own))), called), []).append(each)
        groups = [
            (members, _let_through([rules[at] for at in those], names_of(called) or names))
            for (those, called), members in alike.items()
        ]
        everybody = _let_through([rules[at] for at in of_everybody], names)
        return _packed(groups, everybody)


def names_of(called: Iterable[tuple[str, str, int]]) -> dict[tuple[str, str], int]:
    """Return the number of a port by its name and protocol."""
    return {(name, protocol): number for name, protocol, number in called}


def _let_through(
    rules: Iterable[tuple[int, Rule]], names: Mapping[tuple[str, str], int]
) -> dict[PortPrefix, int]:
    """Return what rules let through by the rule, without what a shorter prefix lets through."""
    found: dict[PortPrefix, int] = {}
    for number, rule in rules:
        for port in rule.ports or (None,):
            for prefix in _prefixes(port, names):
                found.setdefault(prefix, number)
    return {
        prefix: number
        for prefix, number in found.items()
        if not any(shorter in found for shorter in prefix.shorter())
    }


def _prefixes(port: Port | None, names: Mapping[tuple[str, str], int]) -> Iterable[PortPrefix]:
    if port is None:
        return [ports.EVERY]
    if port.name is None:
        return ports.prefixes(port)
    number = names.get((port.name, port.protocol))
    # A name that a pod does not have means nothing.
    return () if number is None else ports.prefixes(port._replace(first=number, last=number))


def _packed(
    groups: Sequence[tuple[Sequence[int], dict[PortPrefix, int]]],
    everybody: dict[PortPrefix, int],
) -> dict[Entry, int]:
    """Return entries of which class 0 has what makes them the fewest.

    That is what everybody may; or, where a rule means most classes (all pods, say), what the
    largest group of classes may, and others say what they may not.

    :param groups: classes that may do the same, and what.
    """
    largest = max(groups, key=lambda group: (len(group[0]), sorted(group[1].items())))
    best: dict[Entry, int] | None = None
    for of_any in (everybody, largest[1]):
        found = {Entry(ANY, prefix): rule for prefix, rule in of_any.items()}
        for members, through in groups:
            beside = _beside(through, of_any)
            found |= {Entry(c, prefix): rule for c in members for prefix, rule in beside.items()}
        if best is None or len(found) < len(best):
            best = found
    return best or {}


def _beside(
    through: Mapping[PortPrefix, int], of_any: Mapping[PortPrefix, int]
) -> dict[PortPrefix, int]:
    """Return the entries of a class beside those of class 0."""
    if all(_covered(prefix, through) for prefix in of_any):
        return {each: rule for each, rule in through.items() if not _covered(each, of_any)}
    return {ports.EVERY: NO_RULE, **through}  # it may less: class 0 is not asked


def _covered(prefix: PortPrefix, table: Mapping[PortPrefix, int]) -> bool:
    return prefix in table or any(shorter in table for shorter in prefix.shorter())


def _ports(policies: Iterable[Policy], direction: str) -> Iterator[Port]:
    for policy in policies:
        for rule in policy.rules(direction) or ():
            yield from rule.ports


def problems(held: Tables, nodes: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """Yield what does not fit into the maps of a node.

    :param nodes: the pods of each node.
    """
    entries = len(held.classes.entries)
    if entries > CLASS_ENTRIES:
        yield (
            f"The policies tell {entries} addresses and blocks apart; valid are up to "
            f"{CLASS_ENTRIES}, so select fewer pods, or name fewer ipBlocks."
        )
    for name, pods in nodes.items():
        sets = held.of_node(pods)
        count = sum(len(each.entries) for each in sets.values())
        if count > RULE_ENTRIES:
            largest = max(sets.values(), key=lambda each: len(each.entries))
            yield (
                f"The policies of pods of {name} make {count} entries: {len(sets)} sets of rules "
                f"by {len(held.classes.signatures)} classes of addresses; valid are up to "
                f"{RULE_ENTRIES}. The largest set has {len(largest.entries)}, of "
                f"{', '.join(largest.policies[:3])}."
            )
