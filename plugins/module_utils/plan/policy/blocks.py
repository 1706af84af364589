# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Prefixes of addresses of either family, in 16 bytes as maps have it: IPv4 is ::ffff:a.b.c.d."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

BITS = 128
_IPV4 = 0xFFFF << 32


class Block(NamedTuple):
    """A prefix: its first address and its length, both of 128 bits."""

    first: int
    length: int

    @property
    def ipv4(self) -> bool:
        """Say whether its addresses are those of IPv4."""
        return self.length >= 96 and self.first >> 32 == 0xFFFF

    def holds(self, address: int) -> bool:
        """Say whether an address lies inside."""
        return address >> (BITS - self.length) == self.first >> (BITS - self.length)

    def contains(self, other: Block) -> bool:
        """Say whether another block lies wholly inside; a block contains itself."""
        return self.length <= other.length and self.holds(other.first)

    def __str__(self) -> str:
        """Return the usual form, such as ``10.0.0.0/8`` and ``fd00::/8``."""
        if self.ipv4:
            return f"{ipaddress.IPv4Address(self.first & 0xFFFFFFFF)}/{self.length - 96}"
        return f"{ipaddress.IPv6Address(self.first)}/{self.length}"


#: All addresses of both families; and where those of IPv4 lie among those of IPv6.
EVERYTHING = Block(0, 0)
IPV4 = Block(_IPV4, 96)


def address_of(ipv4: int) -> int:
    """Return an IPv4 address of 32 bits as one of 128."""
    return _IPV4 | ipv4


def ipv4(first: int, length: int) -> Block:
    """Return a prefix of IPv4, its first address of 32 bits, among those of 128."""
    return Block(address_of(first), IPV4.length + length)


def address(written: str) -> int:
    """Read an address of either family; anything else is a ValueError."""
    found = ipaddress.ip_address(written)
    return address_of(int(found)) if found.version == 4 else int(found)


def block(written: str) -> Block:
    """Read a CIDR of either family; anything else is a ValueError.

    As for Kubernetes, host bits are taken and mean nothing.
    """
    _ip, slash, length = written.partition("/")
    if not slash or not length.isdecimal():
        raise ValueError(written)
    found = ipaddress.ip_network(written, strict=False)
    first = int(found.network_address)
    return ipv4(first, found.prefixlen) if found.version == 4 else Block(first, found.prefixlen)
