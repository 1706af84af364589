# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The network part of a lab: bridges for segments, a veth pair for each link, routes, sysctls."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine import links, namespaces, netlink, rtnl
from ..engine.failure import Failure
from ..names import DEVICE_NAME_MAX, alias

try:
    from pyroute2.netlink.rtnl.rtmsg import rtmsg
except ImportError:  # runner.require() has said so before anything here is called
    rtmsg = None

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .places import HostPlace
    from .spec import Link, Route

AF_INET = 2
ANY = "0.0.0.0"  # noqa: S104 - the destination of a default route
MAIN_TABLE = 254

#: ``rtm_protocol`` of ``lab_routes``: what a host is told by its network when it boots. By it
#: they are told apart from routes that roles add, which are none of the lab's business.
RTPROT_DHCP = 16

#: A port says by this whose it is; its name may be too short for that.
PORT_ALIAS = alias("lab", "")

#: Whatever the machine does, a host begins like a fresh one. Where the kernel has no such file,
#: there is nothing to set.
HOST_SYSCTLS = {"net.ipv4.ip_forward": "0"}
#: The switch is no party to any conversation.
SWITCH_SYSCTLS = {
    "net.ipv6.conf.all.disable_ipv6": "1",
    "net.ipv6.conf.default.disable_ipv6": "1",
    "net.bridge.bridge-nf-call-arptables": "0",
    "net.bridge.bridge-nf-call-iptables": "0",
    "net.bridge.bridge-nf-call-ip6tables": "0",
}


def port_name(host: str, device: str) -> str:
    """Device of the switch that a link of a host is plugged into: ``node-1.eth0`` if it fits."""
    name = f"{host}.{device}"
    if len(name) <= DEVICE_NAME_MAX:
        return name
    return f"{name[: DEVICE_NAME_MAX - 5]}.{hashlib.sha256(name.encode()).hexdigest()[:4]}"


def wanted_state(link: Link) -> dict[str, Any]:
    """Return the state of a link that is as described."""
    return {
        "segment": link.segment,
        "mac": link.mac,
        "mtu": link.mtu,
        "up": True,
        "addresses": [link.address],
    }


def link_state(device: Mapping[str, Any], segment: str | None) -> dict[str, Any]:
    """Return the state of a link from its two ends, in the shape of :func:`wanted_state`."""
    return {"segment": segment, **device}


def read_switch(switch: HostPlace) -> tuple[set[str], dict[str, str | None]]:
    """Return the segments; and by ``HOST/DEVICE`` the segment of each port.

    The segment is None for a port that is down or in none.
    """
    with netlink.socket(namespaces.of_process(switch.pid())) as ip:
        found = links.dump(ip).values()
    names = {link.index: link.name for link in found}
    segments = {link.name for link in found if link.kind == "bridge"}
    ports = {
        link.alias.removeprefix(PORT_ALIAS): (
            names.get(link.master) if link.up and link.master else None
        )
        for link in found
        if link.alias and link.alias.startswith(PORT_ALIAS)
    }
    return segments, ports


def read_links(place: HostPlace) -> dict[str, dict[str, Any]]:
    """Return the devices of a host: MAC, MTU, whether they are up, all IPv4 addresses."""
    with netlink.socket(namespaces.of_process(place.pid())) as ip:
        found, addresses = links.dump(ip), links.addresses(ip)
    return {
        name: {
            "mac": link.mac,
            "mtu": link.mtu,
            "up": link.up,
            "addresses": [one for one in addresses.get(link.index, ()) if ":" not in one],
        }
        for name, link in found.items()
    }


def read_routes(place: HostPlace) -> dict[str, str]:
    """Return the routes that the lab gave to a host: gateway by destination."""
    with netlink.socket(namespaces.of_process(place.pid())) as ip:
        routes = rtnl.dump(ip, rtnl.GETROUTE, rtmsg, {"family": AF_INET})
    return {
        f"{route.get_attr('RTA_DST') or ANY}/{route['dst_len']}": route.get_attr("RTA_GATEWAY")
        for route in routes
        if route["proto"] == RTPROT_DHCP and route["table"] == MAIN_TABLE
    }


def read_sysctl(place: HostPlace, key: str) -> str | None:
    """Return a sysctl of a host, None where its kernel does not have it."""
    with (
        namespaces.inside(namespaces.of_process(place.pid())),
        contextlib.suppress(FileNotFoundError),
    ):
        return " ".join(_sysctl_file(key).read_text().split())
    return None


def set_sysctl(place: HostPlace, key: str, value: str) -> None:
    """Set a sysctl of a host."""
    try:
        with namespaces.inside(namespaces.of_process(place.pid())):
            _sysctl_file(key).write_text(value)
    except OSError as error:
        raise Failure(
            f"lab_sysctls: {key} cannot be set to {value!r}: {error.strerror}."
        ) from error


def set_sysctls_that_exist(place: HostPlace, values: Mapping[str, str]) -> None:
    """Set each sysctl that the host's kernel has."""
    for key, value in values.items():
        if read_sysctl(place, key) is not None:
            set_sysctl(place, key, value)


def bring_loopback_up(place: HostPlace) -> None:
    """Bring the loopback device up."""
    with netlink.socket(namespaces.of_process(place.pid())) as ip:
        ip.link("set", index=1, state="up")


def create_segment(switch: HostPlace, segment: str) -> None:
    """Make a bridge that forwards from its first moment on, and says nothing by itself."""
    with (
        netlink.socket(namespaces.of_process(switch.pid())) as ip,
        netlink.doing(f"segment {segment}"),
    ):
        ip.link(
            "add",
            ifname=segment,
            kind="bridge",
            br_stp_state=0,
            br_forward_delay=0,
            br_mcast_snooping=0,
        )
        ip.link("set", index=_index(ip, segment), state="up")


def delete_device(place: HostPlace, device: str) -> None:
    """Delete a device; with a port, its other end goes too."""
    with netlink.socket(namespaces.of_process(place.pid())) as ip:
        for index in ip.link_lookup(ifname=device):
            # The other end's namespace may be dying, and be quicker.
            with contextlib.suppress(Failure), netlink.doing(device):
                ip.link("del", index=index)


def create_link(switch: HostPlace, place: HostPlace, link: Link) -> None:
    """Make a veth pair from a host to a segment, in place of one that is there."""
    port = port_name(place.host, link.device)
    delete_device(switch, port)
    delete_device(place, link.device)
    with (
        netlink.socket(namespaces.of_process(switch.pid())) as ip,
        netlink.doing(f"link {link.device} of {place.host}"),
    ):
        ip.link(
            "add",
            ifname=port,
            kind="veth",
            mtu=link.mtu,
            peer={
                "ifname": link.device,
                "net_ns_pid": place.pid(),
                "address": link.mac,
                "mtu": link.mtu,
            },
        )
        ip.link(
            "set",
            index=_index(ip, port),
            master=_index(ip, link.segment),
            ifalias=f"{PORT_ALIAS}{place.host}/{link.device}",
            state="up",
        )
    # No address of its own making: a capture then shows only what somebody meant to send.
    set_sysctls_that_exist(place, {f"net/ipv6/conf/{link.device}/addr_gen_mode": "1"})
    with (
        netlink.socket(namespaces.of_process(place.pid())) as ip,
        netlink.doing(f"address {link.address} of {place.host}"),
    ):
        index = _index(ip, link.device)
        ip.addr(
            "add",
            index=index,
            address=str(link.interface.ip),
            prefixlen=link.interface.network.prefixlen,
        )
        ip.link("set", index=index, state="up")


def set_route(place: HostPlace, route: Route) -> None:
    """Give a host a route."""
    with (
        netlink.socket(namespaces.of_process(place.pid())) as ip,
        netlink.doing(f"route {route.dst} of {place.host}"),
    ):
        ip.route("replace", dst=route.dst, gateway=route.via, proto=RTPROT_DHCP)


def delete_route(place: HostPlace, route: Route) -> None:
    """Take a route from a host."""
    with (
        netlink.socket(namespaces.of_process(place.pid())) as ip,
        netlink.doing(f"no route {route.dst}"),
    ):
        ip.route("del", dst=route.dst, gateway=route.via, proto=RTPROT_DHCP)


def _sysctl_file(key: str) -> Path:
    # As sysctl(8) reads a key: dots separate, unless slashes do (a device's name may hold a dot).
    return Path("/proc/sys") / (key if "/" in key else key.replace(".", "/"))


def _index(ip: Any, device: str) -> int:
    return links.get(ip, device).index
