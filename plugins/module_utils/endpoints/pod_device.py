# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Inside a pod's namespace: its device, its one address, its one route."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..engine import ipv6, links, namespaces, netlink, rtnl
from ..engine.failure import Failure

try:
    from pyroute2.netlink.rtnl.rtmsg import rtmsg
except ImportError:  # runner.require() has said so before anything here is called
    rtmsg = None

NAME = "eth0"

#: Settings of the namespace, below ``/proc/sys/net``.
SETTINGS = {
    # An address that goes does not take along another one of its subnet.
    f"ipv4/conf/{NAME}/promote_secondaries": 1,
    # There is one gateway. While pods leave a bridge, the node redirects them to each other, and
    # what they believe then, they believe for minutes after.
    f"ipv4/conf/{NAME}/accept_redirects": 0,
    "ipv4/conf/all/accept_redirects": 0,
}

# rtnetlink(7)
_MAIN_TABLE, _STATIC, _UNIVERSE, _UNICAST, _ONLINK = 254, 4, 0, 1, 4


@dataclass(frozen=True)
class PodDevice:
    """Device of a pod as its namespace holds it. The pod is root there: all of it may differ.

    :param present: there is a device of that name, whoever made it.
    :param ours: it is the other end of the host-side device.
    :param renamed: the name that the other end has, where it is in the namespace by another one.
    :param others: further devices of the namespace beside the loopback.
    """

    present: bool
    ours: bool = False
    renamed: str | None = None
    mac: str | None = None
    mtu: int | None = None
    up: bool = False
    addresses: tuple[str, ...] = ()
    gateway: str | None = None
    others: tuple[str, ...] = ()


def read(netns: str, host_side: links.Link | None = None) -> PodDevice:
    """Read what a namespace holds; one that does not exist holds nothing.

    :param host_side: the device in the node's namespace whose other end is the pod's.
    """
    if not namespaces.exists(netns):
        return PodDevice(present=False)
    with netlink.socket(netns) as ip:
        found = links.dump(ip)
        loopback = links.loopback(found.values())
        ours = next((link.name for link in found.values() if _is_end(link, host_side)), None)
        others = tuple(name for name in found if name not in (loopback.name, NAME, ours))
        renamed = ours if ours != NAME else None
        link = found.get(NAME)
        if link is None:
            return PodDevice(present=False, renamed=renamed, others=others)
        return PodDevice(
            present=True,
            ours=ours == NAME,
            renamed=renamed,
            mac=link.mac,
            mtu=link.mtu,
            up=link.up and loopback.up,
            addresses=tuple(a for a in links.addresses(ip).get(link.index, []) if ":" not in a),
            gateway=_gateway(ip),
            others=others,
        )


def _is_end(link: links.Link, host_side: links.Link | None) -> bool:
    # Each names the other: an index alone may be that of a device in a third namespace.
    return (
        host_side is not None
        and link.kind == "veth"
        and link.netnsid is not None
        and (link.index, link.lower) == (host_side.lower, host_side.index)
    )


def converge(netns: str, *, mac: str, mtu: int, address: str, gateway: str) -> None:
    """Give the device that is there its MAC, MTU, address and route, and bring it up.

    :param address: with its prefix length. Where that alone changes, the kernel has the address all
        the while, since the new one comes before the old one goes: connections live on.
    :raises Failure: the device has gone, or the kernel refuses; OSError: it goes at this moment.
    """
    with netlink.socket(netns) as ip:
        found = links.dump(ip)
        link = found.get(NAME)
        if link is None:
            raise Failure(f"netns {netns!r} has no device {NAME} any more.")
        if not links.loopback(found.values()).up:
            links.set_(ip, links.LOOPBACK_INDEX, up=True)
        held = [a for a in links.addresses(ip).get(link.index, []) if ":" not in a]
        if link.mac != mac:
            links.set_(ip, link.index, mac=mac)
        if link.mtu != mtu:
            links.set_(ip, link.index, mtu=mtu)
        _set_settings(netns)
        if not link.up:
            links.set_(ip, link.index, up=True)
        if address not in held:
            links.add_address(ip, link.index, address)
        for extra in held:
            if extra != address:
                links.remove_address(ip, link.index, extra)
        if _gateway(ip) != gateway:
            _set_gateway(ip, link.index, gateway)


def _set_settings(netns: str) -> None:
    with namespaces.inside(netns):
        # IPv6 chatter of a device without an IPv6 network is noise in the drop counters.
        ipv6.switch_off(NAME)
        for name, value in SETTINGS.items():
            Path("/proc/sys/net", name).write_text(f"{value}\n")


def _gateway(ip: Any) -> str | None:
    for route in rtnl.dump(ip, rtnl.GETROUTE, rtmsg, {"family": socket.AF_INET}):
        if route["dst_len"] == 0 and route["table"] == _MAIN_TABLE:
            gateway = route.get_attr("RTA_GATEWAY")
            return None if gateway is None else str(gateway)
    return None


def _set_gateway(ip: Any, index: int, gateway: str) -> None:
    # On link: a /32 has no subnet in which the gateway would be found.
    fields = {
        "family": socket.AF_INET,
        "table": _MAIN_TABLE,
        "proto": _STATIC,
        "scope": _UNIVERSE,
        "type": _UNICAST,
        "flags": _ONLINK,
    }
    route = rtnl.message(rtmsg, fields, [("RTA_OIF", index), ("RTA_GATEWAY", gateway)])
    with netlink.doing(f"the default route via {gateway}"):
        rtnl.request(ip, rtnl.NEWROUTE, route, rtnl.CREATE | rtnl.REPLACE)
