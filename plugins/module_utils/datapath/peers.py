# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What leads to pods, as items of ``routes`` and ``neighbors``: a peer has one of each at most.

A peer behind the tunnel is known by the first address of its pod CIDR, which no pod has: a route to
the CIDR through that address, a neighbor with that address, and where its MAC address is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..names import GATEWAY_DEVICE, OVERLAY_DEVICE, endpoint_device
from .cells import BLACKHOLE, BY_ENTRIES, CONNECTED, POD_CIDR, RANGES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .cells import Cell

    Items = list[dict[str, Any]]


def following(node: Mapping[str, Any]) -> Items:
    """Return the other nodes in the order of names, from this one's on."""
    return sorted(node["peers"], key=lambda peer: (peer["name"] < node["name"], peer["name"]))


def own_routes(node: Mapping[str, Any], cell: Cell) -> Items:
    """Return the routes to the node's own pods; with ``RANGES`` they lead to all pods."""
    by_gateway = {"dev": GATEWAY_DEVICE}
    table: dict[str, Items] = {
        POD_CIDR: [{"dst": node["pod_cidr"], **by_gateway, "src": node["node_ip"]}],
        # What a peer answers comes back through the tunnel, so it must answer to an address there.
        # The node's own pods are answered by the address that they ask.
        RANGES: [
            *(
                {"dst": cidr, **by_gateway, "src": node["gateway_ip"]}
                for cidr in node["pod_ranges"]
                if cidr != node["pod_cidr"]
            ),
            {"dst": node["pod_cidr"], **by_gateway, "src": node["node_ip"]},
        ],
        CONNECTED: [],
        # Behind another datapath's route to the same CIDR, for as long as pods still need that.
        BLACKHOLE: [{"dst": node["pod_cidr"], "type": "blackhole", "metric": 1}],
    }
    return table[cell.own_route]


def endpoint_routes(node: Mapping[str, Any], cell: Cell) -> Items:
    """Return the routes to one pod each, which the module ``endpoints`` makes with the pods."""
    if cell.own_route != BLACKHOLE:
        return []
    return [
        {
            "dst": f"{one['ip']}/32",
            "dev": endpoint_device(one["name"]),
            "src": node["node_ip"],
        }
        for one in node["endpoints"]
    ]


def routes(node: Mapping[str, Any], cell: Cell) -> Items:
    """Return the routes to the pods of the others: past the tunnel, then by it."""
    via = {"gateway": node["vpc_gateway"]}
    return [
        {"dst": peer["pod_cidr"], "via": via.get(peer["route"], peer["node_ip"])}
        for peer in node["peers"]
        if peer["route"] != "tunnel"
    ] + [
        {
            "dst": peer["pod_cidr"],
            "via": _first_address(peer),
            "dev": OVERLAY_DEVICE,
            "onlink": True,
        }
        for peer in _by_entries(node, cell)
    ]


def neighbors(node: Mapping[str, Any], cell: Cell) -> Items:
    """Return what the kernel must know of the tunnel endpoints that routes lead to."""
    found = _by_entries(node, cell)
    return [
        {"dev": OVERLAY_DEVICE, "dst": _first_address(peer), "lladdr": peer["vtep_mac"]}
        for peer in found
    ] + [
        {
            "type": "fdb",
            "dev": OVERLAY_DEVICE,
            "lladdr": peer["vtep_mac"],
            "dst": peer["vtep_ip"],
        }
        for peer in found
    ]


def _by_entries(node: Mapping[str, Any], cell: Cell) -> Items:
    if not node["usable"] or cell.tunnel != BY_ENTRIES:
        return []  # a node without a pod CIDR has no tunnel endpoint
    return [peer for peer in node["peers"] if peer["route"] == "tunnel"]


def split_cidr(cidr: str) -> tuple[str, int]:
    """Return first address and length; parsing more takes time, and the plan writes thousands."""
    address, _slash, length = cidr.partition("/")
    return address, int(length)


def _first_address(peer: Mapping[str, Any]) -> str:
    return split_cidr(peer["pod_cidr"])[0]
