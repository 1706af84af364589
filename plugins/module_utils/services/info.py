# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a node's maps hold of services, as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..datapath import service_layout as layout
from ..datapath.nat_layout import NAT_SEEN
from ..engine import patterns, protocols
from . import packed, said, words
from .held import MAPS, read

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from .held import Held
    from .packed import Numbers
    from .wanted import Run


def gather(pattern: str | None = None, *, use_of_maps: bool = True) -> dict[str, Any]:
    """Return services, connections of sockets and the use of the maps.

    :param pattern: name, or pattern as of a shell, of the services to return; None for all.
    :param use_of_maps: whether the entries of all maps are counted; without it ``maps`` is empty.
    """
    with read() as held:
        found = [
            _frontend(key, numbers, held)
            for key, numbers in sorted(held.frontends.items(), key=lambda item: item[1].id)
            if _matches(held.name(numbers.id) or "", pattern)
        ]
        ids = None if pattern is None else {one["id"] for one in found}
        return {
            "services": found,
            "reverse_sockets": sorted(_reverse_sockets(held, ids), key=lambda one: one["cookie"]),
            "maps": _maps(held) if use_of_maps else [],
        }


def _matches(name: str, pattern: str | None) -> bool:
    """Say whether a pattern is that of a service, or of one of its ports."""
    return pattern is None or any(
        patterns.fits(each, pattern) for each in (name, name.partition(":")[0])
    )


def _frontend(key: bytes, numbers: Numbers, held: Held) -> dict[str, Any]:
    inside, outside = map(_backends, held.runs(numbers))
    return {
        "id": numbers.id,
        "name": held.name(numbers.id),
        "frontend": said.where(key),
        "protocol": protocols.name(layout.SERVICES.key_row(key).protocol),
        "type": words.kind(numbers.kind),
        "flags": words.flags(numbers.flags),
        "session_affinity": numbers.affinity,
        "source_ranges": said.prefixes(held.ranges.get(numbers.id, ())),
        "backends": inside,
        # One that is not taken from outside has none there.
        "outside_backends": outside if numbers.flags & layout.SERVICE_OUTSIDE else [],
    }


def _backends(run: Run) -> list[dict[str, Any]]:
    return [
        {"number": number, "address": packed.place_text(place), "state": state}
        for number, (place, state) in enumerate(run.backends(), start=1)
    ]


def _reverse_sockets(held: Held, ids: Collection[int] | None) -> Iterator[dict[str, Any]]:
    table = held.tables.get(layout.REVERSE_SOCKETS.name)
    keys, values = table.columns() if table else (b"", b"")
    for key, value in layout.REVERSE_SOCKETS.rows(keys, values):
        if ids is None or value.id in ids:
            yield {
                "cookie": key.cookie,
                "backend": packed.place_text(key.address + key.port),
                "protocol": protocols.name(key.protocol),
                "frontend": packed.place_text(value.address + value.port),
                "id": value.id,
            }


def _maps(held: Held) -> list[dict[str, Any]]:
    used = {layout.BACKENDS.name: _used_slots(held), layout.SERVICE_STATE.name: 1, NAT_SEEN.name: 1}
    return [
        {
            "name": table.name,
            "used": (used[table.name] if table.name in used else held.tables[table.name].count())
            if table.name in held.tables
            else None,
            "size": held.size(table),
        }
        for table in MAPS
    ]


def _used_slots(held: Held) -> int:
    """Count the slots that a frontend names; an array itself has always all of them."""
    used: set[int] = set()
    for one in held.frontends.values():
        used.update(range(one.first, one.first + one.total))
        used.update(range(one.outside_first, one.outside_first + one.outside_total))
    return len(used)
