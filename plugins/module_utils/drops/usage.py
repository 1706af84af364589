# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How much the recorder of drops has; no names are looked up for that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..datapath import drop_layout as layout
from ..datapath import pinned

if TYPE_CHECKING:
    from collections.abc import Iterable


def usage() -> dict[str, int | None]:
    """Return how many records there are and there is room for, and how many drops are in none.

    ``used`` is None where the map is not pinned; ``packets`` counts those that are recorded.
    """
    keys, values = pinned.columns(layout.DROPS)
    with pinned.own(layout.DROPS) as drops, pinned.own(layout.DROP_BUDGET_MAP) as budget:
        sums: Iterable[tuple[int, ...]] = budget.sums().values() if budget else ()
        unrecorded, overwritten = (sum(column) for column in list(zip(*sums))[2:4] or ((), ()))
        return {
            "used": len(keys) // layout.DROPS.spec.key_size if drops else None,
            "size": layout.DROPS.max_entries,
            "packets": sum(value.packets for _key, value in layout.DROPS.rows(keys, values)),
            "unrecorded": unrecorded,
            "overwritten": overwritten,
        }
