# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How packets find an endpoint's host-side device: what differs between the datapaths.

A live endpoint goes from one datapath to another without a moment in which no packet reaches it:
:func:`prepare` gives the device what can stand beside the old datapath, then the pod's address and
the program change, and :func:`settle` ends the old one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import names
from ..engine import links, routes
from ..engine.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..engine.routes import Route
    from .held import Held
    from .wanted import Endpoint, Node

FORWARDING, REDIRECTS, PROXY_DELAY, PROXY_ARP = (
    "conf/{}/forwarding",
    "conf/{}/accept_redirects",
    "neigh/{}/proxy_delay",
    "conf/{}/proxy_arp",
)


@dataclass(frozen=True)
class Datapath:
    """What a host-side device has in one datapath, beside its program.

    :param port: it is a port of the bridge, and its own frames may come back to it.
    :param route: a route to the pod's address leads to it.
    :param settings: below ``/proc/sys/net/ipv4``, in the order in which they are made; what only
        another datapath names goes back to the node's default.
    """

    settings: Mapping[str, str]
    port: bool = False
    route: bool = False


DATAPATHS = {
    "ebpf": Datapath(settings={PROXY_ARP: "0"}),
    "bridge": Datapath(settings={PROXY_ARP: "0"}, port=True),
    # proxy_arp is the last, and tells of the others: a run that is killed leaves it as it was.
    "routed": Datapath(
        settings={FORWARDING: "1", REDIRECTS: "0", PROXY_DELAY: "0", PROXY_ARP: "1"}, route=True
    ),
}


def check_bridge(node: Node, held: Held, *, check_mode: bool) -> None:
    """Refuse a bridge that is missing or somebody else's.

    :raises Failure: before anything is changed; in check mode the bridge may be yet to come.
    """
    datapath = DATAPATHS[node.datapath]
    bridge = held.links.get(node.bridge)
    if datapath.port and not (check_mode and bridge is None):
        alias = names.alias("bridge", node.bridge)
        if bridge is None or bridge.kind != "bridge" or bridge.alias != alias:
            what = (
                "does not exist"
                if bridge is None
                else f"has not the alias {alias!r}, so is not ours"
            )
            raise Failure(
                f"endpoints: bridge {node.bridge!r} {what}; the datapath {node.datapath!r} needs a "
                f"bridge with that alias, which the roles make before the endpoints."
            )


def check_route(endpoint: Endpoint, node: Node, held: Held) -> None:
    """Refuse a route to a pod's address that is somebody else's.

    :raises Failure: before anything of this endpoint is changed.
    """
    route = held.routes.get(endpoint.destination)
    if DATAPATHS[node.datapath].route and route and not _is_ours(route, held):
        raise Failure(
            f"the {routes.name(route)} to {endpoint.name!r} is there by device {route['dev']!r}, "
            f"with protocol {route['protocol']}, and not ours; remove it, or give the endpoint "
            f"another address."
        )


def actual(endpoint: Endpoint, node: Node, link: links.Link | None, held: Held) -> dict[str, Any]:
    """State of the attachment as found: words of a diff."""
    if link is None:
        return {"port": None, "routes": [], "settings": None}
    found = {name: _read(name, link.name) for name in DATAPATHS[node.datapath].settings}
    return {
        "port": _port(link, held),
        "routes": [_shown(route) for route in _routes(endpoint, held)],
        "settings": {name.rpartition("/")[2]: value for name, value in found.items()},
    }


def wanted(endpoint: Endpoint, node: Node) -> dict[str, Any]:
    """State of the attachment as it shall be, in the same words."""
    datapath = DATAPATHS[node.datapath]
    return {
        "port": {"bridge": node.bridge, "hairpin": True} if datapath.port else None,
        "routes": [_shown(_route(endpoint, node))] if datapath.route else [],
        "settings": {name.rpartition("/")[2]: value for name, value in datapath.settings.items()},
    }


def carries(datapath: str, device: str, address: str, held: Held) -> bool:
    """Say whether a device has what packets need to reach it in a datapath."""
    shape, link, route = DATAPATHS[datapath], held.links[device], held.routes.get(f"{address}/32")
    return (
        (not shape.port or link.master is not None)
        and (not shape.route or (route is not None and route["dev"] == device))
        and all(_read(name, device) == value for name, value in shape.settings.items())
    )


def prepare(node: Node, link: links.Link, held: Held) -> None:
    """Make a device a port, and give it its settings, where its datapath asks for it."""
    datapath = DATAPATHS[node.datapath]
    if datapath.port:
        bridge = held.links[node.bridge].index
        if link.master != bridge:
            links.set_(held.ip, link.index, master=bridge)
        if link.master != bridge or not link.hairpin:
            links.set_hairpin(held.ip, link.index, on=True)
    if datapath.route:
        _write(link.name, datapath.settings)


def settle(endpoint: Endpoint, node: Node, link: links.Link, held: Held) -> None:
    """Bring the route, for which the device is up, and take away what other datapaths gave.

    It is no port any more before the route leads there: what a port receives, an answer to ARP,
    is the bridge's.
    """
    datapath = DATAPATHS[node.datapath]
    if link.master and not datapath.port:
        links.set_(held.ip, link.index, master=0)
    if datapath.route:
        held.routes[endpoint.destination] = _route(endpoint, node)
        routes.replace(held.network, held.routes[endpoint.destination])
    for route in list(_routes(endpoint, held)):
        if not (datapath.route and route["dst"] == endpoint.destination):
            routes.remove(held.network, held.routes.pop(route["dst"]))
    if any(_read(name, link.name) != value for name, value in datapath.settings.items()):
        others = {name for other in DATAPATHS.values() for name in other.settings}
        left = sorted(others - set(datapath.settings))
        _write(link.name, {name: _default(name) for name in left})
        _write(link.name, datapath.settings)


def forget_routes(device: str, held: Held) -> None:
    """Know no routes by a device any more: they have gone with it."""
    for dst in [dst for dst, route in held.routes.items() if route["dev"] == device]:
        del held.routes[dst]


def _port(link: links.Link, held: Held) -> dict[str, Any] | None:
    if link.master is None:
        return None
    bridge = held.network.device_names.get(link.master, str(link.master))
    return {"bridge": bridge, "hairpin": link.hairpin}


def _routes(endpoint: Endpoint, held: Held) -> Iterator[Route]:
    """Routes by an endpoint's device that are ours, and the one to the pod whoever made it."""
    for route in held.routes.values():
        ours = route["protocol"] == names.ROUTE_PROTOCOL or route["dst"] == endpoint.destination
        if ours and route["dev"] == endpoint.device:
            yield route


def _route(endpoint: Endpoint, node: Node) -> Route:
    return routes.to_host(
        endpoint.destination,
        dev=endpoint.device,
        protocol=names.ROUTE_PROTOCOL,
        src=node.route_src,
    )


def _is_ours(route: Route, held: Held) -> bool:
    link = held.links.get(route["dev"])
    by_ours = link is not None and names.is_our_device(link.name, link.alias, link.mac)
    return by_ours or route["protocol"] == names.ROUTE_PROTOCOL


def _shown(route: Route) -> str:
    """Say a route in a line: its destination, and what is not as every route of ours has it."""
    usual = routes.to_host(route["dst"], dev=route["dev"], protocol=names.ROUTE_PROTOCOL)
    words = [f"{word} {value}" for word, value in route.items() if value != usual.get(word)]
    return " ".join([route["dst"], *words])


def _path(name: str, device: str) -> Path:
    return Path("/proc/sys/net/ipv4") / name.format(device)


def _read(name: str, device: str) -> str:
    return _path(name, device).read_text().strip()


def _default(name: str) -> str:
    # Only the first namespace of a host has neigh/default; every one has what that says at lo.
    return _read(name, "default" if name.startswith("conf") else "lo")


def _write(device: str, settings: Mapping[str, str]) -> None:
    for name, value in settings.items():
        _path(name, device).write_text(value + "\n")
