# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lookup table of Maglev (Eisenbud et al., NSDI 2016, section 3.4).

It follows from the backends alone: every node makes the same one, and one backend more or less
moves few positions beside its own.
"""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING

from ..datapath.service_layout import MAGLEV_POSITIONS

if TYPE_CHECKING:
    from collections.abc import Sequence


def table(backends: Sequence[str]) -> list[int]:
    """Return for each hash a position among ``backends``, whose order makes no other choice.

    :param backends: ``ip:port`` of each, no two the same, at least one and at most
        MAGLEV_POSITIONS.
    """
    size = MAGLEV_POSITIONS
    if len(backends) == 1:
        return [0] * size
    order = sorted(range(len(backends)), key=backends.__getitem__)
    walks = [(position, *_walk(backends[position], size)) for position in order]
    found = [-1] * size
    left = size
    # Each in its turn takes the next free place of a walk through all places that is its own.
    at = [offset for _position, offset, _skip in walks]
    turns = [(turn, position, skip) for turn, (position, _offset, skip) in enumerate(walks)]
    while True:
        for turn, position, skip in turns:
            place = at[turn]
            while found[place] >= 0:
                place += skip
                if place >= size:
                    place -= size
            found[place] = position
            at[turn] = place
            left -= 1
            if not left:
                return found


def packed(backends: Sequence[str]) -> bytes:
    """Return the table as the map ``maglev`` holds it."""
    return struct.pack(f"={MAGLEV_POSITIONS}H", *table(backends))


def _walk(backend: str, size: int) -> tuple[int, int]:
    """Where a backend's walk starts, and its step; the size is a prime, so it gets everywhere."""
    digest = hashlib.blake2b(backend.encode(), digest_size=16).digest()
    offset, skip = struct.unpack("<QQ", digest)
    return offset % size, skip % (size - 1) + 1
