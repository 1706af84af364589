# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Backends that a run knows nothing of, by what an earlier run has written down on the node.

What :mod:`keep` reads from the kernel, for a boot, after which the kernel has nothing.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from ..engine import addresses
from . import wire

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def remembered(packed: str, earlier: str) -> str:
    """Return services, packed, with the backends that this run does not know.

    :param packed: the services of a run; those with ``keep`` name the prefixes of such backends.
    :param earlier: those that were written down; "": none.
    """
    services = wire.unpack(packed) if packed else []
    if not any("keep" in service for service in services):
        return packed
    before = {
        _key(service, port): port["backends"]
        for service in (wire.unpack(earlier) if earlier else [])
        for port in service["ports"]
    }
    return wire.pack([_complete(service, before) for service in services])


def _complete(
    service: dict[str, Any], before: Mapping[tuple[Any, ...], Sequence[dict[str, Any]]]
) -> dict[str, Any]:
    prefixes = [ipaddress.ip_network(each["cidr"]) for each in service.get("keep", ())]
    ports = []
    for port in service["ports"]:
        listed = {(each["ip"], each["port"]) for each in port["backends"]}
        more = [
            each
            for each in before.get(_key(service, port), ())
            if (each["ip"], each["port"]) not in listed
            and any(ipaddress.ip_address(each["ip"]) in prefix for prefix in prefixes)
        ]
        backends = sorted([*port["backends"], *more], key=_order) if more else port["backends"]
        ports.append({**port, "backends": backends})
    return {**{word: it for word, it in service.items() if word != "keep"}, "ports": ports}


def _key(service: Mapping[str, Any], port: Mapping[str, Any]) -> tuple[Any, ...]:
    return service["name"], port["name"], port["protocol"], port["port"]


def _order(backend: Mapping[str, Any]) -> tuple[bytes, int]:
    """Return the place of a backend in the order of the plan."""
    return addresses.packed(backend["ip"]), backend["port"]
