# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What somebody breaks by hand in each cell, and the changes by which a run repairs it.

By node: a command, and what is then reported. ``{app-1}`` stands for the host-side device of that
endpoint; app-1 and app-4 are on node-1, app-2 on node-2, app-3 on node-3.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from ansible_collections.podnet.fabric.plugins.module_utils.names import (
    LINK_PINS,
    MAP_PINS,
    endpoint_device,
)

from .cells import CELLS, CIDRS, NODE_IPS, VTEP_MACS, Cell

if TYPE_CHECKING:
    from tests.cluster.cluster import Cluster

Breaks = dict[str, dict[str, list[str]]]


def _unpin(device: str) -> str:
    return f"rm {LINK_PINS}/{device}-tc_ingress"


def _sysctls(device: str, *names: str) -> list[str]:
    return [f"change sysctl net.{name.format(device)}" for name in names]


def _tunnel(*peers: str, change: str = "create") -> list[str]:
    """Return what stands in a classic node's tables for peers behind the tunnel."""
    return [
        f"{change} {what}"
        for peer in peers
        for what in (
            f"route {CIDRS[peer]}",
            f"neighbor {_network(peer)} dev pn_vxlan",
            f"fdb entry {VTEP_MACS[peer]} dev pn_vxlan",
        )
    ]


def _network(node: str) -> str:
    return CIDRS[node].partition("/")[0]


def _merge(*tables: Breaks) -> Breaks:
    return {
        node: {what: told for table in tables for what, told in table.get(node, {}).items()}
        for node in NODE_IPS
    }


#: Of a device that is made anew, where the kernel forwards by it; and of one that is the gateway.
FORWARDING = ("ipv4.conf.{}.forwarding", "ipv4.conf.{}.accept_redirects")
ANEW = (*FORWARDING, "ipv4.conf.{}.rp_filter", "ipv6.conf.{}.disable_ipv6")
GATEWAY_ANEW = (*ANEW, "ipv4.conf.{}.accept_local")

#: Programs know the device by its number.
NUMBER = f"change entries of map {MAP_PINS}/config"

VETH_GONE: Breaks = {"node-1": {"ip link del {app-4}": ["change endpoint app-4"]}}

UNGUARDED: Breaks = {"node-2": {_unpin("{app-2}"): ["change endpoint app-2"]}}

PEER_ROUTE_GONE: Breaks = {
    "node-1": {f"ip route del {CIDRS['node-2']}": [f"create route {CIDRS['node-2']}"]},
}

NODE_DEVICE: Breaks = {
    "node-2": {
        "sh -c 'echo 0 > /proc/sys/net/ipv4/conf/eth0/forwarding'": _sysctls(
            "eth0", "ipv4.conf.{}.forwarding"
        )
    },
}

OVERLAY_EBPF: Breaks = {
    "node-1": {
        _unpin("eth0"): ["create program from_netdev at tc_ingress of eth0"],
        "ip route del 10.111.160.0/20": ["create route 10.111.160.0/20"],
    },
    "node-2": {
        _unpin("pn_vxlan"): ["create program from_overlay at tc_ingress of pn_vxlan"],
        "ip link set pn_vxlan mtu 1400": ["change vxlan pn_vxlan"],
    },
    "node-3": {
        "ip link del pn_vxlan": [
            "create vxlan pn_vxlan",
            *_sysctls("pn_vxlan", "ipv6.conf.{}.disable_ipv6"),
            "create program from_overlay at tc_ingress of pn_vxlan",
            NUMBER,
        ],
    },
}

OVERLAY_CLASSIC: Breaks = {
    "node-1": {
        f"ip neighbour del {_network('node-3')} dev pn_vxlan": [
            f"create neighbor {_network('node-3')} dev pn_vxlan"
        ],
        f"bridge fdb del {VTEP_MACS['node-2']} dev pn_vxlan dst {NODE_IPS['node-2']}": [
            f"create fdb entry {VTEP_MACS['node-2']} dev pn_vxlan"
        ],
    },
    "node-3": {
        "ip link del pn_vxlan": [
            "create vxlan pn_vxlan",
            *_sysctls("pn_vxlan", *ANEW),
            "create program nodeport at tc_ingress of pn_vxlan",
            NUMBER,
            *_tunnel("node-1", "node-2"),
        ],
    },
}

BRIDGE: Breaks = {
    "node-1": {"ip link set {app-1} nomaster": ["change endpoint app-1"]},
    "node-2": {
        "bridge link set dev {podnet-health} hairpin off": ["change endpoint podnet-health"],
    },
}
BRIDGE_GONE: Breaks = {
    "node-3": {
        "ip link del cbr0": [
            "create bridge cbr0",
            *_sysctls("cbr0", *GATEWAY_ANEW),
            NUMBER,
            "change endpoint app-3",
            "change endpoint podnet-health",
        ],
    },
}

ROUTED: Breaks = {
    "node-1": {
        "sh -c 'echo 0 > /proc/sys/net/ipv4/conf/{app-1}/proxy_arp'": ["change endpoint app-1"],
        f"ip route del blackhole {CIDRS['node-1']}": [f"create route {CIDRS['node-1']} metric 1"],
    },
    "node-2": {"ip route flush dev {podnet-health}": ["change endpoint podnet-health"]},
}
DOOR_GONE: Breaks = {
    "node-3": {
        "ip link del pn_host": [
            "create veth pn_host",
            *_sysctls("pn_host", *GATEWAY_ANEW),
            *_sysctls("pn_net", "ipv6.conf.{}.disable_ipv6"),
            NUMBER,
        ],
    },
}

CLASSIC = (VETH_GONE, UNGUARDED, PEER_ROUTE_GONE, NODE_DEVICE)
BREAKS: dict[Cell, Breaks] = dict(
    zip(
        CELLS,
        (
            {},  # ebpf in the native network is the matter of tests/cluster
            _merge(VETH_GONE, OVERLAY_EBPF),
            _merge(*CLASSIC, BRIDGE, BRIDGE_GONE),
            _merge(*CLASSIC, BRIDGE, OVERLAY_CLASSIC),
            _merge(*CLASSIC, ROUTED, DOOR_GONE),
            _merge(*CLASSIC, ROUTED, OVERLAY_CLASSIC),
        ),
    )
)


def break_by_hand(cluster: Cluster, cell: Cell) -> dict[str, list[str]]:
    """Break everything of the cell's table; return by node what a run has to report."""
    expected = {}
    for node, breaks in BREAKS[cell].items():
        for command in breaks:
            cluster.exec(node, *shlex.split(re.sub(r"\{(.*?)\}", _device, command)))
        expected[node] = sorted(line for told in breaks.values() for line in told)
    return expected


def _device(match: re.Match[str]) -> str:
    return endpoint_device(match[1])
