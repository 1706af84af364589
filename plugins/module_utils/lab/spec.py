# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a lab consists of, as its inventory says: parsed and checked before anything is built."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Interface, IPv4Network, NetmaskValueError
from typing import TYPE_CHECKING, Any

from ..engine.failure import Failure
from ..names import DEVICE_NAME_MAX

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: The lab's own host: it holds one bridge for each segment, where all of its traffic passes.
SWITCH = "switch"

#: A lab and a host become folder names, and a host a host name (at most 63 characters).
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
#: A segment is a bridge; without a dot, it cannot be taken for the port of a host.
SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,14}")
DEVICE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,14}")
#: No device can have these names: they are folders in /proc/sys/net/ipv4/conf.
RESERVED = ("all", "default", "lo")

DEFAULT_MTU = 1500
#: What IPv4 must be able to pass on whole, and what a veth can hold.
MTU_RANGE = range(68, 65536)

DEFAULT_ROUTE = "0.0.0.0/0"


@dataclass(frozen=True)
class Link:
    """A network device of a host, in a segment."""

    device: str
    segment: str
    address: str
    mtu: int = DEFAULT_MTU

    @property
    def mac(self) -> str:
        """Follows from the address, so that it is the same each time that the lab is built."""
        return ":".join(f"{byte:02x}" for byte in b"\x02\x00" + self.interface.ip.packed)

    @property
    def interface(self) -> IPv4Interface:
        """The address with its network."""
        return IPv4Interface(self.address)


@dataclass(frozen=True)
class Route:
    """A route of a host through a neighbour; the default route is ``0.0.0.0/0``."""

    dst: str
    via: str


@dataclass(frozen=True)
class Host:
    """A host of the lab: a node, a gateway, a server."""

    name: str
    links: tuple[Link, ...] = ()
    routes: tuple[Route, ...] = ()
    sysctls: tuple[tuple[str, str], ...] = ()


def labs_of(hostvars: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the labs of an inventory, as the options of the module ``lab``, one item a lab.

    A host is part of the lab that its ``podnet_lab`` names where it has ``lab_links``.
    Raises Failure where no host is.
    """
    labs: dict[str, list[dict[str, Any]]] = {}
    for name in hostvars:
        of_host = hostvars[name]
        if of_host.get("podnet_lab") and "lab_links" in of_host:
            labs.setdefault(str(of_host["podnet_lab"]), []).append(
                {
                    "name": name,
                    "links": of_host["lab_links"],
                    "routes": of_host.get("lab_routes") or [],
                    "sysctls": of_host.get("lab_sysctls") or {},
                }
            )
    if not labs:
        raise Failure(
            "The inventory describes no lab: a host of one has podnet_lab, the lab's name, and "
            "lab_links."
        )
    return [{"name": name, "hosts": hosts} for name, hosts in labs.items()]


def parse_name(name: str) -> str:
    """Check the name of a lab."""
    if not NAME.fullmatch(name):
        raise Failure(
            f"podnet_lab is {name!r}; a lab's name has up to 63 letters, digits, '.', '_' and '-', "
            "and starts with a letter or a digit."
        )
    return name


def parse(hosts: Sequence[Mapping[str, Any]]) -> list[Host]:
    """Turn the module's ``hosts`` into :class:`Host`, or raise with what is wrong in them.

    :param hosts: each with ``name`` and, where it has them, ``links``, ``routes``, ``sysctls``.
    """
    parsed = [_host(host) for host in hosts]
    _unique("host name", [(host.name, host.name) for host in parsed])
    _unique(
        "lab_links address",
        [(str(link.interface.ip), host.name) for host in parsed for link in host.links],
    )
    return parsed


def _host(host: Mapping[str, Any]) -> Host:
    name = str(host["name"])
    if not NAME.fullmatch(name) or name == SWITCH:
        raise Failure(
            f"{name!r} cannot be the name of a lab host: valid are up to 63 letters, digits, '.', "
            f"'_' and '-', and not {SWITCH!r}, which is the lab's own."
        )
    links = tuple(_link(name, index, link) for index, link in enumerate(host.get("links") or ()))
    _unique(f"lab_links device of {name}", [(link.device, name) for link in links])
    routes = tuple(_route(name, links, route) for route in host.get("routes") or ())
    _unique(f"lab_routes dst of {name}", [(route.dst, name) for route in routes])
    sysctls = tuple(_sysctl(name, *item) for item in (host.get("sysctls") or {}).items())
    return Host(name, links, routes, sysctls)


def _link(host: str, index: int, link: Mapping[str, Any]) -> Link:
    where = f"lab_links[{index}] of {host}"
    segment = str(link["segment"])
    if not SEGMENT.fullmatch(segment) or segment in RESERVED:
        raise Failure(
            f"{where}: segment {segment!r} is not valid; it is a bridge's name of up to "
            f"{DEVICE_NAME_MAX} letters, digits, '_' and '-', and none of {', '.join(RESERVED)}."
        )
    device = str(link.get("device") or f"eth{index}")
    if not DEVICE.fullmatch(device) or device in RESERVED:
        raise Failure(
            f"{where}: device {device!r} is not valid; it is a name of up to {DEVICE_NAME_MAX} "
            "letters, digits, '_', '.' and '-' that starts with a letter, such as eth0."
        )
    mtu = int(link.get("mtu") or DEFAULT_MTU)
    if mtu not in MTU_RANGE:
        raise Failure(
            f"{where}: mtu {mtu} is not valid; "
            f"it is between {MTU_RANGE.start} and {MTU_RANGE.stop - 1}."
        )
    return Link(device, segment, _address(where, str(link["address"])), mtu)


def _address(where: str, address: str) -> str:
    try:
        interface = IPv4Interface(address)
    except (AddressValueError, NetmaskValueError):
        interface = None
    if interface is None or "/" not in address or _is_no_host(interface):
        raise Failure(
            f"{where}: address {address!r} is not valid; it is a host's IPv4 address with its "
            "prefix length, such as 10.111.0.8/24."
        )
    return interface.with_prefixlen


def _is_no_host(interface: IPv4Interface) -> bool:
    network = interface.network
    return network.prefixlen < 31 and interface.ip in (
        network.network_address,
        network.broadcast_address,
    )


def _route(host: str, links: Iterable[Link], route: Mapping[str, Any]) -> Route:
    given_dst, given_via = str(route["dst"]), str(route["via"])
    try:
        dst = IPv4Network(DEFAULT_ROUTE if given_dst == "default" else given_dst)
    except ValueError:
        raise Failure(
            f"lab_routes of {host}: dst {given_dst!r} is not valid; it is 'default' or an IPv4 "
            "network such as 10.112.0.0/16."
        ) from None
    try:
        via = IPv4Address(given_via)
        reached = any(via in link.interface.network for link in links)
    except AddressValueError:
        reached = False
    if not reached:
        raise Failure(
            f"lab_routes of {host}: via {given_via!r} is not valid; it is an IPv4 address in the "
            "network of one of the host's lab_links."
        )
    return Route(str(dst), str(via))


def _sysctl(host: str, key: str, value: object) -> tuple[str, str]:
    if not key.startswith("net.") or "/" in key:
        raise Failure(
            f"lab_sysctls of {host}: {key!r} is not valid; only what starts with 'net.' is a "
            "lab host's own, all else is the machine's."
        )
    return key, str(int(value) if isinstance(value, bool) else value)


def _unique(what: str, named: Iterable[tuple[str, str]]) -> None:
    seen: dict[str, str] = {}
    for value, host in named:
        if value in seen:
            owners = " and ".join(dict.fromkeys((seen[value], host)))
            raise Failure(f"{what} {value!r} is given twice ({owners}); it must be unique.")
        seen[value] = host
