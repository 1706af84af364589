# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What pods of a node may send and get by maps of policies, read as programs read them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from ..datapath import policy_layout as layout
from ..engine import protocols
from . import packed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Entries = Mapping[bytes, bytes]

_PORT_BITS = layout.POLICY_RULE_ALL_BITS - layout.POLICY_RULE_BITS
_END = 1 << 16
#: Protocols with ports that rules name, and one that stands for those which no rule names.
NAMED = {number: name for name, number in protocols.numbers("TCP", "UDP", "SCTP").items()}
OTHERS = protocols.NUMBERS["ICMP"]
#: Class of the other side of rules that mean everybody.
_ANY = 0


class Ports(NamedTuple):
    """Ports of a protocol, from the first to before ``end``."""

    protocol: int
    first: int
    end: int


#: Whatever there is.
ALL = frozenset(Ports(each, 0, _END) for each in (*NAMED, OTHERS))
NOTHING: frozenset[Ports] = frozenset()


@dataclass
class State:
    """What maps say at a time.

    :param pods: as ``policy_pods`` has them.
    :param classes: entries of ``policy_classes``, by partition.
    :param rules: entries of ``policy_rules``, by set.
    """

    pods: Mapping[bytes, packed.Pod]
    classes: Mapping[int, Entries]
    rules: Mapping[int, Entries]
    _read: dict[int, dict[int, dict[tuple[int, int], bool]]] = field(default_factory=dict)
    _found: dict[tuple[int, int], frozenset[Ports]] = field(default_factory=dict)

    def let_through(self, number: int, peers: int | None) -> frozenset[Ports]:
        """Return what a set lets through of or to a class; None: of what has no class."""
        if number == 0:
            return ALL
        if peers is None:
            return NOTHING
        tables = self._tables(number)
        key = number, peers if peers in tables else _ANY
        if key not in self._found:
            own = tables.get(peers, {})
            self._found[key] = _through(own, tables.get(_ANY, {}))
        return self._found[key]

    def _tables(self, number: int) -> dict[int, dict[tuple[int, int], bool]]:
        """Return of each class of a set whether words with a prefix (bits, word) pass."""
        if number not in self._read:
            found: dict[int, dict[tuple[int, int], bool]] = defaultdict(dict)
            for key, rule in self.rules.get(number, {}).items():
                bits, _set, peers, protocol, _zero, port = packed.RULE_KEY.unpack(key)
                word = protocol << 24 | int.from_bytes(port, "big")
                prefix = bits - layout.POLICY_RULE_BITS, word
                found[int.from_bytes(peers, "big")][prefix] = any(rule)
            self._read[number] = found
        return self._read[number]


def _through(
    own: Mapping[tuple[int, int], bool], of_any: Mapping[tuple[int, int], bool]
) -> frozenset[Ports]:
    """Return what passes: by the longest entry of the class, else by that of every class."""
    edges = {edge for prefix in (*own, *of_any) for edge in _edges(*prefix)}
    found = []
    for protocol in (*NAMED, OTHERS):
        base = protocol << 24
        inner = {edge - base for edge in edges if base < edge < base + _END}
        bounds = sorted({0, _END, *inner}) if protocol in NAMED else [0, _END]
        for first, end in zip(bounds, bounds[1:]):
            word = base | first
            passes = _longest(own, word)
            if passes is None:
                passes = _longest(of_any, word)
            if passes:
                found.append(Ports(protocol, first, end))
    return joined(found)


def _edges(bits: int, word: int) -> tuple[int, int]:
    return word, word + (1 << (_PORT_BITS - bits))


def _longest(table: Mapping[tuple[int, int], bool], word: int) -> bool | None:
    for bits in range(_PORT_BITS, -1, -1):
        shift = _PORT_BITS - bits
        found = table.get((bits, word >> shift << shift))
        if found is not None:
            return found
    return None


def joined(parts: Iterable[Ports]) -> frozenset[Ports]:
    """Return the same ports in the fewest parts."""
    found: list[Ports] = []
    for part in sorted(parts):
        last = found[-1] if found else None
        if last and (last.protocol, last.end) == (part.protocol, part.first):
            found[-1] = last._replace(end=part.end)
        else:
            found.append(part)
    return frozenset(found)


@cache
def less(ports: frozenset[Ports], others: frozenset[Ports]) -> frozenset[Ports]:
    """Return those of ports that are not among others."""
    if ports == others or not ports:
        return NOTHING
    bounds: dict[int, set[int]] = defaultdict(set)
    for part in (*ports, *others):
        bounds[part.protocol] |= {part.first, part.end}
    edges = {protocol: sorted(found) for protocol, found in bounds.items()}
    return joined(
        Ports(protocol, first, end)
        for protocol, own in edges.items()
        for first, end in zip(own, own[1:])
        if _holds(ports, protocol, first) and not _holds(others, protocol, first)
    )


def _holds(ports: Iterable[Ports], protocol: int, port: int) -> bool:
    return any(each.protocol == protocol and each.first <= port < each.end for each in ports)
