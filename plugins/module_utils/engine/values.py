# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check what a user wrote and bring it into the one form in which the kernel's answer is compared.

Each function takes the value and ``where`` it stands, such as ``veths[0].mac``, and raises
:class:`Failure` with both.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any

from ..names import DEVICE_NAME_MAX
from .failure import Failure

if TYPE_CHECKING:
    from collections.abc import Mapping

#: ``all`` and ``default`` are those of the settings of all devices.
_NO_DEVICE = (".", "..", "all", "default")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


def with_defaults(
    item: Mapping[str, Any], options: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Return an item of a list with every option that it does not name, as Ansible completes it."""
    return {**{word: option.get("default") for word, option in options.items()}, **item}


def device_name(value: str, where: str) -> str:
    """Accept a name that the kernel takes for a device."""
    fits = 0 < len(value.encode()) <= DEVICE_NAME_MAX
    if not fits or value in _NO_DEVICE or re.search(r"[\s/:%]", value):
        raise Failure(
            f"{where}: {value!r} cannot be the name of a device; it has 1 to {DEVICE_NAME_MAX} "
            "bytes, none of them a blank, a slash, a colon or a percent sign, and is not one of "
            f"{', '.join(_NO_DEVICE)}."
        )
    return value


def mac(value: str, where: str) -> str:
    """Accept six bytes in hexadecimal with colons; return them in lower case."""
    lower = value.lower()
    if not _MAC.fullmatch(lower):
        raise Failure(f"{where}: {value!r} is not a MAC address such as 0a:58:0a:6f:a0:01.")
    return lower


def device_mac(value: str, where: str) -> str:
    """Accept a MAC address that a device can have: of one station, and not all zero."""
    lower = mac(value, where)
    if int(lower[:2], 16) & 1 or lower == "00:00:00:00:00:00":
        raise Failure(
            f"{where}: {value!r} cannot be a device's own MAC address; its first byte is even, and "
            "it is not all zero."
        )
    return lower


def address(value: str, where: str) -> str:
    """Accept one IPv4 or IPv6 address without a prefix length and without a zone."""
    try:
        found = ipaddress.ip_address(value)
    except ValueError:
        found = None
    if found is None or "%" in value:
        raise Failure(f"{where}: {value!r} is not an address such as 10.0.0.1 or fd00::1.")
    return str(found)


def interface(value: str, where: str) -> str:
    """Accept an address with its prefix length, as a device holds it: ``10.0.0.1/24``.

    One of a link of two ends is written as ``10.0.0.1 peer 10.0.0.2/32``, as ``ip addr`` does.
    """
    own, peer, other = value.partition(" peer ")
    try:
        found = ipaddress.ip_interface(other if peer else own)
        local = ipaddress.ip_address(own.strip()) if peer else found.ip
    except ValueError:
        found = None
    if found is None or "/" not in value or "%" in value or local.version != found.version:
        raise Failure(
            f"{where}: {value!r} is not an address with its prefix length such as 10.0.0.1/24."
        )
    if local.is_unspecified or (local.version == 6 and local.is_multicast):
        raise Failure(f"{where}: {value!r} cannot be the address of a device.")
    return f"{local} peer {found}" if local != found.ip else str(found)


def spelled(address: str) -> str:
    """Return an address of a device, as the kernel's tools write it, in the one form of ours."""
    own, peer, other = address.partition(" peer ")
    if peer:
        return f"{ipaddress.ip_address(own)} peer {ipaddress.ip_interface(other)}"
    return str(ipaddress.ip_interface(own))


def integer(value: str) -> int | None:
    """Return the number that a text is, decimal or hexadecimal with ``0x``; None for another."""
    if re.fullmatch(r"0[xX][0-9a-fA-F]+", value):
        return int(value, 16)
    return int(value) if re.fullmatch(r"[0-9]+", value) else None


def number(value: int, where: str, low: int, high: int) -> int:
    """Accept a number in a range, both ends included."""
    if not low <= value <= high:
        raise Failure(f"{where}: {value} is out of range; it is from {low} to {high}.")
    return value


def unique(keys: list[Any], where: str) -> None:
    """Refuse a list in which one object stands twice."""
    seen: set[Any] = set()
    for position, key in enumerate(keys):
        if key in seen:
            raise Failure(f"{where}[{position}]: {key} stands in the list already; name it once.")
        seen.add(key)
