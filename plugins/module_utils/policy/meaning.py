# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a change of policies means for the pods of a node: what is newly allowed, and denied.

It is read off the maps as they are and as they shall be, and told by sets of labels: pods that
differ in nothing are one word, however many they are.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from ..datapath import policy_layout as layout
from ..engine import addresses
from .passes import ALL, NAMED, OTHERS, Ports, State, less
from .peers import Peers, part, peers
from .wanted import EGRESS, INGRESS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from . import packed
    from .held import Held
    from .peers import Classes
    from .wanted import Wanted

    #: Namespace, labels and addresses of pods.
    Group = tuple[str, dict[str, str], list[str]]

ALLOWED, DENIED = "newly allowed", "newly denied"
#: So many lines of each, and so many names and ports in a line; the others are counted.
LINES, NAMES = 20, 6

_WAYS = {INGRESS: layout.POLICY_INGRESS, EGRESS: layout.POLICY_EGRESS}


class Own(NamedTuple):
    """Pods of the node that have the same name, and the same sets before and after a change."""

    peers: Peers
    before: packed.Pod | None
    after: packed.Pod | None


class Change(NamedTuple):
    """What is newly allowed or denied between pods of a node and others.

    :param everybody: whether the others are all that there are.
    """

    verb: str
    way: str
    own: Peers
    ports: frozenset[Ports]
    others: list[Peers]
    everybody: bool


def name_of(namespace: str, labels: Mapping[str, str]) -> str:
    """Return what pods with these labels are called."""
    return f"{namespace} {{{', '.join(f'{key}={labels[key]}' for key in sorted(labels))}}}"


def of_maps(wanted: Wanted, held: Held, groups: Iterable[Group]) -> dict[str, list[str]]:
    """Return lines by :data:`ALLOWED` and :data:`DENIED`: what pods that stay may and may not.

    Each pod is seen from its own end; a packet passes where both of its ends let it.
    """
    pods: dict[str, list[bytes]] = defaultdict(list)
    for namespace, labels, ips in groups:
        pods[name_of(namespace, labels)] += map(addresses.packed, ips)
    before = State(held.pods, held.classes, held.rules)
    rules = {number: each.entries for number, each in wanted.sets.items()}
    after = State(wanted.pods, {wanted.partition: wanted.classes}, rules)
    found = changes(before, after, pods, held.endpoints)
    return {verb: lines(each for each in found if each.verb == verb) for verb in (ALLOWED, DENIED)}


def changes(
    before: State, after: State, pods: Mapping[str, list[bytes]], here: Collection[bytes]
) -> list[Change]:
    """Return what is newly allowed and denied.

    :param pods: all of the cluster that are known, addresses by what people call them.
    :param here: addresses of the pods that the node has; what comes is none of a change.
    """
    by_partitions: dict[tuple[int, int], dict[Classes, list[Peers]]] = {}
    found: list[Change] = []
    for own in _own(before, after, pods, here):
        old, new = (pod.partition if pod else 0 for pod in (own.before, own.after))
        partitions = old, new
        if partitions not in by_partitions:
            entries = before.classes.get(old, {}), after.classes.get(new, {})
            by_partitions[partitions] = peers(*entries, pods)
        for way in _WAYS:
            found += _of_way(own, way, before, after, by_partitions[partitions])
    return found


def _own(
    before: State, after: State, pods: Mapping[str, list[bytes]], here: Collection[bytes]
) -> Iterator[Own]:
    named = {ip for ips in pods.values() for ip in ips}
    unnamed = {addresses.text(ip): [ip] for ip in after.pods if ip not in named}
    for name, ips in {**pods, **unnamed}.items():
        split: dict[Any, list[bytes]] = defaultdict(list)
        for ip in ips:
            if ip in here:
                split[before.pods.get(ip), after.pods.get(ip)].append(ip)
        count = sum(map(len, split.values()))
        for (old, new), some in split.items():
            if old or new:
                yield Own(Peers(part(name, len(some), count), frozenset(some)), old, new)


def _of_way(
    own: Own,
    way: str,
    before: State,
    after: State,
    everybody: Mapping[Classes, list[Peers]],
) -> Iterator[Change]:
    """Yield the changes of what some pods get, or send."""
    old, new = (pod.to(_WAYS[way])[0] if pod else 0 for pod in (own.before, own.after))
    same = old == new and before.rules.get(old, {}) == after.rules.get(new, {})
    found: dict[tuple[str, frozenset[Ports]], list[Peers]] = defaultdict(list)
    count = 0
    for classes, listed in everybody.items():
        # A pod reaches itself, whatever is written.
        others = [each for each in listed if len(each.pods) != 1 or each.pods != own.peers.pods]
        count += len(others)
        if same and classes.before == classes.after:
            continue
        was, will = before.let_through(old, classes.before), after.let_through(new, classes.after)
        for verb, ports in ((ALLOWED, less(will, was)), (DENIED, less(was, will))):
            if ports and others:
                found[verb, ports] += others
    for (verb, ports), others in found.items():
        yield Change(verb, way, own.peers, ports, others, len(others) == count)


def lines(found: Iterable[Change]) -> list[str]:
    """Return a line for all pods that have the same changes; the first :data:`LINES`."""
    alike: dict[tuple[str, frozenset[str], frozenset[Ports]], set[str]] = defaultdict(set)
    for each in found:
        others = {"everybody"} if each.everybody else {other.name for other in each.others}
        alike[each.way, frozenset(others), each.ports].add(each.own.name)
    said = sorted(
        f"{way} {_between(way, _some(sorted(own)), _some(sorted(others)))}: {words(ports)}"
        for (way, others, ports), own in alike.items()
    )
    more = len(said) - LINES
    return [*said[:LINES], f"and {more} lines more"] if more > 0 else said


def _between(way: str, own: str, others: str) -> str:
    return f"from {others} to {own}" if way == INGRESS else f"from {own} to {others}"


def words(ports: frozenset[Ports]) -> str:
    """Return ports as people write them: ``TCP 80, UDP 53-60``."""
    if ports == ALL:
        return "all"
    return _some([_words(each) for each in sorted(ports, key=lambda p: (p.protocol == OTHERS, p))])


def _words(ports: Ports) -> str:
    if ports.protocol == OTHERS:
        return "other protocols"
    whole = Ports(ports.protocol, 0, 1 << 16)
    last = "" if ports.first == ports.end - 1 else f"-{ports.end - 1}"
    return NAMED[ports.protocol] + ("" if ports == whole else f" {ports.first}{last}")


def _some(names: list[str]) -> str:
    more = len(names) - NAMES
    return ", ".join(names[:NAMES]) + (f" and {more} more" if more > 0 else "")
