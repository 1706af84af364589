# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Addresses of the network's own devices, and the host's that stands on one of them, too."""

from __future__ import annotations

import ipaddress
from functools import partial
from typing import TYPE_CHECKING, Any

from ..engine import links
from ..engine.lack import Lack
from ..names import is_our_device

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..engine.devices import Network


def lacking(here: Network, items: list[dict[str, Any]]) -> list[Lack]:
    """Return what is not there of addresses (see ``datapath.entries``).

    One of the host that the host itself does not have is not put.
    """
    found = []
    for item in items:
        if item["address"] in _of(here, item["dev"]):
            continue
        may = item["dev"] in here.links and (item.get("of") is None or _is_held(here, item))
        put = partial(_put, here, item["dev"], item["address"]) if may else None
        found.append(Lack(item, f"address {item['address']} of {item['dev']}", put))
    return found


def drop_others(here: Network, items: list[dict[str, Any]]) -> list[str]:
    """Take away the host's address that the host has given up for another one; say which."""
    dropped = []
    for item in items:
        moved = item.get("of") and not _is_held(here, item) and _has_another(here, item)
        if moved and item["address"] in _of(here, item["dev"]):
            links.remove_address(here.ip, here.links[item["dev"]].index, item["address"])
            dropped.append(f"address {item['address']} of {item['dev']}")
    return dropped


def _put(here: Network, device: str, address: str) -> None:
    links.add_address(here.ip, here.links[device].index, address)
    here.read()


def _is_held(here: Network, item: Mapping[str, Any]) -> bool:
    """Say whether a device that is not ours has the address."""
    wanted = ipaddress.ip_interface(item["address"]).ip
    return any(
        ipaddress.ip_interface(address).ip == wanted
        for device in _foreign(here)
        for address in _of(here, device)
    )


def _has_another(here: Network, item: Mapping[str, Any]) -> bool:
    """Say whether the host's device has an address of the same family."""
    version = ipaddress.ip_interface(item["address"]).version
    held = [ipaddress.ip_interface(address) for address in _of(here, item["of"])]
    return any(one.version == version and not one.ip.is_link_local for one in held)


def _foreign(here: Network) -> Iterator[str]:
    for link in here.links.values():
        if not is_our_device(link.name, link.alias, link.mac):
            yield link.name


def _of(here: Network, device: str) -> list[str]:
    link = here.links.get(device)
    return here.addresses.get(link.index, []) if link else []
