# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which flows somebody wants to see."""

from __future__ import annotations

import functools
import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..datapath import nat_layout as layout
from ..datapath.clock import elapsed
from ..engine import addresses
from ..engine.failure import Failure
from . import words
from .flows import is_over

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .flows import Key, Value

    #: Whether an address and a port are those that are looked for.
    Place = Callable[[bytes, bytes], bool]


@dataclass(frozen=True)
class Filter:
    """What an entry has to be; None and nothing stand for any.

    :param protocol: word of :data:`words.PROTOCOLS`.
    :param direction: word of :data:`words.DIRECTIONS`.
    :param source: address, prefix, or address and port, of what comes in.
    :param destination: the same.
    :param translation: the same, of what is put in place of either.
    :param kinds: words of :data:`words.KINDS`.
    :param all: also flows that are over.
    """

    protocol: str | None = None
    direction: str | None = None
    source: str | None = None
    destination: str | None = None
    translation: str | None = None
    kinds: Sequence[str] = ()
    all: bool = False
    _places: tuple[Place | None, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Understand the places, or raise Failure."""
        places = tuple(
            place(word, getattr(self, word)) for word in ("source", "destination", "translation")
        )
        object.__setattr__(self, "_places", places)

    def takes(self, key: Key, value: Value, now: int) -> bool:
        """Say whether an entry is one of those."""
        flags, protocol = value.flags, key.protocol
        source, destination, translation = self._places
        return not (
            flags & layout.NAT_POLICY  # translates nothing
            or (self.protocol and words.PROTOCOLS[self.protocol] != protocol)
            or (self.direction and words.direction(flags) != self.direction)
            or (self.kinds and words.kind(flags) not in self.kinds)
            or (not self.all and is_over(protocol, flags, elapsed(now, value.used)))
            or (source and not source(key.source, key.source_port))
            or (destination and not destination(key.destination, key.destination_port))
            or (translation and not any(translation(*to) for _word, *to in translated(key, value)))
        )


def translated(key: Key, value: Value) -> list[tuple[str, bytes, bytes]]:
    """Return what an entry puts in place of source and destination: word, address, port of each.

    One that leaves both as they are has its own end of the flow for that: so its port is kept.
    """
    before = _ends(key)
    words_of_ends = (words.SOURCE, words.DESTINATION)
    changes = []
    if words.kind(value.flags) != words.INBOUND:
        ends = zip(words_of_ends, _ends(value), before)
        changes = [(word, *after) for word, after, end in ends if after != end]
    own = int(words.direction(value.flags) == words.IN)
    return changes or [(words_of_ends[own], *before[own])]


def _ends(row: Key | Value) -> tuple[tuple[bytes, bytes], tuple[bytes, bytes]]:
    return (row.source, row.source_port), (row.destination, row.destination_port)


def place(option: str, text: str | None) -> Place | None:
    """Return a function that knows an address, a prefix, or an address and a port.

    :param option: what the text was given as.
    :raises Failure: where it is none of the three.
    """
    if not text:
        return None
    try:
        address, port = _split(text)
        network = ipaddress.ip_network(address, strict=False)
    except ValueError:
        raise Failure(
            f"{option}: {text!r} is neither an address (10.0.0.1), nor a prefix (10.0.0.0/8), nor "
            f"an address and a port (10.0.0.1:80, [fd00::1]:80)."
        ) from None
    first = addresses.packed(str(network.network_address))
    number = int.from_bytes(first, "big")
    rest = network.max_prefixlen - network.prefixlen

    @functools.cache
    def inside(raw: bytes) -> bool:
        return (int.from_bytes(raw, "big") ^ number) >> rest == 0

    if port is None:
        return lambda raw, _port: inside(raw)
    return lambda raw, raw_port: raw_port == port and inside(raw)


def _split(text: str) -> tuple[str, bytes | None]:
    """Split what may have a port; ValueError where that is none."""
    if text.startswith("["):
        address, bracket, port = text[1:].partition("]:")
        if not bracket:
            raise ValueError(text)
    elif text.count(":") == 1:
        address, _colon, port = text.partition(":")
    else:
        return text, None
    if "/" in address or not (port.isascii() and port.isdigit() and int(port) < 1 << 16):
        raise ValueError(text)
    return address, int(port).to_bytes(2, "big")
