# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whom a node masquerades, read from its kernel and held against its part of the plan."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING, Any

from ..datapath import nat_layout as layout
from ..engine.bpf import maps
from . import flows
from .usage import usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..datapath.structs import Layout


def read(planned: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what the maps say (see RETURN of the module ``status_info``).

    :param planned: what the plan says of masquerading; None for nothing.
    """
    egress, prefixes = _entries(layout.MASQUERADE), _entries(layout.NON_MASQUERADE)
    devices = [{"name": _name(one["ifindex"]), "ip": one["address"]} for one in egress]
    by_why: dict[int, list[str]] = {}
    for one in prefixes:
        by_why.setdefault(one["why"], []).append(_cidr(one["address"], one["prefixlen"]))
    there = {f"device {one['name']} {one['ip']}" for one in devices}
    there |= {f"prefix {cidr}" for cidrs in by_why.values() for cidr in cidrs}
    wanted = _wanted(planned) if planned else set()
    used = usage(flows.read())
    return {
        "devices": sorted(devices, key=lambda one: str(one["name"])),
        "nodes": any(one["flags"] & layout.MASQUERADE_NODES for one in egress),
        "native_routing_cidr": next(iter(by_why.get(layout.NON_MASQUERADE_NATIVE, ())), None),
        "pod_ranges": sorted(by_why.get(layout.NON_MASQUERADE_PODS, ())),
        "prefixes": len(prefixes),
        "missing": sorted(wanted - there),
        "unplanned": sorted(there - wanted),
        "nat": used["table"],
        "warnings": used["warnings"],
    }


def _wanted(planned: Mapping[str, Any]) -> set[str]:
    devices = {f"device {one['name']} {one['ip']}" for one in planned["devices"]}
    return devices | {f"prefix {one['cidr']}" for one in planned["prefixes"]}


def _entries(table: Layout) -> list[dict[str, Any]]:
    """Return key and value of each entry as one; none where the map is not pinned."""
    found = maps.open_pin(table.pin)
    if found is None:
        return []
    with found:
        return [
            {**table.unpack_key(key), **table.unpack_value(value)}
            for key, value in found.items().items()
        ]


def _name(ifindex: int) -> str:
    try:
        return socket.if_indextoname(ifindex)
    except OSError:
        return f"number {ifindex}, which is gone"


def _cidr(address: str, prefixlen: int) -> str:
    length = prefixlen if ":" in address else prefixlen - 96
    return str(ipaddress.ip_network((address, length), strict=False))
