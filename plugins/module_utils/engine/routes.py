# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Routes between the kernel and one canonical form: read all, replace one, remove one.

A route is a plain dict in the words of the module's options. Its identity is the table, the
destination, the TOS and the metric; the kernel replaces a route of the same identity without a
moment in which there is none.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, NamedTuple

from . import netlink, rtnl

try:
    from pyroute2.netlink.exceptions import NetlinkError
    from pyroute2.netlink.rtnl.rtmsg import nh, rtmsg
except ImportError:  # runner.require() has said so before anything here is called
    nh = rtmsg = None
    NetlinkError = OSError
else:
    for _class in (rtmsg, nh):
        rtnl.teach(_class, "RTA_", {30: ("NH_ID", "uint32")})
    rtnl.teach(rtmsg.metrics, "RTAX_", {16: ("CC_ALGO", "asciiz"), 17: ("FASTOPEN", "uint32")})

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .devices import Network

    Route = dict[str, Any]
    Identity = tuple[int, str, int, int]

AF_INET, AF_INET6 = 2, 10
ONLINK, CLONED = 0x4, 0x200
#: Asked for a way, the kernel answers with a route, and not that any device will do.
FIB_MATCH = 0x2000
#: Metric of an IPv6 route that is given without one or with 0.
IPV6_METRIC = 1024

TYPES = {
    1: "unicast",
    2: "local",
    3: "broadcast",
    4: "anycast",
    5: "multicast",
    6: "blackhole",
    7: "unreachable",
    8: "prohibit",
    9: "throw",
}
#: Types that send a packet nowhere: they have no device, whatever the kernel shows for IPv6.
NOWHERE = ("blackhole", "unreachable", "prohibit", "throw")
SCOPES = {0: "global", 200: "site", 253: "link", 254: "host", 255: "nowhere"}
TABLES = {"default": 253, "main": 254, "local": 255}
PROTOCOLS = {"kernel": 2, "boot": 3, "static": 4}
PREFERENCES = {0: "medium", 1: "high", 3: "low"}


class Metric(NamedTuple):
    """A metric that is a number: the kernel's word, and how many of its units are one of ours.

    :param high: what the kernel keeps of a greater number.
    """

    word: str
    number: int
    unit: int = 1
    high: int = 2**32 - 1


#: ``number`` is the metric's bit in RTAX_LOCK.
METRICS = {
    "mtu": Metric("RTAX_MTU", 2, high=65520),
    "window": Metric("RTAX_WINDOW", 3),
    "rtt": Metric("RTAX_RTT", 4, unit=8),
    "rttvar": Metric("RTAX_RTTVAR", 5, unit=4),
    "ssthresh": Metric("RTAX_SSTHRESH", 6),
    "cwnd": Metric("RTAX_CWND", 7),
    "advmss": Metric("RTAX_ADVMSS", 8, high=65495),
    "reordering": Metric("RTAX_REORDERING", 9),
    "hoplimit": Metric("RTAX_HOPLIMIT", 10, high=255),
    "initcwnd": Metric("RTAX_INITCWND", 11),
    "rto_min": Metric("RTAX_RTO_MIN", 13),
    "initrwnd": Metric("RTAX_INITRWND", 14),
}
FLAGS = {"quickack": "RTAX_QUICKACK", "fastopen_no_cookie": "RTAX_FASTOPEN"}
ECN = 1


def read(here: Network) -> list[Route]:
    """Read all routes of a namespace in the canonical form."""
    if here.ip is None:
        return []
    found = []
    for family in (AF_INET, AF_INET6):
        for entry in rtnl.dump(here.ip, rtnl.GETROUTE, rtmsg, {"family": family}):
            if not entry["flags"] & CLONED:
                found.append(_decode(here, entry))
    return found


def read_hosts(here: Network) -> dict[str, Route]:
    """Read the routes to one IPv4 address each, of the main table: destination → route.

    Those with a metric or a TOS are not among them.
    """
    found = (
        _decode(here, entry)
        for entry in rtnl.dump(here.ip, rtnl.GETROUTE, rtmsg, {"family": AF_INET})
        if entry["dst_len"] == 32 and entry["table"] == TABLES["main"]
    )
    return {route["dst"]: route for route in found if not route["metric"] and not route["tos"]}


def to_host(dst: str, *, dev: str = "", protocol: int = 0, src: str | None = None) -> Route:
    """Return the canonical route to one IPv4 address that a device reaches directly."""
    route: Route = dict.fromkeys(("via", "pref", "congctl", *METRICS))
    route |= dict.fromkeys(("onlink", "ecn", *FLAGS), False)
    route |= {"dst": dst, "dev": dev, "protocol": protocol, "src": src, "nexthops": [], "lock": []}
    return {**route, "type": "unicast", "table": 254, "scope": "link", "tos": 0, "metric": 0}


def identity(route: Mapping[str, Any]) -> Identity:
    """What makes a route this one and no other."""
    return route["table"], route["dst"], route["tos"], route["metric"]


def replace(here: Network, route: Route) -> None:
    """Put a route in the place of the one of its identity, or add it, in one request."""
    with netlink.doing(f"the {name(route)}"):
        request = _encode(here, route)
        rtnl.request(here.ip, rtnl.NEWROUTE, request, rtnl.CREATE | rtnl.REPLACE)


def remove(here: Network, route: Route) -> None:
    """Remove a route that was read."""
    with netlink.doing(f"the removal of the {name(route)}"):
        rtnl.request(here.ip, rtnl.DELROUTE, _encode(here, {**route, "pref": None}))


def way(here: Network, address: str, dev: str | None) -> Route | None:
    """Ask the kernel for the route to an address by a device, or by any; None without one."""
    found = ipaddress.ip_address(address)
    fields = {
        "family": AF_INET if found.version == 4 else AF_INET6,
        "dst_len": found.max_prefixlen,
        "flags": FIB_MATCH,
    }
    attributes: list[tuple[str, object]] = [("RTA_DST", address)]
    if dev:
        attributes.append(("RTA_OIF", here.index(dev, address)))
    try:
        answer = rtnl.request(here.ip, rtnl.GETROUTE, rtnl.message(rtmsg, fields, attributes))
    except NetlinkError:
        return None
    return _decode(here, answer[0])


def name(route: Mapping[str, Any]) -> str:
    """Name a route by its identity, as a person would."""
    words = [f"route {route['dst']}"]
    if route["table"] != TABLES["main"]:
        words.append(f"table {route['table']}")
    if route["metric"] not in (0, IPV6_METRIC):
        words.append(f"metric {route['metric']}")
    if route["tos"]:
        words.append(f"tos {route['tos']}")
    return " ".join(words)


def has_gateway(route: Mapping[str, Any]) -> bool:
    """Say whether the route needs another one, by which its gateway is reached."""
    return bool(route["via"]) or any(hop["via"] for hop in route["nexthops"])


def _decode(here: Network, entry: Any) -> Route:
    v6 = entry["family"] == AF_INET6
    any_address = "::" if v6 else "0.0.0.0"  # noqa: S104 - a destination, nothing is bound to it
    dst = f"{_canonical(entry.get_attr('RTA_DST') or any_address)}/{entry['dst_len']}"
    kind = TYPES.get(entry["type"], str(entry["type"]))
    metrics = entry.get_attr("RTA_METRICS")
    numbers = {slot[0]: slot[1] for slot in metrics["attrs"]} if metrics else {}
    lock = numbers.get("RTAX_LOCK", 0)
    hops = entry.get_attr("RTA_MULTIPATH") or []
    route = {
        "dst": dst,
        "type": kind,
        "table": entry.get_attr("RTA_TABLE") or entry["table"],
        "tos": entry["tos"],
        "metric": entry.get_attr("RTA_PRIORITY") or 0,
        "protocol": entry["proto"],
        **_hop(here, entry, entry.get_attr("RTA_OIF")),
        "src": _canonical(entry.get_attr("RTA_PREFSRC")),
        "pref": PREFERENCES.get(entry.get_attr("RTA_PREF")) if v6 else None,
        **{
            word: numbers[metric.word] // metric.unit if numbers.get(metric.word) else None
            for word, metric in METRICS.items()
        },
        "congctl": numbers.get("RTAX_CC_ALGO"),
        **{word: bool(numbers.get(kernel_word)) for word, kernel_word in FLAGS.items()},
        "ecn": bool(numbers.get("RTAX_FEATURES", 0) & ECN),
        "lock": sorted(word for word, metric in METRICS.items() if lock >> metric.number & 1),
        "nexthops": [{**_hop(here, hop, hop["oif"]), "weight": hop["hops"] + 1} for hop in hops],
        "scope": SCOPES.get(entry["scope"], str(entry["scope"])),
    }
    if kind in NOWHERE:
        route["dev"] = None
    for word, kernel_word in (("nexthop_id", "RTA_NH_ID"), ("encap_type", "RTA_ENCAP_TYPE")):
        if entry.get_attr(kernel_word):
            route[word] = entry.get_attr(kernel_word)
    return route


def _hop(here: Network, entry: Any, index: int | None) -> dict[str, Any]:
    via = entry.get_attr("RTA_GATEWAY")
    other = entry.get_attr("RTA_VIA")
    return {
        "via": _canonical(other["addr"] if other and via is None else via),
        "dev": here.device_names.get(index or 0),
        "onlink": bool(entry["flags"] & ONLINK),
    }


def _encode(here: Network, route: Route) -> Any:
    destination = ipaddress.ip_network(route["dst"])
    v6 = destination.version == 6
    attributes: list[tuple[str, object]] = [("RTA_TABLE", route["table"])]
    if destination.prefixlen:
        attributes.append(("RTA_DST", str(destination.network_address)))
    if route["metric"]:
        attributes.append(("RTA_PRIORITY", route["metric"]))
    attributes += _hop_attributes(route, v6=v6)
    if route["dev"]:
        attributes.append(("RTA_OIF", here.index(route["dev"], route["dst"])))
    if route["src"]:
        attributes.append(("RTA_PREFSRC", route["src"]))
    if route["pref"]:
        number = next(number for number, word in PREFERENCES.items() if word == route["pref"])
        attributes.append(("RTA_PREF", number))
    metrics = list(_metrics(route))
    if metrics:
        attributes.append(("RTA_METRICS", {"attrs": metrics}))
    if route["nexthops"]:
        hops = [
            {
                "flags": ONLINK if hop["onlink"] else 0,
                "hops": hop["weight"] - 1,
                "oif": here.index(hop["dev"], route["dst"]) if hop["dev"] else 0,
                "attrs": _hop_attributes(hop, v6=v6),
            }
            for hop in route["nexthops"]
        ]
        attributes.append(("RTA_MULTIPATH", hops))
    fields = {
        "family": AF_INET6 if v6 else AF_INET,
        "dst_len": destination.prefixlen,
        "tos": route["tos"],
        # A number above 255 stands in RTA_TABLE alone.
        "table": route["table"] if route["table"] < 256 else 0,
        "proto": route["protocol"],
        "scope": _number(SCOPES, route["scope"]),
        "type": _number(TYPES, route["type"]),
        "flags": ONLINK if route["onlink"] else 0,
    }
    return rtnl.message(rtmsg, fields, attributes)


def _hop_attributes(hop: Mapping[str, Any], *, v6: bool) -> list[tuple[str, object]]:
    if not hop["via"]:
        return []
    if (ipaddress.ip_address(hop["via"]).version == 6) is v6:
        return [("RTA_GATEWAY", hop["via"])]
    return [("RTA_VIA", {"family": AF_INET if v6 else AF_INET6, "addr": hop["via"]})]


def _metrics(route: Route) -> Iterable[tuple[str, object]]:
    for word, metric in METRICS.items():
        if route[word] is not None:
            yield metric.word, route[word] * metric.unit
    for word, kernel_word in FLAGS.items():
        if route[word]:
            yield kernel_word, 1
    if route["ecn"]:
        yield "RTAX_FEATURES", ECN
    if route["congctl"]:
        yield "RTAX_CC_ALGO", route["congctl"]
    if route["lock"]:
        yield "RTAX_LOCK", sum(1 << METRICS[word].number for word in route["lock"])


def _canonical(value: str | None) -> str | None:
    return None if value is None else str(ipaddress.ip_address(value))


def _number(words: Mapping[int, str], word: str) -> int:
    known = {word: number for number, word in words.items()}
    return known[word] if word in known else int(word)
