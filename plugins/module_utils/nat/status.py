# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whom a node masquerades, read from its kernel and held against its part of the plan."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING, Any

from ..datapath import nat_layout as layout
from ..datapath import pinned
from . import flows
from .usage import accounts, usage

if TYPE_CHECKING:
    from collections.abc import Mapping


def read(planned: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what the maps say (see RETURN of the module ``status_info``).

    :param planned: what the plan says of masquerading; None for nothing.
    """
    egress, prefixes = pinned.entries(layout.MASQUERADE), pinned.entries(layout.NON_MASQUERADE)
    devices = [{"name": _name(key["ifindex"]), "ip": value["address"]} for key, value in egress]
    by_why: dict[int, list[str]] = {}
    for key, value in prefixes:
        # A hand may have written one with host bits.
        cidr = ipaddress.ip_network(pinned.prefix(key), strict=False)
        by_why.setdefault(value["why"], []).append(str(cidr))
    there = {f"device {one['name']} {one['ip']}" for one in devices}
    there |= {f"prefix {cidr}" for cidrs in by_why.values() for cidr in cidrs}
    wanted = _wanted(planned) if planned else set()
    used = usage(flows.read())
    return {
        "devices": sorted(devices, key=lambda one: str(one["name"])),
        "nodes": any(value["flags"] & layout.MASQUERADE_NODES for _key, value in egress),
        "native_routing_cidr": next(iter(by_why.get(layout.NON_MASQUERADE_NATIVE, ())), None),
        "pod_ranges": sorted(by_why.get(layout.NON_MASQUERADE_PODS, ())),
        "prefixes": len(prefixes),
        "missing": sorted(wanted - there),
        "unplanned": sorted(there - wanted),
        "nat": used["table"],
        "accounts": accounts(),
        "warnings": used["warnings"],
    }


def _wanted(planned: Mapping[str, Any]) -> set[str]:
    devices = {f"device {one['name']} {one['ip']}" for one in planned["devices"]}
    return devices | {f"prefix {one['cidr']}" for one in planned["prefixes"]}


def _name(ifindex: int) -> str:
    try:
        return socket.if_indextoname(ifindex)
    except OSError:
        return f"number {ifindex}, which is gone"
