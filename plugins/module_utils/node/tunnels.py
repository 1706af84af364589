# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which tunnel endpoint holds which pods, as the kernel has it: in a map, or in its own tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import names
from ..datapath import layout, pinned
from ..engine import devices, neighbors, routes

if TYPE_CHECKING:
    from collections.abc import Callable


def read(datapath: str) -> list[dict[str, str | None]]:
    """Return prefix and endpoint of each peer that is reached through the tunnel, in order.

    An endpoint is None where a route leads into the tunnel and nothing says where it ends.
    """
    return sorted(_BY_DATAPATH.get(datapath, _in_tables)(), key=lambda one: str(one["prefix"]))


def _in_map() -> list[dict[str, str | None]]:
    """The datapath is ours: ``ipcache`` says it."""
    return [
        {"prefix": pinned.prefix(key), "endpoint": value["tunnel_endpoint"]}
        for key, value in pinned.entries(layout.IPCACHE)
        if value["flags"] & layout.IPCACHE_TUNNEL
    ]


def _in_tables() -> list[dict[str, str | None]]:
    """The datapath is the kernel's: route to neighbor, neighbor to MAC, MAC to endpoint."""
    with devices.networks(check_mode=True) as network:
        here = network(None)
        if names.OVERLAY_DEVICE not in here.links:
            return []
        known = [one for one in neighbors.read(here) if one["dev"] == names.OVERLAY_DEVICE]
        leading = [one for one in routes.read(here) if one.get("dev") == names.OVERLAY_DEVICE]
    macs = {one["dst"]: one["lladdr"] for one in known if one["type"] == "neighbor"}
    endpoints = {one["lladdr"]: one["dst"] for one in known if one["type"] == "fdb"}
    return [
        {"prefix": one["dst"], "endpoint": endpoints.get(macs.get(one["via"]))}
        for one in leading
        if one["protocol"] == names.ROUTE_PROTOCOL and one.get("via")
    ]


_BY_DATAPATH: dict[str, Callable[[], list[dict[str, Any]]]] = {"ebpf": _in_map}
