# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What iproute2 shows on node-1 of each cell: the listings of the write-ups, line by line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.podnet.fabric.plugins.module_utils.names import endpoint_device

from .cells import CELLS, Cell

if TYPE_CHECKING:
    from tests.cluster.cluster import Cluster

COMMANDS = {
    "route": "ip route",
    "neigh": "ip neigh show nud permanent",
    "fdb": "bridge fdb show dev pn_vxlan",
    "bridges": "ip -br link show type bridge",
    "firewall": "nft list ruleset",
}


def listings(cluster: Cluster, node: str) -> dict[str, list[str]]:
    """Return what each command shows, with the names of endpoints instead of their devices'."""
    names = [place.split("/")[1] for place in cluster.pods(node)] + ["podnet-health"]
    found = {}
    for what, command in COMMANDS.items():
        done = cluster.try_exec(node, *command.split())
        text = done.stdout  # nothing where there is no tunnel
        for name in names:
            text = text.replace(endpoint_device(name), f"{{{name}}}")
        found[what] = sorted(line.strip() for line in text.splitlines())
    return found


HOSTS_OWN = [
    "default via 10.111.0.1 dev eth0 proto dhcp",
    "10.111.0.0/24 dev eth0 proto kernel scope link src 10.111.0.11",
]
NATIVE = [
    "10.111.160.128/25 via 10.111.0.12 dev eth0 proto 112",
    "10.111.161.0/25 via 10.111.0.1 dev eth0 proto 112",
]
BRIDGE = ["10.111.160.0/25 dev cbr0 proto kernel scope link src 10.111.160.126"]
ROUTED = [
    "blackhole 10.111.160.0/25 proto 112 metric 1",
    *(
        f"{ip} dev {{{name}}} proto 112 scope link src 10.111.0.11"
        for name, ip in (
            ("app-1", "10.111.160.121"),
            ("app-4", "10.111.160.118"),
            ("podnet-health", "10.111.160.125"),
        )
    ),
]
TUNNEL = {
    "route": [
        "10.111.160.128/25 via 10.111.160.128 dev pn_vxlan proto 112 onlink",
        "10.111.161.0/25 via 10.111.161.0 dev pn_vxlan proto 112 onlink",
    ],
    "neigh": [
        "10.111.161.0 dev pn_vxlan lladdr 0a:58:0a:6f:a1:00 PERMANENT proto 112",
        "10.111.160.128 dev pn_vxlan lladdr 0a:58:0a:6f:a0:80 PERMANENT proto 112",
    ],
    "fdb": [
        "0a:58:0a:6f:a1:00 dst 10.111.1.11 self permanent",
        "0a:58:0a:6f:a0:80 dst 10.111.0.12 self permanent",
    ],
}
NO_TUNNEL: dict[str, list[str]] = {"route": [], "neigh": [], "fdb": []}


def _cell(routes: list[str], tunnel: dict[str, list[str]], *bridges: str) -> dict[str, list[str]]:
    return {
        **{what: sorted(lines) for what, lines in tunnel.items()},
        "route": sorted([*HOSTS_OWN, *routes, *tunnel["route"]]),
        "bridges": list(bridges),
        "firewall": [],
    }


CBR0 = "cbr0             UP             0e:58:0a:6f:a0:7e <BROADCAST,MULTICAST,UP,LOWER_UP>"

#: In a tunnel of eBPF nothing stands in these tables for a peer.
LISTINGS: dict[Cell, dict[str, list[str]]] = dict(
    zip(
        CELLS,
        (
            _cell(
                ["10.111.160.0/25 dev pn_host proto 112 scope link src 10.111.0.11", *NATIVE],
                NO_TUNNEL,
            ),
            _cell(
                [
                    "10.111.160.0/20 dev pn_host proto 112 scope link src 10.111.160.126",
                    "10.111.160.0/25 dev pn_host proto 112 scope link src 10.111.0.11",
                ],
                NO_TUNNEL,
            ),
            _cell([*BRIDGE, *NATIVE], NO_TUNNEL, CBR0),
            _cell(BRIDGE, TUNNEL, CBR0),
            _cell([*ROUTED, *NATIVE], NO_TUNNEL),
            _cell(ROUTED, TUNNEL),
        ),
    )
)
