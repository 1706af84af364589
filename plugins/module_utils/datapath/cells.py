# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The six cells, ``podnet_datapath`` by ``podnet_network_type``, and what a node has in each.

One table for everything in which they differ; ``tasks`` makes items for modules of a row.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..names import BRIDGE_DEVICE, GATEWAY_DEVICE, GATEWAY_PEER, OVERLAY_DEVICE

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Stands in the table for the node's own device, whose name is the node's.
NODE_DEVICE = "the node's device"

# How packets find the tunnel endpoint of a peer: the program says it with each packet, or the
# kernel has a route, a neighbor and a forwarding entry for each peer.
BY_PROGRAM, BY_ENTRIES = "by program", "by entries"

# The route to the node's own pods: by the gateway pair, whose program knows them all; the same for
# whole secondary ranges, since it knows the pods of the peers, too; none, where the address of the
# bridge brings one along; or a route a pod, and a blackhole for the addresses that no pod has.
POD_CIDR, RANGES, CONNECTED, BLACKHOLE = "pod CIDR", "ranges", "connected", "blackhole"


@dataclass(frozen=True)
class Cell:
    """What the nodes of one cell have.

    :param gateway: device with the address that the pods have for a gateway.
    :param own_route: what leads to the node's own pods.
    :param pods: program at each pod's host-side device.
    :param programs: the node's other programs, and the devices of each.
    :param services: programs that come on top where the cluster has services.
    :param forwarding: devices whose packets the node's stack forwards.
    :param loose: devices on which packets come in though their way back is another one
        (``rp_filter`` 2).
    :param tunnel: how packets find a peer's tunnel endpoint; None where there is no tunnel.
    """

    gateway: str
    own_route: str
    pods: str
    programs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    services: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    forwarding: tuple[str, ...] = ()
    loose: tuple[str, ...] = ()
    tunnel: str | None = None

    @property
    def bridged(self) -> bool:
        """Say whether the pods of a node share a link, and its prefix."""
        return self.gateway == BRIDGE_DEVICE

    @property
    def devices(self) -> tuple[str, ...]:
        """Devices of the node, less those of its pods."""
        gateway = (BRIDGE_DEVICE,) if self.bridged else (GATEWAY_DEVICE, GATEWAY_PEER)
        return (*gateway, OVERLAY_DEVICE) if self.tunnel else gateway

    @property
    def all_programs(self) -> tuple[str, ...]:
        """Every program of the node by its name."""
        return (self.pods, *self.programs)


#: Takes the replies of a service's backends that are processes of the node itself.
REPLIES = {"to_netdev": (NODE_DEVICE,)}

#: Balance sockets; the same in every cell, at the node's cgroup, by the hooks that they are for.
SOCKET_PROGRAMS = (
    *("connect4", "connect6", "sendmsg4", "sendmsg6", "recvmsg4", "recvmsg6"),
    *("getpeername4", "getpeername6", "post_bind4", "post_bind6", "sock_release"),
)

# With a tunnel the ways between a pod and another node's own address differ: there past the tunnel,
# in by the node's device, and back through it, in by pn_vxlan. In ebpf a program is the first and
# last to see the latter. pn_host is the same wherever it is.
CELLS: dict[tuple[str, str], Cell] = {
    ("ebpf", "native_routing"): Cell(
        gateway=GATEWAY_DEVICE,
        own_route=POD_CIDR,
        pods="from_container",
        programs={"from_netdev": (NODE_DEVICE,), "from_host": (GATEWAY_DEVICE,)},
        services=REPLIES,
        forwarding=(GATEWAY_DEVICE,),
        loose=(GATEWAY_DEVICE,),
    ),
    ("ebpf", "overlay"): Cell(
        gateway=GATEWAY_DEVICE,
        own_route=RANGES,
        pods="from_container",
        programs={
            "from_netdev": (NODE_DEVICE,),
            "from_host": (GATEWAY_DEVICE,),
            "from_overlay": (OVERLAY_DEVICE,),
        },
        services=REPLIES,
        forwarding=(GATEWAY_DEVICE,),
        loose=(GATEWAY_DEVICE, NODE_DEVICE),
        tunnel=BY_PROGRAM,
    ),
    ("bridge", "native_routing"): Cell(
        gateway=BRIDGE_DEVICE,
        own_route=CONNECTED,
        pods="guard",
        services={"nodeport": (NODE_DEVICE,), **REPLIES},
        forwarding=(BRIDGE_DEVICE, NODE_DEVICE),
    ),
    ("bridge", "overlay"): Cell(
        gateway=BRIDGE_DEVICE,
        own_route=CONNECTED,
        pods="guard",
        services={"nodeport": (NODE_DEVICE, OVERLAY_DEVICE), **REPLIES},
        forwarding=(BRIDGE_DEVICE, NODE_DEVICE, OVERLAY_DEVICE),
        loose=(OVERLAY_DEVICE, NODE_DEVICE),
        tunnel=BY_ENTRIES,
    ),
    ("routed", "native_routing"): Cell(
        gateway=GATEWAY_DEVICE,
        own_route=BLACKHOLE,
        pods="guard",
        services={"nodeport": (NODE_DEVICE,), **REPLIES},
        forwarding=(GATEWAY_DEVICE, NODE_DEVICE),
        loose=(GATEWAY_DEVICE,),
    ),
    ("routed", "overlay"): Cell(
        gateway=GATEWAY_DEVICE,
        own_route=BLACKHOLE,
        pods="guard",
        services={"nodeport": (NODE_DEVICE, OVERLAY_DEVICE), **REPLIES},
        forwarding=(GATEWAY_DEVICE, NODE_DEVICE, OVERLAY_DEVICE),
        loose=(GATEWAY_DEVICE, OVERLAY_DEVICE, NODE_DEVICE),
        tunnel=BY_ENTRIES,
    ),
}


def cell_of(node: Mapping[str, Any]) -> Cell:
    """Return the cell of a node, by its part of the plan."""
    cell = CELLS[node["datapath"], node["network_type"]]
    if not node["services"]:
        return cell
    return replace(cell, programs={**cell.programs, **cell.services})


def device_of(node: Mapping[str, Any], place: str) -> str:
    """Return the name of a device that the table names."""
    return str(node["device"]) if place == NODE_DEVICE else place
