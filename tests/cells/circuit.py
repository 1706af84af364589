# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A way through pairs, each once, back to its beginning: an Eulerian circuit (Hierholzer, 1873)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

Thing = TypeVar("Thing")


def circuit(pairs: Iterable[tuple[Thing, Thing]]) -> list[tuple[Thing, Thing]]:
    """Return the pairs as the steps of a circuit that starts and ends at the first of them.

    :param pairs: from all things one comes to all others, and as often to each as away from it.
    """
    left: dict[Thing, list[Thing]] = {}
    for before, after in pairs:
        left.setdefault(before, []).append(after)
    trail, way = list(left)[:1], []
    while trail:
        if left[trail[-1]]:
            trail.append(left[trail[-1]].pop(0))
        else:
            way.append(trail.pop())
    way.reverse()
    return list(zip(way, way[1:]))
