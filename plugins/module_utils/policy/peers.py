# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Everybody with whom pods talk, in groups: pods by what a person calls them, and other addresses.

A member of a group has one class before a change, and one after it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ..datapath import policy_layout as layout
from ..engine import addresses
from . import packed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .passes import Entries

_BITS = 128
_MAPPED = int.from_bytes(addresses.MAPPED + bytes(4), "big")
_MAPPED_BITS = 96


class Classes(NamedTuple):
    """The class before and after a change, None where an address has none."""

    before: int | None
    after: int | None


@dataclass(frozen=True)
class Peers:
    """Some that have the same classes: pods, or the addresses of a block that are in no longer one.

    :param pods: their addresses; none where they are no pods.
    :param block: None where they are pods.
    """

    name: str
    pods: frozenset[bytes] = frozenset()
    block: Block | None = None


class Block(NamedTuple):
    """A prefix: its first address, and how many of 128 bits count."""

    first: int
    bits: int

    def holds(self, other: Block) -> bool:
        """Say whether another one lies inside."""
        shift = _BITS - self.bits
        return self.bits <= other.bits and self.first >> shift == other.first >> shift

    def name(self) -> str:
        """Say it as people do."""
        if not self.bits:
            return "other addresses"
        text = addresses.text(self.first.to_bytes(16, "big"))
        if self.bits == _BITS:
            return text
        ipv4 = self.bits >= _MAPPED_BITS and self.first >> 32 == _MAPPED >> 32
        return f"{text}/{self.bits - (_MAPPED_BITS if ipv4 else 0)}"


def peers(
    before: Entries, after: Entries, pods: Mapping[str, Iterable[bytes]]
) -> dict[Classes, list[Peers]]:
    """Return everybody by the classes that they have.

    :param before: entries of ``policy_classes`` of one partition, and so is ``after``.
    :param pods: addresses by the name of their group.
    """
    tables = _read(before), _read(after)
    hosts = {Block(int.from_bytes(ip, "big"), _BITS): ip for ips in pods.values() for ip in ips}
    of_host, others = _walk(hosts, *tables)
    found: dict[Classes, list[Peers]] = defaultdict(list)
    for name, listed in pods.items():
        split: dict[Classes, list[bytes]] = defaultdict(list)
        for ip in listed:
            split[of_host[ip]].append(ip)
        count = sum(map(len, split.values()))
        for classes, some in split.items():
            found[classes].append(Peers(part(name, len(some), count), frozenset(some)))
    for classes, blocks in others.items():
        found[classes] += [Peers(block.name(), block=block) for block in blocks]
    return found


def part(name: str, some: int, count: int) -> str:
    """Return the name of some members of a group."""
    return name if some == count else f"{name} ({some} of {count} pods)"


def _read(entries: Entries) -> dict[Block, int]:
    found = {}
    for key, number in entries.items():
        bits, _partition, first = packed.CLASS_KEY.unpack(key)
        block = Block(int.from_bytes(first, "big"), bits - layout.POLICY_CLASS_BITS)
        found[block] = int.from_bytes(number, "big")
    return found


def _walk(
    hosts: Mapping[Block, bytes], before: Mapping[Block, int], after: Mapping[Block, int]
) -> tuple[dict[bytes, Classes], dict[Classes, list[Block]]]:
    """Return the classes of pods, and blocks of which some address is no pod's, by theirs.

    Two blocks lie within each other or apart: what is above one in the order is around it.
    """
    everything = Block(0, 0)
    classes: dict[Block, Classes] = {}
    taken: dict[Block, int] = defaultdict(int)
    around: dict[Block, Block] = {}
    above: list[Block] = []
    for block in sorted({everything, *hosts, *before, *after}):
        while above and not above[-1].holds(block):
            above.pop()
        inherited = classes[above[-1]] if above else Classes(None, None)
        classes[block] = Classes(
            before.get(block, inherited.before), after.get(block, inherited.after)
        )
        if above:
            around[block] = above[-1]
            taken[above[-1]] += 1 << (_BITS - block.bits)
        above.append(block)
    others: dict[Classes, list[Block]] = defaultdict(list)
    for block, found in classes.items():
        if block not in hosts and taken[block] < 1 << (_BITS - block.bits):
            others[found].append(block)
    return {ip: classes[host] for host, ip in hosts.items()}, others
