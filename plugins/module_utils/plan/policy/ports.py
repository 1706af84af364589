# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Protocol and port as one word of 32 bits, of which a prefix stands for many.

The word is the protocol in its first byte, a zero byte, and the port: ``6, 0, 0, 80`` is TCP 80. No
bits are every protocol, 16 bits every port of one, 32 one port.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .model import PROTOCOLS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .model import Port

BITS = 32
_PROTOCOL_BITS = 16
_LAST_PORT = 65535


class PortPrefix(NamedTuple):
    """Protocols and ports: the word's first ``length`` bits, the others are zero."""

    word: int
    length: int

    def shorter(self) -> Iterator[PortPrefix]:
        """Yield all prefixes that hold this one, the shortest first."""
        for length in (0, *range(_PROTOCOL_BITS, self.length)):
            if length < self.length:
                yield prefix(self.word, length)


def prefix(word: int, length: int) -> PortPrefix:
    """Return the prefix of a word."""
    return PortPrefix(word >> (BITS - length) << (BITS - length), length)


def word(protocol: int, port: int) -> int:
    """Return the word of a packet; the port of a protocol without ports is 0."""
    return protocol << 24 | port


#: Every protocol, those without ports among them.
EVERY = PortPrefix(0, 0)


def prefixes(port: Port) -> Iterator[PortPrefix]:
    """Yield the fewest prefixes that hold the ports of a rule, and no others: 30 at the most."""
    base = word(PROTOCOLS[port.protocol], 0)
    first, end = port.first, port.last + 1
    if (first, port.last) == (0, _LAST_PORT):
        yield PortPrefix(base, _PROTOCOL_BITS)
        return
    while first < end:
        free = BITS - _PROTOCOL_BITS if first == 0 else (first & -first).bit_length() - 1
        size = min(free, (end - first).bit_length() - 1)
        yield PortPrefix(base | first, BITS - size)
        first += 1 << size
