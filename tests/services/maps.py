# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The maps of services of a node, read and written from outside of it, past the modules."""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING, Any

from ansible_collections.podnet.fabric.plugins.module_utils.datapath import (
    layout,
    service_layout,
)
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import maps
from ansible_collections.podnet.fabric.plugins.module_utils.lab import places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.podnet.fabric.plugins.module_utils.datapath.structs import Layout

    from tests.cluster.cluster import Cluster

#: Maps that a run fills; the others fill themselves with use.
FILLED = (
    service_layout.SERVICES,
    service_layout.BACKENDS,
    service_layout.SERVICE_NAMES,
    service_layout.SERVICE_STATE,
    service_layout.MAGLEV,
    service_layout.SOURCE_RANGES,
    layout.NODE_ADDRESSES,
)


@contextlib.contextmanager
def opened(cluster: Cluster, node: str, table: Layout) -> Iterator[maps.Map]:
    """Open a map of a node."""
    keeper = places.HostPlace(cluster.lab, node).pid()
    opened = maps.open_pin(f"/proc/{keeper}/root{table.pin}")
    assert opened is not None, f"{node} has no map {table.name}"
    with opened:
        yield opened


def entries(
    cluster: Cluster, node: str, table: Layout
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return the entries of a map, field by field."""
    with opened(cluster, node, table) as found:
        return [
            (table.unpack_key(key), table.unpack_value(value))
            for key, value in found.items().items()
        ]


def services(cluster: Cluster, node: str) -> dict[tuple[str, int, int], dict[str, Any]]:
    """Return by frontend what the maps make of it, without the numbers that hold them together."""
    names = {
        key["id"]: value["name"]
        for key, value in entries(cluster, node, service_layout.SERVICE_NAMES)
    }
    with opened(cluster, node, service_layout.MAGLEV) as found:
        tables = {
            service_layout.MAGLEV.unpack_key(key)["id"]: hashlib.sha256(value).hexdigest()
            for key, value in found.items().items()
        }
    ranges: dict[int, set[tuple[str, int]]] = {}
    for key, _value in entries(cluster, node, service_layout.SOURCE_RANGES):
        ranges.setdefault(key["id"], set()).add((key["address"], key["prefixlen"]))
    with opened(cluster, node, service_layout.BACKENDS) as backends:

        def run(first: int, count: int) -> list[tuple[str, int]]:
            table = service_layout.BACKENDS
            slots = [backends.get(table.pack_key(slot=first + n)) for n in range(count)]
            found = [table.unpack_value(slot or b"") for slot in slots]
            return sorted((slot["address"], slot["port"]) for slot in found)

        return {
            (key["address"], key["port"], key["protocol"]): {
                "name": names.get(value["id"]),
                **{word: value[word] for word in ("kind", "flags", "affinity")},
                "active": run(value["first"], value["active"]),
                "total": run(value["first"], value["total"]),
                "outside_active": run(value["outside_first"], value["outside_active"]),
                "outside_total": run(value["outside_first"], value["outside_total"]),
                "maglev": tables.get(value["id"]),
                "ranges": ranges.get(value["id"], set()),
            }
            for key, value in entries(cluster, node, service_layout.SERVICES)
        }
