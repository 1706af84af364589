# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What programs have counted, and how full the maps are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine.bpf import maps
from . import layout, reasons

if TYPE_CHECKING:
    from collections.abc import Mapping


def verdicts() -> list[dict[str, Any]]:
    """Every verdict of every hook that has been counted, by name."""
    opened = maps.open_pin(layout.METRICS.pin)
    if opened is None:
        return []
    with opened:
        sums = opened.sums()
    found = []
    for hook in reasons.HOOKS:
        for verdict in reasons.VERDICTS:
            index = hook.number * layout.VERDICTS + verdict.number
            # What another version made has fewer entries, or another number of words in each.
            known = sums.get(layout.METRICS.pack_key(index=index), ())
            packets, octets, *_more = (*known, 0, 0)
            if packets:
                found.append(
                    {
                        "hook": hook.name,
                        "direction": hook.direction,
                        "verdict": verdict.name,
                        "what": verdict.what,
                        "drops": verdict.drops,
                        "packets": packets,
                        "bytes": octets,
                    }
                )
    return found


def use_of_maps(counted: Mapping[str, int | None]) -> list[dict[str, Any]]:
    """Return the use of all maps; of those in ``counted`` it is known."""
    found = []
    for table in layout.MAPS:
        opened = maps.open_pin(table.pin)
        if opened is None:
            found.append(
                {"name": table.name, "type": table.type, "used": None, "size": table.max_entries}
            )
            continue
        with opened:
            used = counted[table.name] if table.name in counted else opened.count()
            size = opened.info.max_entries
            found.append({"name": table.name, "type": opened.type, "used": used, "size": size})
    return found
