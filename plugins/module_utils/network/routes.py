# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Routes: a list that converges, each route replaced in one step."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING, Any

from ..engine import devices, routes, values
from ..engine.change import Changes
from ..engine.failure import Failure
from ..engine.lack import Lack
from ..engine.routes import PROTOCOLS, TABLES
from ..names import ROUTE_PROTOCOL, is_our_device
from .confirm import confirmed
from .routes_wanted import OPTIONS, number_of, prefix, wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..engine.devices import Network
    from ..engine.routes import Identity, Route

    #: The routes of each identity in the kernel's order: it uses the first.
    Table = dict[Identity, list[Route]]

#: Types of routes by which a gateway is reached.
DIRECT = ("unicast", "local")


@dataclass(frozen=True)
class Plan:
    """One item of the list: the namespace, the route as wanted, and where the user wrote it."""

    here: Network
    wish: Route
    present: bool
    where: str


def converge(
    items: list[dict[str, Any]],
    netns: str | None,
    *,
    table: str,
    purge: bool,
    keep_devices: list[str],
    force: bool,
    check_mode: bool,
) -> dict[str, Any]:
    """Bring routes into the wanted state.

    :param table: default of each route; the one that ``purge`` looks at beside those of the items.
    :param purge: remove the routes of our protocol number that are not listed.
    :param keep_devices: patterns of names; ``purge`` leaves routes by such devices alone.
    :param force: replace or remove a route of the same identity that has another protocol number.
    """
    with devices.networks(check_mode=check_mode) as network:
        home = network(netns)
        plans = []
        for position, item in enumerate(items):
            where = f"routes[{position}]"
            here = network(item["netns"]) if item["netns"] else home
            wish = wanted(item, where, table)
            _check_devices(here, wish, where)
            plans.append(Plan(here, wish, item["state"] == "present", where))
        keys = [(plan.here.netns, routes.identity(plan.wish)) for plan in plans]
        values.unique(keys, "routes")
        tables = {here: _table(here) for here in {home, *(plan.here for plan in plans)}}
        changes = Changes()
        # First the routes by which the gateways of others are reached; removed, they come last.
        for plan in sorted(plans, key=lambda plan: routes.has_gateway(plan.wish)):
            if plan.present:
                _plan_presence(changes, plan, tables[plan.here], force=force)
        gone = [
            (plan.here, found)
            for plan in plans
            if not plan.present and (found := _own(plan, tables[plan.here], force=force))
        ]
        if purge:
            number = number_of(table, TABLES, "table", 2**32 - 1)
            gone += [
                (here, route)
                for here, route in _unlisted(plans, tables, home, number)
                if not any(fnmatchcase(route["dev"] or "", pattern) for pattern in keep_devices)
            ]
        for here, route in sorted(gone, key=lambda entry: not routes.has_gateway(entry[1])):
            changes.add(_what(here, route), route, None, _remover(here, route))
        changes.apply(check_mode=check_mode)
        if check_mode:
            _look_for_ways(plans, tables)
        with changes.accounted():
            outcome = _outcome(plans, check_mode=check_mode)
        warnings = devices.warnings([home, *(plan.here for plan in plans)])
        return {**changes.result(), **warnings, "routes": outcome}


def gather(
    netns: str | None,
    *,
    table: str | None = None,
    protocol: str | None = None,
    dev: str | None = None,
    dst: str | None = None,
) -> list[Route]:
    """Read the routes of a namespace, less those that a filter leaves out."""
    tests: dict[str, object] = {}
    if table is not None:
        tests["table"] = number_of(table, TABLES, "table", 2**32 - 1)
    if protocol is not None:
        tests["protocol"] = number_of(protocol, PROTOCOLS, "protocol", 255)
    if dst is not None:
        tests["dst"] = str(prefix(dst, None, "dst"))
    with devices.networks(check_mode=False) as network:
        return [
            route
            for route in routes.read(network(netns))
            if all(route[word] == value for word, value in tests.items())
            and (dev is None or dev in [route["dev"], *(hop["dev"] for hop in route["nexthops"])])
        ]


def lacking(here: Network, items: list[dict[str, Any]]) -> list[Lack]:
    """Return what is not there of routes, given as items that need not name every option."""
    table = _table(here)
    found = []
    for position, item in enumerate(items):
        where = f"routes[{position}]"
        wish = wanted(values.with_defaults(item, OPTIONS), where, "main")
        plan = Plan(here, wish, True, where)
        there = table.get(routes.identity(wish), [])
        before = there[0] if there else None
        if before == _resolved(wish, before):
            continue
        has_way = all(hop["dev"] in (None, *here.links) for hop in (wish, *wish["nexthops"]))
        may = has_way and (before is None or _is_ours(plan, before))
        put = partial(_put, plan, there) if may else None
        found.append(Lack(item, routes.name(wish), put))
    return found


def _table(here: Network) -> Table:
    found: Table = {}
    for route in routes.read(here):
        found.setdefault(routes.identity(route), []).append(route)
    return found


def _plan_presence(changes: Changes, plan: Plan, table: Table, *, force: bool) -> None:
    there = table.get(routes.identity(plan.wish), [])
    before = there[0] if there else None
    after = _resolved(plan.wish, before)
    if before != after:
        _own(plan, table, force=force)
    changes.add(_what(plan.here, plan.wish), before, after, lambda: _put(plan, there))


def _put(plan: Plan, there: list[Route]) -> None:
    """Make the wanted route the first of its identity; no packet sees a moment without one."""
    if plan.wish not in there:
        routes.replace(plan.here, plan.wish)
        return
    # The kernel refuses a replacement that is there already, behind what it is to replace.
    for route in there[: there.index(plan.wish)]:
        routes.remove(plan.here, route)


def _own(plan: Plan, table: Table, *, force: bool) -> Route | None:
    """Return the route that is there, None without one; one of somebody else is refused."""
    found = next(iter(table.get(routes.identity(plan.wish), ())), None)
    if found and not force and not _is_ours(plan, found):
        raise Failure(
            f"{plan.where}: the {routes.name(found)} is there with protocol {found['protocol']}, "
            f"not {plan.wish['protocol']}: it belongs to somebody else; force: true takes it over."
        )
    return found


def _is_ours(plan: Plan, found: Route) -> bool:
    """Say whether a route may be replaced or removed: by its protocol, or by its device.

    The route to the subnet of a bridge of ours is made by the kernel, with the kernel's number.
    """
    if found["protocol"] in (ROUTE_PROTOCOL, plan.wish["protocol"]):
        return True
    link = plan.here.links.get(found["dev"] or "")
    return link is not None and is_our_device(link.name, link.alias, link.mac)


def _unlisted(
    plans: list[Plan], tables: dict[Network, Table], home: Network, table: int
) -> list[tuple[Network, Route]]:
    """Find the routes of our protocol number, in the tables of the task, that no item names."""
    listed = {(plan.here, routes.identity(plan.wish)) for plan in plans}
    looked_at = {(plan.here, plan.wish["table"]) for plan in plans} | {(home, table)}
    return [
        (here, route)
        for here in dict.fromkeys([home, *(plan.here for plan in plans)])
        for identity, there in tables[here].items()
        for route in there
        if route["protocol"] == ROUTE_PROTOCOL
        and (here, route["table"]) in looked_at
        and (here, identity) not in listed
    ]


def _remover(here: Network, route: Route) -> Callable[[], None]:
    return lambda: routes.remove(here, route)


def _resolved(wish: Route, before: Route | None) -> Route:
    """What was wished, with the devices that the kernel found for gateways given without one."""
    if before is None:
        return wish
    after = dict(wish)
    if wish["via"] and wish["dev"] is None and wish["via"] == before["via"]:
        after["dev"] = before["dev"]
    if len(wish["nexthops"]) == len(before["nexthops"]):
        after["nexthops"] = [
            {**hop, "dev": hop["dev"] or found["dev"]}
            for hop, found in zip(wish["nexthops"], before["nexthops"])
        ]
    return after


def _outcome(plans: list[Plan], *, check_mode: bool) -> list[Route]:
    """Return the routes as the kernel then has them, in check mode as wanted."""
    tables = {here: _table(here) for here in {plan.here for plan in plans} if not check_mode}
    outcome = []
    for plan in plans:
        shown = plan.wish
        if plan.present and not check_mode:
            found = next(iter(tables[plan.here].get(routes.identity(plan.wish), ())), None)
            took = f"{plan.where}: the kernel took the {routes.name(plan.wish)}"
            shown = confirmed(took, _resolved(plan.wish, found), found)
        state = "present" if plan.present else "absent"
        outcome.append({**shown, "netns": plan.here.netns, "state": state})
    return outcome


def _check_devices(here: Network, wish: Route, where: str) -> None:
    for hop in (wish, *wish["nexthops"]):
        if hop["dev"]:
            here.index(hop["dev"], f"{where}.dev")


def _look_for_ways(plans: list[Plan], tables: Mapping[Network, Table]) -> None:
    """Note, in check mode, gateways and source addresses that the kernel does not reach or have.

    What the addresses and routes of earlier tasks would make of them nobody knows yet.
    """
    ways: dict[tuple[Network, str, str | None], bool] = {}
    listed = [plan for plan in plans if plan.present and not routes.has_gateway(plan.wish)]
    for plan in plans:
        here, wish = plan.here, plan.wish
        there = tables[here].get(routes.identity(wish), [None])[0]
        if not plan.present or here.ip is None or there == _resolved(wish, there):
            continue
        for hop in (wish, *wish["nexthops"]):
            if not hop["via"] or hop["onlink"] or hop["dev"] not in (None, *here.links):
                continue
            gateway = ipaddress.ip_address(hop["via"])
            if any(o.here is here and _leads_to(o.wish, gateway) for o in listed):
                continue
            key = (here, hop["via"], hop["dev"])
            if key not in ways:
                way = routes.way(*key)
                ways[key] = (
                    way is not None and not routes.has_gateway(way) and way["type"] in DIRECT
                )
            if not ways[key]:
                by = f" by {hop['dev']}" if hop["dev"] else ""
                here.lack(f"{plan.where}.via: no route to {gateway}{by} without a gateway")
        source = wish["src"] and routes.way(here, wish["src"], None)
        if wish["src"] and not (source and source["type"] == "local"):
            here.lack(f"{plan.where}.src: no device has the address {wish['src']}")


def _leads_to(route: Route, gateway: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    subnet = ipaddress.ip_network(route["dst"])
    return route["type"] == "unicast" and gateway in subnet


def _what(here: Network, route: Mapping[str, Any]) -> str:
    return routes.name(route) + (f" in netns {here.netns}" if here.netns else "")
