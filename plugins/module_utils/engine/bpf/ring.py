# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A ring that programs write to (BPF_MAP_TYPE_RINGBUF) and one reader reads.

Its memory is mapped as kernel/bpf/ringbuf.c has it: a page with the reader's position, a page with
the writers', and what is written, twice in a row, so that no record is torn at the end.
"""

from __future__ import annotations

import mmap
import struct
import threading
from typing import TYPE_CHECKING

from ..failure import Failure
from ..map_spec import MapSpec
from . import maps

if TYPE_CHECKING:
    from collections.abc import Iterator

_POSITION = struct.Struct("=Q")
_HEADER = struct.Struct("=II")
_BUSY, _DISCARDED = 1 << 31, 1 << 30


class Ring:
    """A new ring, that goes with its reader and the programs that have it."""

    def __init__(self, size: int) -> None:
        """Make it.

        :param size: bytes; a power of two, and whole pages.
        :raises Failure: where the kernel has none.
        """
        self._map = maps.create(MapSpec("podnet_ring", "ringbuf", 0, 0, size))
        self._mask = size - 1
        page = mmap.PAGESIZE
        try:
            self._own = mmap.mmap(self._map.fd, page)
            self._data = mmap.mmap(self._map.fd, page + 2 * size, prot=mmap.PROT_READ, offset=page)
        except OSError as error:
            self._map.close()
            raise Failure(f"The ring cannot be read: {error.strerror}.") from error
        self._page = page
        self._barrier = threading.Lock()

    @property
    def fd(self) -> int:
        """Descriptor of the map, for programs."""
        return self._map.fd

    def close(self) -> None:
        """Give it back."""
        self._own.close()
        self._data.close()
        self._map.close()

    def read(self) -> Iterator[bytes]:
        """Yield each record that is written; the room of one is free when the next is asked for."""
        (at,) = _POSITION.unpack_from(self._own, 0)
        (end,) = _POSITION.unpack_from(self._data, 0)
        while at < end:
            place = self._page + (at & self._mask)
            length, _page = _HEADER.unpack_from(self._data, place)
            if length & _BUSY:
                return
            with self._barrier:  # what follows is read after the header
                pass
            size = length & ~_DISCARDED
            begin = place + _HEADER.size
            record = b"" if length & _DISCARDED else self._data[begin : begin + size]
            at += (_HEADER.size + size + 7) // 8 * 8
            _POSITION.pack_into(self._own, 0, at)
            if record:
                yield record
