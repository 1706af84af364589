# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From the table of scenarios and a node's part of the plan to what the node asks: plain data."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import items
from .scenarios import BOTH, EGRESS, HERE, OWN, PEERS, Row, Scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Action = dict[str, Any]

#: Of headers: IPv4 with ICMP or UDP.
_HEADERS = 28


@dataclass(frozen=True)
class Outside:
    """A host outside of the pod network that the test may use."""

    name: str
    address: str


@dataclass(frozen=True)
class Facts:
    """What the actions of a node follow from.

    :param node: its part of the plan.
    :param peers: parts of the nodes that it asks.
    :param services: those of the test, by name, as the plan has them.
    """

    node: Mapping[str, Any]
    peers: Sequence[Mapping[str, Any]]
    services: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    outside: Outside | None = None


def _masquerades(facts: Facts) -> bool:
    """Say whether pods reach the host outside by an address of their node."""
    masquerade, outside = facts.node["masquerade"], facts.outside
    return bool(
        masquerade
        and outside
        and not any(_inside(outside.address, one["cidr"]) for one in masquerade["prefixes"])
    )


def _inside(address: str, cidr: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(cidr)


def _is_routed(facts: Facts) -> bool:
    native = facts.node["native_routing_cidr"]
    return bool(native and facts.outside and _inside(facts.outside.address, native))


#: What a scenario may need: whether it is there, and why it is skipped where it is not.
NEEDS: dict[str, tuple[Callable[[Facts], bool], str]] = {
    "peers": (lambda facts: bool(facts.peers), "there is no second node in this run"),
    "services": (
        lambda facts: bool(facts.services),
        "the nodes balance no service yet: podnet_services is empty, or site has not brought it",
    ),
    "policies": (
        lambda facts: judges(facts.node),
        "a node judges no pod yet: no policy of podnet_network_policies selects one of its pods",
    ),
    "outside": (
        lambda facts: facts.outside is not None,
        "podnet_outside_host names no host outside that can be used",
    ),
    "masqueraded": (_masquerades, "pods keep their addresses towards that host"),
    "unmasqueraded": (
        lambda facts: not _masquerades(facts),
        "pods are masqueraded towards that host",
    ),
    "routed_outside": (
        _is_routed,
        "the host outside is not in podnet_native_routing_cidr, so nothing routes pods' addresses",
    ),
}


def judges(node: Mapping[str, Any]) -> bool:
    """Say whether a node judges pods by policies, less those of the test."""
    isolated = [
        one for one in node["endpoints"] if one["isolated"] and not items.is_own(one["name"])
    ]
    return bool(node["holds_policies"] and isolated)


def skipped(scenario: Scenario, facts: Facts) -> str:
    """Return why a node has nothing to do for a scenario; empty: it has."""
    for need in scenario.needs:
        there, reason = NEEDS[need]
        if not there(facts):
            return reason
    if not facts.peers and all(row.where == PEERS for row in scenario.rows):
        return NEEDS["peers"][1]
    return ""


def actions(scenario: Scenario, facts: Facts, *, outside: bool = False) -> list[Action]:
    """Return what a node does for a scenario, or the host outside for all nodes of ``facts``."""
    rows = [row for row in scenario.rows if (row.source == "outside") == outside]
    return [action for row in rows for action in _actions(scenario.name, row, facts)]


def _actions(name: str, row: Row, facts: Facts) -> Iterator[Action]:
    source = _source(row.source, facts)
    for place in _places(row, facts):
        target = _target(row, place, facts)
        if target is None:
            continue
        size = {"mtu": facts.node["mtu"] - _HEADERS, "over": facts.node["mtu"] - _HEADERS + 1}
        action = {
            **source,
            **target,
            "scenario": name,
            "probe": row.probe,
            "port": target.get("port", row.port),
            "expects": row.expects,
            "size": size.get(row.size, 0) if isinstance(row.size, str) else row.size,
            "fragment": not isinstance(row.size, str),
            "sees": _seen(row, source, facts),
        }
        if row.probe == "wire":
            action |= _on_the_wire(place, facts)
        yield action


def _places(row: Row, facts: Facts) -> list[Mapping[str, Any]]:
    here = [facts.node] if row.where in (HERE, BOTH) else []
    return [*here, *facts.peers] if row.where in (PEERS, BOTH) else here


def pod(role: str, node: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the test's pod of a role on a node, as the plan has it."""
    found = (one for one in node["endpoints"] if items.role_of(one) == role)
    return next(found, None)


def _source(role: str, facts: Facts) -> Action:
    if role == "outside" and facts.outside:
        return {"source": facts.outside.name, "netns": None, "own": facts.outside.address}
    found = pod(role, facts.node)
    if found is None:  # the node itself
        return {"source": facts.node["name"], "netns": None, "own": facts.node["node_ip"]}
    return {"source": _short(found["name"]), "netns": found["name"], "own": found["ip"]}


def _short(endpoint: str) -> str:
    """Name of a pod of the test without its namespace."""
    return endpoint.rpartition("_")[2]


def _target(row: Row, place: Mapping[str, Any], facts: Facts) -> Action | None:
    """Return name, address, and who may answer; None: there is none."""
    if row.target == "host":
        return {"target": place["name"], "address": place["node_ip"], "by": [place["name"]]}
    if row.target == "outside" and facts.outside:
        guest = facts.outside
        return {"target": guest.name, "address": guest.address, "by": [guest.name]}
    if row.target in ("own", "echo", "node_port"):
        return _service(row, place, facts)
    one = pod(row.target, place)
    if one is None or (row.target in items.OF_POLICIES and not judges(place)):
        return None
    return {"target": _short(one["name"]), "address": one["ip"], "by": [one["name"]]}


def _service(row: Row, place: Mapping[str, Any], facts: Facts) -> Action | None:
    """Return a service as a target: that of the own server alone, or that of all."""
    server = pod("server", facts.node)
    number = server["labels"][items.NODE] if server else ""
    own = row.target == "own"
    service = facts.services.get(items.service_of(number) if own else items.ECHO)
    if service is None:
        return None
    if row.target == "node_port":
        if not place["balances"]:
            return None
        ports = {one["protocol"].lower(): one["node_port"] for one in service["ports"]}
        target = {"target": f"node port of {place['name']}", "address": place["node_ip"]}
        return {**target, "port": ports[row.probe], "by": None}
    by = [server["name"]] if own and server else None
    return {"target": service["name"], "address": service["cluster_ip"], "by": by}


def _seen(row: Row, source: Action, facts: Facts) -> list[str] | None:
    """Return the addresses by one of which the receiver is to see who asked; None: by any."""
    if row.sees == OWN:
        return [source["own"]]
    if row.sees == EGRESS:
        return [one["ip"] for one in facts.node["masquerade"]["devices"]]
    return None


def _on_the_wire(peer: Mapping[str, Any], facts: Facts) -> Action:
    """Return where packets to a peer's pods are to be seen, and in which form."""
    (route,) = [one["route"] for one in facts.node["peers"] if one["name"] == peer["name"]]
    tunnel = facts.node["vxlan"] if route == "tunnel" else None
    return {
        "device": tunnel["device"] if tunnel else facts.node["device"],
        "tunnel": tunnel["port"] if tunnel else None,
    }
