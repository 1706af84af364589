# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a node holds of services: read once, before anything is planned.

What programs write for each connection is read in ``sweep``, and only where it is needed.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..datapath import service_layout as layout
from ..datapath.layout import NODE_ADDRESSES
from ..datapath.nat_layout import NAT, NAT_SEEN
from ..datapath.pinned import open_map
from ..engine import fields
from ..engine.bpf import maps
from ..engine.failure import Failure
from . import packed, state
from .wanted import NOTHING, Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..datapath.structs import Layout
    from .wanted import Prefix

#: The maps of services, and that of flows, some of which are theirs.
MAPS = (*layout.MAPS, NAT, NAT_SEEN)


@dataclass
class Held:
    """What the node holds; maps that are not pinned are not in ``tables``, and empty here.

    :param tables: map by name.
    :param frontends: key -> what the map ``services`` says.
    :param addresses: keys of addresses alone -> what the map ``services`` says.
    :param slots: all of the map ``backends`` in one piece.
    :param names: id of a frontend -> name as it stands there.
    :param ranges: id -> its prefixes in ``source_ranges``.
    :param maglev: id -> table.
    :param node_addresses: of all nodes.
    """

    tables: Mapping[str, maps.Map]
    frontends: dict[bytes, packed.Numbers]
    addresses: dict[bytes, packed.Numbers]
    slots: bytes
    names: dict[int, bytes]
    ranges: dict[int, set[Prefix]]
    maglev: dict[int, bytes]
    node_addresses: frozenset[bytes]
    state: state.State

    def size(self, table: Layout) -> int:
        """How many entries a map has room for."""
        found = self.tables.get(table.name)
        return found.info.max_entries if found else table.max_entries

    def run(self, first: int, total: int) -> bytes:
        """Return a run of slots; less than that where it leaves the array."""
        return self.slots[first * packed.SLOT_SIZE : (first + total) * packed.SLOT_SIZE]

    def runs(self, numbers: packed.Numbers) -> tuple[Run, Run]:
        """Return a frontend's backends for clients of the cluster, and for those from outside."""
        outside = self.run(numbers.outside_first, numbers.outside_total)
        return (
            Run(self.run(numbers.first, numbers.total), numbers.active),
            Run(outside, numbers.outside_active) if numbers.outside_total else NOTHING,
        )

    def name(self, number: int) -> str | None:
        """Name of a frontend, None where it has none."""
        raw = self.names.get(number)
        return None if raw is None else fields.text(raw)


@contextlib.contextmanager
def read() -> Iterator[Held]:
    """Read what the node holds of services."""
    with contextlib.ExitStack() as stack:
        tables = {}
        for table in (*MAPS, NODE_ADDRESSES):
            # Of nodes' addresses the keys alone are read, which other versions have, too.
            found = maps.open_pin(table.pin) if table is NODE_ADDRESSES else open_map(table)
            if found is not None:
                stack.enter_context(found)
                tables[table.name] = found
        held = Held(tables, {}, {}, b"", {}, {}, {}, frozenset(), state.State())
        _read_frontends(held)
        if layout.BACKENDS.name in tables:
            held.slots = tables[layout.BACKENDS.name].columns()[1]
        held.names = _by_id(held, layout.SERVICE_NAMES)
        held.maglev = _by_id(held, layout.MAGLEV)
        held.ranges = _ranges(held)
        held.state = state.read(tables.get(layout.SERVICE_STATE.name))
        if NODE_ADDRESSES.name in tables:
            held.node_addresses = frozenset(tables[NODE_ADDRESSES.name].items())
        yield held


def pinned(held: Held) -> None:
    """Raise where a map is not pinned."""
    for table in MAPS:
        if table.name not in held.tables:
            raise Failure(
                f"map {table.name!r} is not pinned at {table.pin}; the roles native_routing and "
                f"overlay pin the maps of services."
            )


def _read_frontends(held: Held) -> None:
    if layout.SERVICES.name not in held.tables:
        return
    keys, values = held.tables[layout.SERVICES.name].columns()
    size = packed.FRONTEND_KEY.size
    for at, numbers in enumerate(packed.FRONTEND.iter_unpack(values)):
        key = keys[at * size : (at + 1) * size]
        if packed.is_address(key):
            held.addresses[key] = packed.Numbers(*numbers)
        else:
            held.frontends[key] = packed.Numbers(*numbers)


def _by_id(held: Held, table: Layout) -> dict[int, bytes]:
    found = held.tables.get(table.name)
    if found is None:
        return {}
    return {packed.ID.unpack(key)[0]: value for key, value in found.items().items()}


def _ranges(held: Held) -> dict[int, set[Prefix]]:
    found: dict[int, set[Prefix]] = defaultdict(set)
    if layout.SOURCE_RANGES.name in held.tables:
        for key in held.tables[layout.SOURCE_RANGES.name].items():
            bits, number, address = packed.SOURCE_RANGE_KEY.unpack(key)
            found[number].add((bits, address))
    return found
