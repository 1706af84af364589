# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A way through every ordered pair of things, each once: an Eulerian circuit (Hierholzer, 1873)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

Thing = TypeVar("Thing")


def circuit(things: Sequence[Thing]) -> list[tuple[Thing, Thing]]:
    """Return the steps of a circuit that starts and ends at the first."""
    left = {one: [other for other in things if other != one] for one in things}
    trail, way = [things[0]], []
    while trail:
        if left[trail[-1]]:
            trail.append(left[trail[-1]].pop(0))
        else:
            way.append(trail.pop())
    way.reverse()
    return list(zip(way, way[1:]))
