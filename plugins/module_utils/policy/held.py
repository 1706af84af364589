# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a node holds of policies: read once, before anything is planned."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..datapath import policy_layout as layout
from ..datapath.layout import ENDPOINT_ISOLATED, ENDPOINTS
from ..datapath.pinned import open_map
from ..engine import fields
from ..engine.bpf import maps
from ..engine.failure import Failure
from . import packed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..datapath.structs import Layout


@dataclass
class Held:
    """What the node holds; maps that are not pinned are not in ``tables``, and empty here.

    :param tables: map by name, ``endpoints`` among them.
    :param pods: entries of ``policy_pods``, by address.
    :param selected: since when each of them is judged, seconds since boot.
    :param classes: those of ``policy_classes``, by partition.
    :param rules: those of ``policy_rules``, by set.
    :param names: those of ``policy_names``.
    :param counters: keys of ``policy_counters``.
    :param endpoints: addresses of the pods of this node.
    :param isolated: those that ``endpoints`` says are judged.
    """

    tables: Mapping[str, maps.Map]
    pods: dict[bytes, packed.Pod] = field(default_factory=dict)
    selected: dict[bytes, int] = field(default_factory=dict)
    classes: dict[int, dict[bytes, bytes]] = field(default_factory=dict)
    rules: dict[int, dict[bytes, bytes]] = field(default_factory=dict)
    names: dict[bytes, bytes] = field(default_factory=dict)
    counters: frozenset[bytes] = frozenset()
    endpoints: frozenset[bytes] = frozenset()
    isolated: frozenset[bytes] = frozenset()

    def name(self, number: int, *kinds: int) -> str:
        """Return the name of a rule or a set, its number where it has none."""
        for kind in kinds:
            raw = self.names.get(packed.NUMBER.pack(number, kind))
            if raw is not None:
                return fields.text(raw)
        return str(number)

    def set_name(self, number: int) -> str:
        """Return the name of a set."""
        return self.name(number, layout.POLICY_SET, layout.POLICY_AUDIT)


@contextlib.contextmanager
def read() -> Iterator[Held]:
    """Read what the node holds of policies."""
    with contextlib.ExitStack() as stack:
        tables = {}
        for table in (*layout.TABLES, ENDPOINTS):
            # Flags are where every version has them.
            found = maps.open_pin(table.pin) if table is ENDPOINTS else open_map(table)
            if found is not None:
                stack.enter_context(found)
                tables[table.name] = found
        held = Held(tables)
        pods = _entries(held, layout.POLICY_PODS)
        held.pods = {key: packed.pod(value) for key, value in pods.items()}
        held.selected = {key: packed.selected(value) for key, value in pods.items()}
        held.classes = _grouped(_entries(held, layout.POLICY_CLASSES), packed.PARTITION)
        held.rules = _grouped(_entries(held, layout.POLICY_RULES), packed.SET)
        held.names = _entries(held, layout.POLICY_NAMES)
        held.counters = frozenset(_entries(held, layout.POLICY_COUNTERS))
        endpoints = _entries(held, ENDPOINTS)
        held.endpoints = frozenset(endpoints)
        held.isolated = frozenset(key for key, value in endpoints.items() if is_isolated(value))
        yield held


def pinned(held: Held) -> None:
    """Raise where a map is not pinned."""
    for table in layout.TABLES:
        if table.name not in held.tables:
            raise Failure(
                f"map {table.name!r} is not pinned at {table.pin}; the roles native_routing and "
                f"overlay pin the maps of policies."
            )


def is_isolated(endpoint: bytes | None) -> bool:
    """Say whether a value of the map ``endpoints`` has ENDPOINT_ISOLATED."""
    return bool(endpoint and ENDPOINTS.value_row(endpoint).flags & ENDPOINT_ISOLATED)


def _entries(held: Held, table: Layout) -> dict[bytes, bytes]:
    found = held.tables.get(table.name)
    return found.items() if found else {}


def _grouped(entries: Mapping[bytes, bytes], by: slice) -> dict[int, dict[bytes, bytes]]:
    found: dict[bytes, dict[bytes, bytes]] = defaultdict(dict)
    for key, value in entries.items():
        found[key[by]][key] = value
    return {int.from_bytes(number, "big"): group for number, group in found.items()}
