# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""IPv4 addresses and CIDRs as integers: netaddr reads and writes them, the planner counts."""

from __future__ import annotations

from typing import NamedTuple

try:
    from netaddr import AddrFormatError, IPAddress, IPNetwork
    from netaddr.core import INET_PTON
    from netaddr.strategy import ipv4

    HAS_NETADDR = True
except ImportError:  # the action and the filters say so before anything here is called
    AddrFormatError = ValueError
    HAS_NETADDR = False

BITS = 32


class Prefix(NamedTuple):
    """A CIDR: its network address and its length."""

    first: int
    length: int

    @property
    def size(self) -> int:
        """Number of addresses."""
        return 1 << (BITS - self.length)

    @property
    def last(self) -> int:
        """Broadcast address."""
        return self.first + self.size - 1

    def holds(self, address: int) -> bool:
        """Say whether an address lies inside."""
        return self.first <= address <= self.last

    def contains(self, other: Prefix) -> bool:
        """Say whether another CIDR lies wholly inside; a CIDR contains itself."""
        return self.first <= other.first and other.last <= self.last

    def overlaps(self, other: Prefix) -> bool:
        """Say whether the two share an address."""
        return self.first <= other.last and other.first <= self.last

    def reserves(self, address: int) -> bool:
        """Say whether it is the network or the broadcast address."""
        return address in (self.first, self.last)

    def __str__(self) -> str:
        """Return the usual form, such as ``10.111.160.0/25``."""
        return f"{text(self.first)}/{self.length}"


def text(address: int) -> str:
    """Return an address in dotted form."""
    return str(ipv4.int_to_str(address))


def parse_address(written: str) -> int:
    """Read an address in dotted form; anything else is a ValueError."""
    _need_text(written)
    try:
        return int(IPAddress(written, 4, flags=INET_PTON))
    except AddrFormatError as error:
        raise ValueError(written) from error


def parse_prefix(written: str) -> Prefix:
    """Read a CIDR in its usual form, without host bits; anything else is a ValueError."""
    _need_text(written)
    try:
        network = IPNetwork(written, version=4)
    except AddrFormatError as error:
        raise ValueError(written) from error
    # netaddr also takes 10/8, netmasks and host bits: one form in the inventory is enough.
    if str(network.cidr) != written:
        raise ValueError(written)
    return Prefix(int(network.first), int(network.prefixlen))


def _need_text(written: object) -> None:
    # netaddr takes numbers and truth values for addresses, too; YAML makes such of what was meant
    # otherwise.
    if not isinstance(written, str):
        raise ValueError(written)  # noqa: TRY004


def overlapping(prefixes: list[Prefix]) -> list[tuple[int, int]]:
    """Return the pairs of positions whose CIDRs overlap, found by sorting and not by pairing."""
    order = sorted(range(len(prefixes)), key=lambda i: prefixes[i])
    pairs = []
    widest = order[0] if order else 0
    for i in order[1:]:
        if prefixes[widest].overlaps(prefixes[i]):
            pairs.append((min(widest, i), max(widest, i)))
        if prefixes[i].last > prefixes[widest].last:
            widest = i
    return sorted(pairs)
