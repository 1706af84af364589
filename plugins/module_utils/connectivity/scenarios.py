# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The scenarios of the connectivity test: a table of who asks whom for what, and what is seen.

From the table and the plan follow the actions of each node, plain data that :mod:`probes` takes.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from ..engine.failure import Failure
from . import items

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    Action = dict[str, Any]

#: What an action is to see.
ANSWER, NOTHING = "answer", "nothing"
#: Where a target is: on the node of who asks, or on the others.
HERE, PEERS, BOTH = "here", "peers", "both"
#: As whom the receiver sees who asked: by its own address, by one of its node, or by whichever.
OWN, EGRESS, ANY = "own", "egress", None
#: So many other nodes are asked from each node, those that follow it in the order of the inventory.
PEERS_ASKED = 2
#: Bytes that a TCP connection is to carry: many segments, put together by every offload there is.
BULK = 300_000
#: Of headers: IPv4 with ICMP or UDP.
_HEADERS = 28


class Row(NamedTuple):
    """Who asks whom for what.

    :param source: a role of the test's pods, ``host`` or ``outside``.
    :param target: the same, ``echo`` or ``own`` for the services, ``node_port``.
    :param where: HERE, PEERS or BOTH.
    :param probe: a key of ``probes.PROBES``.
    :param port: of the target.
    :param expects: ANSWER or NOTHING.
    :param size: bytes of payload; ``mtu`` and ``over`` stand for the largest packet, and one more.
    :param sees: OWN, EGRESS or ANY.
    """

    source: str
    target: str
    where: str
    probe: str
    port: int = items.PORT
    expects: str = ANSWER
    size: int | str = 0
    sees: str | None = ANY


class Scenario(NamedTuple):
    """One scenario.

    :param group: its actions run with those of the other scenarios of the group, at once.
    :param needs: keys of :data:`NEEDS`.
    """

    name: str
    group: str
    rows: tuple[Row, ...]
    needs: tuple[str, ...] = ()


def _each(probes: Iterable[str], *row: Any, **words: Any) -> tuple[Row, ...]:
    """Return a row for each probe."""
    source, target, where, *rest = row
    return tuple(Row(source, target, where, probe, *rest, **words) for probe in probes)


_BOTH = ("tcp", "udp")
_EVERY = (*_BOTH, "icmp")
_DENIED: dict[str, Any] = {"expects": NOTHING}

SCENARIOS: tuple[Scenario, ...] = (
    Scenario("pod-to-pod-on-node", "pods", _each(["tcp"], "client", "server", HERE, sees=OWN)),
    Scenario("pod-to-pod-across", "pods", _each(["tcp"], "client", "server", PEERS, sees=OWN)),
    Scenario("udp", "pods", _each(["udp"], "client", "server", BOTH, sees=OWN)),
    Scenario("icmp", "pods", _each(["icmp"], "client", "server", BOTH)),
    Scenario("dns", "pods", _each(["dns"], "client", "server", BOTH, items.DNS_PORT)),
    Scenario(
        "largest-packet",
        "pods",
        (
            *_each(["udp", "icmp"], "client", "server", BOTH, size="mtu"),
            *_each(["tcp"], "client", "server", BOTH, size=BULK),
            *_each(["udp"], "client", "server", BOTH, size="over", expects=NOTHING),
        ),
    ),
    Scenario("encapsulation", "pods", _each(["wire"], "client", "server", PEERS)),
    Scenario("pod-to-host", "hosts", _each(_EVERY, "client", "host", BOTH, items.HOST_PORT)),
    Scenario("host-to-pod", "hosts", _each(_EVERY, "host", "server", BOTH)),
    Scenario(
        "pod-to-service",
        "services",
        _each(_BOTH, "client", "echo", HERE, items.SERVICE_PORT),
        ("services",),
    ),
    Scenario(
        "host-to-service",
        "services",
        _each(_BOTH, "host", "echo", HERE, items.SERVICE_PORT),
        ("services",),
    ),
    Scenario(
        "hairpin",
        "services",
        _each(_BOTH, "server", "own", HERE, items.SERVICE_PORT),
        ("services",),
    ),
    Scenario(
        "pod-to-nodeport-local",
        "services",
        _each(_BOTH, "client", "node_port", HERE),
        ("services",),
    ),
    Scenario(
        "pod-to-nodeport-remote",
        "services",
        _each(_BOTH, "client", "node_port", PEERS),
        ("services", "peers"),
    ),
    Scenario(
        "host-to-nodeport", "services", _each(_BOTH, "host", "node_port", BOTH), ("services",)
    ),
    Scenario(
        "outside-to-nodeport",
        "services",
        _each(_BOTH, "outside", "node_port", BOTH),
        ("services", "outside"),
    ),
    Scenario(
        "pod-to-outside",
        "outside",
        _each(_EVERY, "client", "outside", HERE, items.HOST_PORT, sees=OWN),
        ("outside", "unmasqueraded"),
    ),
    Scenario(
        "pod-to-outside-masqueraded",
        "outside",
        _each(_EVERY, "client", "outside", HERE, items.HOST_PORT, sees=EGRESS),
        ("outside", "masqueraded"),
    ),
    Scenario(
        "path-mtu",
        "outside",
        _each(["path_mtu"], "client", "outside", HERE, items.HOST_PORT, size="mtu"),
        ("outside",),
    ),
    Scenario(
        "outside-to-pod",
        "outside",
        _each(_EVERY, "outside", "server", BOTH),
        ("outside", "routed_outside"),
    ),
    Scenario("policy-allow-all", "policies", _each(_BOTH, "client", "other", BOTH), ("policies",)),
    Scenario(
        "policy-deny-all",
        "policies",
        _each(_EVERY, "client", "guarded", BOTH, **_DENIED),
        ("policies",),
    ),
    Scenario(
        "policy-by-label",
        "policies",
        (
            *_each(_BOTH, "client", "guarded", BOTH, items.LABEL_PORT),
            *_each(_BOTH, "server", "guarded", BOTH, items.LABEL_PORT, **_DENIED),
        ),
        ("policies",),
    ),
    Scenario(
        "policy-by-namespace",
        "policies",
        (
            *_each(_BOTH, "other", "guarded", BOTH, items.NAMESPACE_PORT),
            *_each(_BOTH, "client", "guarded", BOTH, items.NAMESPACE_PORT, **_DENIED),
        ),
        ("policies",),
    ),
    Scenario(
        "policy-by-cidr",
        "policies",
        (
            *_each(_BOTH, "client", "guarded", BOTH, items.CIDR_PORT),
            *_each(_BOTH, "client", "guarded", BOTH, items.OTHER_CIDR_PORT, **_DENIED),
        ),
        ("policies",),
    ),
    Scenario(
        "policy-ingress",
        "policies",
        (
            *_each(_BOTH, "client", "caged", BOTH, items.LABEL_PORT),
            *_each(_BOTH, "client", "caged", BOTH, **_DENIED),
        ),
        ("policies",),
    ),
    Scenario(
        "policy-egress",
        "policies",
        (
            *_each(_BOTH, "caged", "server", BOTH),
            *_each(_BOTH, "caged", "server", BOTH, items.CLOSED_PORT, **_DENIED),
            *_each(["icmp"], "caged", "server", BOTH, **_DENIED),
        ),
        ("policies",),
    ),
    # The pod may not begin anything towards who called it; its answer passes all the same.
    Scenario(
        "policy-echo",
        "policies",
        (
            *_each(_BOTH, "client", "caged", BOTH, items.LABEL_PORT, sees=OWN),
            *_each(["udp"], "caged", "client", BOTH, **_DENIED),
        ),
        ("policies",),
    ),
    Scenario(
        "policy-reply-of-denied",
        "policies",
        _each(["reply"], "client", "caged", HERE, **_DENIED),
        ("policies",),
    ),
    Scenario(
        "policy-host-to-pod",
        "policies",
        _each(_BOTH, "host", "guarded", HERE),
        ("policies",),
    ),
)
#: Scenarios of which other code says how they went: the recorder of drops, the role ``underlay``.
DROPS, UNDERLAY = "no-unexpected-drops", "underlay"
NAMES = (*(one.name for one in SCENARIOS), DROPS, UNDERLAY)
GROUPS = tuple(dict.fromkeys(one.group for one in SCENARIOS))


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


def chosen(names: Sequence[str]) -> list[str]:
    """Return the scenarios that are asked for, in the order of the table.

    :param names: of scenarios, and of groups, each of which stands for its own.
    :raises Failure: for a word that is none.
    """
    wanted: set[str] = set()
    for name in names:
        found = {one.name for one in SCENARIOS if name in (one.name, one.group)}
        if not found and name not in NAMES:
            raise Failure(
                f"podnet_scenarios has {name!r}, which is none; valid are {', '.join(NAMES)}, or a "
                f"group of them: {', '.join(GROUPS)}."
            )
        wanted |= found or {name}
    return [name for name in NAMES if name in wanted] if names else list(NAMES)


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
    return next((one for one in node["endpoints"] if items.role_of(one) == role), None)


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
    server = pod("server", facts.node)
    if row.target == "host":
        return {"target": place["name"], "address": place["node_ip"], "by": [place["name"]]}
    if row.target == "outside" and facts.outside:
        one = facts.outside
        return {"target": one.name, "address": one.address, "by": [one.name]}
    if row.target == "own" and server:
        service = facts.services.get(items.service_of(server["labels"][items.NODE]))
        return service and {
            "target": service["name"],
            "address": service["cluster_ip"],
            "by": [server["name"]],
        }
    if row.target in ("echo", "node_port"):
        service = facts.services.get(items.ECHO)
        if service is None:
            return None
        found = {"target": service["name"], "address": service["cluster_ip"], "by": None}
        if row.target == "node_port":
            ports = {one["protocol"].lower(): one["node_port"] for one in service["ports"]}
            found |= {
                "target": f"node port of {place['name']}",
                "address": place["node_ip"],
                "port": ports[row.probe],
            }
        return found
    one = pod(row.target, place)
    return one and {"target": _short(one["name"]), "address": one["ip"], "by": [one["name"]]}


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
