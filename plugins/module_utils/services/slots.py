# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Free runs of slots in the array ``backends``.

What frontends name is in use; all else is free, whatever stands there. A run that this process
takes out of use stays taken: a program may still be about to read it.
"""

from __future__ import annotations

from ..engine.failure import Failure

_FREE, _USED = b"\0", b"\1"


class Slots:
    """The slots of one run of the module."""

    def __init__(self, size: int) -> None:
        """Start with all free."""
        self._used = bytearray(size)
        # First fit for each length: within one run nothing becomes free again.
        self._from: dict[int, int] = {}

    def use(self, first: int, total: int) -> None:
        """Keep a run that a frontend names; what lies outside of the array is passed over."""
        end = min(first + total, len(self._used))
        self._used[first:end] = _USED * (end - first)

    def take(self, total: int) -> int:
        """Return the first slot of a free run and keep it.

        :raises Failure: where no run is that long.
        """
        if not total:
            return 0
        first = self._used.find(_FREE * total, self._from.get(total, 0))
        if first < 0:
            raise Failure(
                f"services: a frontend with {total} backends needs as many free slots in a row, "
                f"and map 'backends' has none, of {len(self._used)} slots, while it still holds "
                f"what was before; change fewer services at once."
            )
        self._from[total] = first + total
        self.use(first, total)
        return first
