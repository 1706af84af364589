# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The IPv4 addresses of a host, without pyroute2: read before anything is installed."""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

from . import plain_netlink, rtnl

NETLINK_ROUTE = 0
IFA_LOCAL = 2
RT_SCOPE_UNIVERSE = 0
#: linux/if_addr.h, struct ifaddrmsg: family, length of the prefix, flags, scope, device.
_ADDRESS = struct.Struct("=BBBBI")


class Address(NamedTuple):
    """An address; ``is_global``: not for this host or this link alone."""

    address: str
    device: str
    is_global: bool


def addresses() -> list[Address]:
    """Return all addresses, each device's in the order in which the kernel prefers them."""
    body = _ADDRESS.pack(socket.AF_INET, 0, 0, 0, 0)
    names = dict(socket.if_nameindex())
    found = []
    for answer in plain_netlink.ask(NETLINK_ROUTE, rtnl.GETADDR, rtnl.REQUEST | rtnl.DUMP, body):
        _family, _length, _flags, scope, ifindex = _ADDRESS.unpack_from(answer)
        local = dict(plain_netlink.attributes(answer[_ADDRESS.size :])).get(IFA_LOCAL)
        if local is not None and ifindex in names:  # a device may go while we ask
            address = socket.inet_ntoa(local)
            found.append(Address(address, names[ifindex], scope == RT_SCOPE_UNIVERSE))
    return found
