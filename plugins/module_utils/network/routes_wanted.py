# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Routes as a task asks for them: checked, with numbers in place of words."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from ..engine import iproute2, routes, values
from ..engine.failure import Failure
from ..engine.routes import FLAGS, METRICS, NOWHERE, PREFERENCES, PROTOCOLS, SCOPES, TABLES, TYPES
from ..names import ROUTE_PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..engine.routes import Route

HOP_OPTIONS: dict[str, dict[str, Any]] = {
    "via": {"type": "str"},
    "dev": {"type": "str"},
    "weight": {"type": "int", "default": 1},
    "onlink": {"type": "bool", "default": False},
}

OPTIONS: dict[str, dict[str, Any]] = {
    "dst": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "netns": {"type": "str"},
    "via": {"type": "str"},
    "dev": {"type": "str"},
    "onlink": {"type": "bool", "default": False},
    "src": {"type": "str"},
    "type": {"type": "str", "choices": list(TYPES.values()), "default": "unicast"},
    "scope": {"type": "str"},
    "table": {"type": "str"},
    "metric": {"type": "int"},
    "tos": {"type": "int", "default": 0},
    "protocol": {"type": "str"},
    "family": {"type": "str", "choices": ["ipv4", "ipv6"]},
    "pref": {"type": "str", "choices": list(PREFERENCES.values())},
    **{word: {"type": "int"} for word in METRICS},
    **{word: {"type": "bool"} for word in FLAGS},
    "ecn": {"type": "bool"},
    "congctl": {"type": "str"},
    "lock": {"type": "list", "elements": "str", "choices": list(METRICS)},
    "nexthops": {"type": "list", "elements": "dict", "options": HOP_OPTIONS},
}

#: Bits of the TOS that are ECN's.
ECN_BITS = 3
#: Scope of what is on a link, and the greatest that a route may have.
SCOPE_LINK, SCOPE_MAX = 253, 254


def wanted(item: Mapping[str, Any], where: str, table: str) -> Route:
    """Check a route that a user wrote and return it in the canonical form.

    An option that is empty counts as one that is not given, and a single next hop is what ``via``
    and ``dev`` say.
    """
    item = {word: None if value == "" else value for word, value in item.items()}
    gateways = [item.get("via"), *(hop.get("via") for hop in item.get("nexthops") or [])]
    hint = item.get("family") or next((gateway for gateway in gateways if gateway), None)
    dst = prefix(item["dst"] or "", hint, f"{where}.dst")
    v6 = dst.version == 6
    if item.get("family") not in (None, f"ipv{dst.version}"):
        raise Failure(f"{where}.family: {dst} is not of {item['family']}.")
    if v6 and item["tos"]:
        raise Failure(f"{where}.tos: {item['tos']} of {dst}: routes of IPv6 have no TOS.")
    if item["tos"] & ECN_BITS:
        raise Failure(
            f"{where}.tos: {item['tos']} has bits that belong to ECN; "
            f"{item['tos'] & ~ECN_BITS} is valid."
        )
    kind = item["type"]
    default_table = "local" if kind in ("local", "broadcast", "anycast") else table
    default_metric = routes.IPV6_METRIC if v6 else 0
    metric = item.get("metric")
    route: Route = {
        "dst": str(dst),
        "type": kind,
        "table": number_of(item.get("table") or default_table, TABLES, f"{where}.table", 2**32 - 1),
        "tos": values.number(item["tos"], f"{where}.tos", 0, 255),
        "metric": default_metric if metric is None or (v6 and metric == 0) else metric,
        "protocol": number_of(
            item.get("protocol") or str(ROUTE_PROTOCOL), PROTOCOLS, f"{where}.protocol", 255
        ),
        "dev": item.get("dev"),
        "via": _address(item.get("via"), f"{where}.via"),
        "onlink": item["onlink"],
        "src": _address(item.get("src"), f"{where}.src"),
        "pref": item.get("pref") or ("medium" if v6 else None),
        **{word: item.get(word) for word in (*METRICS, "congctl")},
        # The kernel does not tell a flag that is off from one that was never set.
        **{word: bool(item.get(word)) for word in (*FLAGS, "ecn")},
        "lock": sorted(set(item.get("lock") or [])),
        "nexthops": [
            {
                "via": _address(hop.get("via") or None, f"{where}.nexthops[{position}].via"),
                "dev": hop.get("dev") or None,
                "weight": values.number(
                    hop["weight"], f"{where}.nexthops[{position}].weight", 1, 256
                ),
                "onlink": hop["onlink"],
            }
            for position, hop in enumerate(item.get("nexthops") or [])
        ],
    }
    values.number(route["metric"], f"{where}.metric", 0, 2**32 - 1)
    for word in METRICS:
        if route[word] is not None:
            high = METRICS[word].high // METRICS[word].unit
            values.number(route[word], f"{where}.{word}", 1, high)
    route["scope"] = _scope(item.get("scope"), route, v6=v6, where=where)
    if item["state"] == "present":
        _check_together(route, dst.version, where)
    if len(route["nexthops"]) == 1:  # as the kernel has it
        (only,) = route["nexthops"]
        route.update({word: only[word] for word in ("via", "dev", "onlink")}, nexthops=[])
        route["scope"] = _scope(item.get("scope"), route, v6=v6, where=where)
    return route


def number_of(value: str, words: Mapping[str, int], where: str, high: int) -> int:
    """Number of a table or protocol that is given as a number or as a word, ours or iproute2's."""
    if value in words:
        return words[value]
    number = values.integer(value)
    if number is None:
        named = iproute2.names("rt_tables" if words is TABLES else "rt_protos")
        if value not in named:
            known = ", ".join(sorted({*words, *named}))
            raise Failure(f"{where}: {value!r} is neither a number nor one of {known}.")
        number = named[value]
    return values.number(number, where, 1, high)


def _check_together(route: Route, version: int, where: str) -> None:
    hops = [hop for hop in (route, *route["nexthops"]) if hop["via"] or hop["dev"]]
    if route["pref"] and version == 4:
        raise Failure(f"{where}.pref: {route['pref']!r}: routes of IPv4 have no preference.")
    if route["type"] in NOWHERE:
        if hops:
            raise Failure(f"{where}: a route of type {route['type']} has neither via nor dev.")
        return
    if route["nexthops"] and (route["via"] or route["dev"]):
        raise Failure(f"{where}: give either via and dev, or nexthops.")
    if not hops:
        raise Failure(f"{where}: the route {route['dst']} needs via, dev or nexthops.")
    _check_hops(hops, version, where)
    if route["src"] and ipaddress.ip_address(route["src"]).version != version:
        raise Failure(f"{where}.src: {route['src']!r} is not of the family of {route['dst']}.")


def _check_hops(hops: list[dict[str, Any]], version: int, where: str) -> None:
    for hop in hops:
        if hop["onlink"] and not (hop["dev"] and hop["via"]):
            raise Failure(
                f"{where}: onlink needs dev, the device on whose link the gateway in via is."
            )
        gateway = ipaddress.ip_address(hop["via"]) if hop["via"] else None
        if gateway and gateway.is_unspecified:
            raise Failure(f"{where}.via: {hop['via']!r} is no gateway; without one give dev alone.")
        if gateway and gateway.version == 6 and gateway.is_link_local and not hop["dev"]:
            raise Failure(f"{where}.via: {hop['via']!r} is of one link: give its device in dev.")
        if gateway and version == 6 and gateway.version == 4:
            raise Failure(f"{where}.via: {hop['via']!r} is IPv4, and the route is IPv6.")
    if version == 6 and len(hops) > 1:
        for position, hop in enumerate(hops):
            if not hop["via"]:
                raise Failure(
                    f"{where}.nexthops[{position}]: of several next hops of IPv6 each needs via."
                )
        values.unique([(hop["via"], hop["dev"]) for hop in hops], f"{where}.nexthops")


def _scope(value: str | None, route: Route, *, v6: bool, where: str) -> str:
    if value is not None:
        number = next((number for number, word in SCOPES.items() if word == value), None)
        number = values.integer(value) if number is None else number
        if number is None or number > SCOPE_MAX:
            raise Failure(
                f"{where}.scope: {value!r} is neither a number up to {SCOPE_MAX} nor one of "
                f"{', '.join(SCOPES[known] for known in SCOPES if known <= SCOPE_MAX)}."
            )
        if v6 and number:
            raise Failure(f"{where}.scope: {value!r}: routes of IPv6 have the scope global alone.")
        if number >= SCOPE_LINK and routes.has_gateway(route):
            raise Failure(
                f"{where}.scope: {value!r} holds no gateway; with via it is global or site."
            )
        return SCOPES.get(number, str(number))
    if v6:
        return "global"
    if route["type"] == "local":
        return "host"
    if route["type"] in ("broadcast", "multicast", "anycast"):
        return "link"
    direct = route["type"] == "unicast" and not routes.has_gateway(route)
    return "link" if direct else "global"


def prefix(
    value: str, hint: str | None, where: str
) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """Read a destination; ``hint`` is what says of which family ``default`` is."""
    if value == "default":
        return ipaddress.ip_network(
            "::/0" if hint == "ipv6" or ":" in (hint or "") else "0.0.0.0/0"
        )
    try:
        return ipaddress.ip_network(value)
    except ValueError:
        pass
    try:
        proper = ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise Failure(
            f"{where}: {value!r} is neither default nor a destination such as 10.0.0.0/24."
        ) from None
    raise Failure(f"{where}: {value!r} has bits behind its prefix; {proper} is valid.")


def _address(value: str | None, where: str) -> str | None:
    return None if value is None else values.address(value, where)
