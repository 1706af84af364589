# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where pods are: subnets, the nodes in them, and the pods of each node as a field of squares."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from .cut import cut

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Statuses = Mapping[str, Mapping[str, Any]]

#: Nodes that are drawn, those with a problem first, and those that are listed below the drawing.
TILES, LISTED = 36, 500
#: Up to so many pods of a node have their names in its tile; more are squares.
NAMED = 16
#: Pods that a node's field shows, and that are listed by name in the whole cluster.
FIELD, PODS = 160, 2000
#: A square and the step to the next one, in units of the drawing; squares in a row.
SIZE, STEP, COLUMNS = 10, 13, 16
_READY = "ready"
#: By how a node stands: what a tile looks like.
_STATES = {"usable": "ok", "usable, not asked": "unknown"}


def shown(
    summary: Mapping[str, Any],
    said: Mapping[str, Any],
    statuses: Statuses,
    places: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Return ``subnets`` with the tiles of their nodes, lists of all ``nodes`` and ``pods``.

    :param said: what ``reports.status.summary`` returned.
    """
    states = said["nodes"]
    nodes = [_node(node, states[node["name"]], statuses, places) for node in summary["nodes"]]
    drawn = {one["name"] for one in sorted(nodes, key=lambda one: one["state"] == "ok")[:TILES]}
    subnets: dict[tuple[str, str, str], dict[str, Any]] = {}
    for one in nodes:
        subnet, gateway = one.pop("subnet"), one.pop("gateway")
        key = subnet.get("name", ""), subnet.get("cidr", ""), gateway
        found = subnets.setdefault(
            key, {"name": key[0], "cidr": key[1], "gateway": key[2], "nodes": [], "more": 0}
        )
        if one["name"] in drawn:
            found["nodes"].append(one)
        else:
            found["more"] += 1
    return {
        "subnets": list(subnets.values()),
        "ways": _ways(statuses),
        "nodes": cut(nodes, LISTED),
        "pods": cut([*_pods(statuses)], PODS),
        "pending": cut([dict(one) for one in summary["pending"]], LISTED),
    }


def _node(
    node: Mapping[str, Any],
    state: str,
    statuses: Statuses,
    places: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    name = node["name"]
    status, place = statuses.get(name), places.get(name, {})
    pods = [one for one in status["endpoints"] if one["kind"] != "health"] if status else []
    ready = sum(one["state"] == _READY for one in pods)
    short, _colon, reason = state.partition(": ")
    return {
        "name": name,
        "ip": node["node_ip"],
        "cidr": node["pod_cidr"] or "no pod CIDR",
        "state": _STATES.get(state, "bad"),
        "says": short,
        "reason": reason,
        "kernel": status["kernel"] if status else None,
        "attach": status["attach_mode"] if status else None,
        "ready": ready if status else None,
        "pods": node["pods"],
        "room": node["usable_pods"],
        "field": _field(pods if status else [None] * node["pods"]),
        "subnet": place.get("subnet") or {},
        "gateway": place.get("gateway") or "",
    }


def _field(pods: Sequence[Mapping[str, Any] | None]) -> dict[str, Any]:
    """Return squares with their place, state and title; of a node that said nothing, unknown."""
    squares = [
        {
            "x": at % COLUMNS * STEP,
            "y": at // COLUMNS * STEP,
            "name": one["name"] if one else "",
            "state": "unknown" if one is None else "ok" if one["state"] == _READY else "bad",
            "title": _title(one),
        }
        for at, one in enumerate(pods[:FIELD])
    ]
    rows = max(1, -(-len(squares) // COLUMNS))
    return {
        "squares": squares,
        "named": None not in pods and len(pods) <= NAMED,
        "size": SIZE,
        "width": COLUMNS * STEP - (STEP - SIZE),
        "height": rows * STEP - (STEP - SIZE),
        "more": max(0, len(pods) - FIELD),
    }


def _title(one: Mapping[str, Any] | None) -> str:
    if one is None:
        return "a pod of a node that did not report"
    return f"{one['name']}  {one['ip'] or 'no address'}  {one['state']}"


def _pods(statuses: Statuses) -> Iterator[dict[str, Any]]:
    """Yield a row for each pod, those that are not ready first."""
    rows: dict[bool, list[dict[str, Any]]] = defaultdict(list)
    for name, status in statuses.items():
        for one in status["endpoints"]:
            if one["kind"] != "health":
                row = {"node": name, **{key: one.get(key) for key in ("name", "ip", "state")}}
                rows[one["state"] == _READY].append(row)
    yield from rows[False]
    yield from rows[True]


def _ways(statuses: Statuses) -> list[str]:
    """Return how packets get from node to node, in words."""
    words = {
        "direct": "straight over the subnet",
        "gateway": "through the VPC's router",
        "tunnel": "through the VXLAN tunnel",
    }
    routes = {peer["route"] for status in statuses.values() for peer in status["peers"]}
    return [word for route, word in words.items() if route in routes]
