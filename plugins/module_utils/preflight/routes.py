# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""IPv4 routes of others that would be in the place of ours, read without pyroute2."""

from __future__ import annotations

import socket
import struct
import sys
from typing import TYPE_CHECKING, Any

from ..engine import plain_netlink, rtnl
from ..names import ROUTE_PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Iterator

NETLINK_ROUTE = 0
#: linux/rtnetlink.h, struct rtmsg: family, lengths of destination and source, TOS, table, protocol,
#: scope, type, flags.
_ROUTE = struct.Struct("=BBBBBBBBI")
RT_TABLE_MAIN, RTPROT_KERNEL = 254, 2
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY = 1, 4, 5, 6


def foreign() -> list[dict[str, Any]]:
    """Return the routes of the main table, less the default, that neither we nor the kernel made.

    Those alone that have no metric, as ours: ``{"dst": "10.111.160.128/25", "via": "10.111.0.9",
    "dev": "eth0", "protocol": 4}``; ``via`` and ``dev`` are None where there is none.
    """
    return list(_foreign())


def _foreign() -> Iterator[dict[str, Any]]:
    known = dict(socket.if_nameindex())
    body = _ROUTE.pack(socket.AF_INET, *[0] * 8)
    flags = rtnl.REQUEST | rtnl.DUMP
    for answer in plain_netlink.ask(NETLINK_ROUTE, rtnl.GETROUTE, flags, body):
        _family, length, _source, tos, table, protocol, *_others = _ROUTE.unpack_from(answer)
        if table != RT_TABLE_MAIN or protocol in (ROUTE_PROTOCOL, RTPROT_KERNEL):
            continue
        told = dict(plain_netlink.attributes(answer[_ROUTE.size :]))
        if tos or RTA_PRIORITY in told or RTA_DST not in told:
            continue
        via = told.get(RTA_GATEWAY)
        yield {
            "dst": f"{socket.inet_ntoa(told[RTA_DST])}/{length}",
            "via": socket.inet_ntoa(via) if via else None,
            "dev": known.get(int.from_bytes(told.get(RTA_OIF, b""), sys.byteorder)),
            "protocol": protocol,
        }
