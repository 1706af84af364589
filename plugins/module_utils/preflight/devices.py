# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tunnels and queueing disciplines of a host, read without pyroute2."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Any

from .. import names
from ..engine import plain_netlink, rtnl

if TYPE_CHECKING:
    from collections.abc import Iterator

NETLINK_ROUTE, GETQDISC = 0, 38
#: linux/if_link.h
IFLA_ADDRESS, IFLA_IFNAME, IFLA_LINKINFO, IFLA_IFALIAS = 1, 3, 18, 20
IFLA_INFO_KIND, IFLA_INFO_DATA = 1, 2
IFLA_VXLAN_ID, IFLA_VXLAN_PORT, IFLA_VXLAN_COLLECT_METADATA = 1, 15, 25
#: linux/rtnetlink.h, struct ifinfomsg and struct tcmsg; linux/pkt_sched.h.
_LINK = struct.Struct("=BxHiII")
_QDISC = struct.Struct("=BxxxiIII")
TCA_KIND = 1


def foreign_vxlans() -> list[dict[str, Any]]:
    """Return the VXLAN devices that are not this network's: name, port, identifier, and whether the
    identifier comes with each packet (``external``)."""
    return [
        {
            "name": name,
            "port": int.from_bytes(data.get(IFLA_VXLAN_PORT, b""), "big"),
            "vni": _number(data.get(IFLA_VXLAN_ID)),
            "external": bool(_number(data.get(IFLA_VXLAN_COLLECT_METADATA))),
        }
        for name, alias, mac, data in _links(b"vxlan")
        if not names.is_our_device(name, alias, mac)
    ]


def ingress_qdiscs() -> list[str]:
    """Return the devices with an ``ingress`` qdisc, where clsact cannot be as well."""
    known = dict(socket.if_nameindex())
    body = _QDISC.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
    found = []
    for answer in _dump(GETQDISC, body):
        ifindex = _QDISC.unpack_from(answer)[1]
        told = dict(plain_netlink.attributes(answer[_QDISC.size :]))
        if told.get(TCA_KIND) == b"ingress\0" and ifindex in known:
            found.append(known[ifindex])
    return found


def _links(kind: bytes) -> Iterator[tuple[str, str, str, dict[int, bytes]]]:
    """Yield name, alias, MAC address and what is of its kind of each device of a kind."""
    attribute = plain_netlink.attribute
    wanted = attribute(IFLA_LINKINFO, attribute(IFLA_INFO_KIND, kind))
    body = _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0) + wanted
    for answer in _dump(rtnl.GETLINK, body):
        told = dict(plain_netlink.attributes(answer[_LINK.size :]))
        info = dict(plain_netlink.attributes(told.get(IFLA_LINKINFO, b"")))
        if info.get(IFLA_INFO_KIND, b"").rstrip(b"\0") == kind:
            yield (
                _text(told[IFLA_IFNAME]),
                _text(told.get(IFLA_IFALIAS, b"")),
                told.get(IFLA_ADDRESS, b"").hex(":"),
                dict(plain_netlink.attributes(info.get(IFLA_INFO_DATA, b""))),
            )


def _dump(kind: int, body: bytes) -> Iterator[bytes]:
    return plain_netlink.ask(NETLINK_ROUTE, kind, rtnl.REQUEST | rtnl.DUMP, body)


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode(errors="replace")


def _number(value: bytes | None) -> int:
    return struct.unpack("=I" if len(value or b"") == 4 else "=B", value)[0] if value else 0
