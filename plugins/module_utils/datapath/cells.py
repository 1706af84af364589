# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The six cells, ``podnet_datapath`` by ``podnet_network_type``, and what a node has in each.

One table for everything in which they differ; ``tasks`` makes items for modules of a row.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..names import BRIDGE_DEVICE, GATEWAY_DEVICE, GATEWAY_PEER, OVERLAY_DEVICE, PROGRAM_PINS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Stand in the table for devices whose names are the node's: its own one, those that pods reach the
#: outside by, and the one that the tunnel's packets go by.
NODE_DEVICE = "the node's device"
EGRESS_DEVICES = "the node's egress devices"
UNDERLAY_DEVICE = "the node's underlay device"

#: Hooks of a pod's host-side device: a program there sees what the pod sends, or what it is given.
FROM_POD, TO_POD = "tc_ingress", "tc_egress"

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
    :param pods: hook of each pod's host-side device, :data:`FROM_POD` or :data:`TO_POD` -> the
        program there.
    :param programs: the node's other programs, and the devices of each.
    :param services: programs that come on top where the cluster has services.
    :param masquerade: the same where pods are masqueraded.
    :param isolation: programs at pods' devices, as in ``pods``, that come on top where a pod may be
        isolated, so that nothing gets into one past the door that eBPF keeps.
    :param forwarding: devices whose packets the node's stack forwards.
    :param loose: devices on which packets come in though their way back is another one
        (``rp_filter`` 2).
    :param tunnel: how packets find a peer's tunnel endpoint; None where there is no tunnel.
    """

    gateway: str
    own_route: str
    pods: Mapping[str, str]
    programs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    services: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    masquerade: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    isolation: Mapping[str, str] = field(default_factory=dict)
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
        return (*self.pods.values(), *self.programs)


#: Takes the replies of a service's backends that are processes of the node itself.
REPLIES = {"to_netdev": (NODE_DEVICE,)}

# The kernel's own tunnel takes what comes for it from anybody, and does not tell from whom. So that
# is looked into before, at the underlay; services are reached by there, too.
INSPECTION = {"nodeport": (NODE_DEVICE, UNDERLAY_DEVICE, OVERLAY_DEVICE)}
REPLIES_CLASSIC_TUNNEL = {"to_netdev": (NODE_DEVICE, UNDERLAY_DEVICE)}

#: Gives what pods send out the device's address, and what answers it back to them.
MASQUERADE = {"to_netdev": (EGRESS_DEVICES,), "from_netdev": (EGRESS_DEVICES,)}
MASQUERADE_CLASSIC = {"to_netdev": (EGRESS_DEVICES,), "nodeport": (EGRESS_DEVICES,)}

#: The door into a pod where the kernel carries packets on; what eBPF hands over has passed its own.
DOOR = {TO_POD: "to_container"}

#: Judges what pods get and send: where one may be isolated, the others hand packets over to it.
POLICY_PROGRAM = "policy"

#: Counts who talks to whom: where ``podnet_flows`` is on, the others hand packets over to it.
FLOW_PROGRAM = "flows"

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
        pods={FROM_POD: "from_container"},
        programs={"from_netdev": (NODE_DEVICE,), "from_host": (GATEWAY_DEVICE,)},
        services=REPLIES,
        masquerade=MASQUERADE,
        forwarding=(GATEWAY_DEVICE,),
        loose=(GATEWAY_DEVICE,),
    ),
    ("ebpf", "overlay"): Cell(
        gateway=GATEWAY_DEVICE,
        own_route=RANGES,
        pods={FROM_POD: "from_container"},
        programs={
            "from_netdev": (NODE_DEVICE,),
            "from_host": (GATEWAY_DEVICE,),
            "from_overlay": (OVERLAY_DEVICE,),
        },
        services=REPLIES,
        masquerade=MASQUERADE,
        forwarding=(GATEWAY_DEVICE,),
        loose=(GATEWAY_DEVICE, NODE_DEVICE),
        tunnel=BY_PROGRAM,
    ),
    ("bridge", "native_routing"): Cell(
        gateway=BRIDGE_DEVICE,
        own_route=CONNECTED,
        pods={FROM_POD: "guard"},
        programs={"nodeport": (NODE_DEVICE,)},
        services=REPLIES,
        masquerade=MASQUERADE_CLASSIC,
        isolation=DOOR,
        forwarding=(BRIDGE_DEVICE, NODE_DEVICE),
        loose=(BRIDGE_DEVICE,),
    ),
    ("bridge", "overlay"): Cell(
        gateway=BRIDGE_DEVICE,
        own_route=CONNECTED,
        pods={FROM_POD: "guard"},
        programs=INSPECTION,
        services=REPLIES_CLASSIC_TUNNEL,
        masquerade=MASQUERADE_CLASSIC,
        isolation=DOOR,
        forwarding=(BRIDGE_DEVICE, NODE_DEVICE, OVERLAY_DEVICE),
        loose=(BRIDGE_DEVICE, OVERLAY_DEVICE, NODE_DEVICE),
        tunnel=BY_ENTRIES,
    ),
    ("routed", "native_routing"): Cell(
        gateway=GATEWAY_DEVICE,
        own_route=BLACKHOLE,
        pods={FROM_POD: "guard"},
        programs={"nodeport": (NODE_DEVICE,)},
        services=REPLIES,
        masquerade=MASQUERADE_CLASSIC,
        isolation=DOOR,
        forwarding=(GATEWAY_DEVICE, NODE_DEVICE),
        loose=(GATEWAY_DEVICE,),
    ),
    ("routed", "overlay"): Cell(
        gateway=GATEWAY_DEVICE,
        own_route=BLACKHOLE,
        pods={FROM_POD: "guard"},
        programs=INSPECTION,
        services=REPLIES_CLASSIC_TUNNEL,
        masquerade=MASQUERADE_CLASSIC,
        isolation=DOOR,
        forwarding=(GATEWAY_DEVICE, NODE_DEVICE, OVERLAY_DEVICE),
        loose=(GATEWAY_DEVICE, OVERLAY_DEVICE, NODE_DEVICE),
        tunnel=BY_ENTRIES,
    ),
}


def socket_pin(name: str) -> str:
    """Return where one of :data:`SOCKET_PROGRAMS` is pinned."""
    return f"{PROGRAM_PINS}/socket_{name}"


def cell_of(node: Mapping[str, Any]) -> Cell:
    """Return the cell of a node, by its part of the plan."""
    cell = CELLS[node["datapath"], node["network_type"]]
    programs = dict(cell.programs)
    for wanted, more in ((node["services"], cell.services), (node["masquerade"], cell.masquerade)):
        for name, places in more.items() if wanted else ():
            programs[name] = (*programs.get(name, ()), *places)
    forwarding = cell.forwarding
    if node["masquerade"] and NODE_DEVICE in forwarding:
        # What is not masqueraded goes by them, too, and what answers it the stack forwards.
        forwarding = (*forwarding, EGRESS_DEVICES)
    pods = {**cell.pods, **(cell.isolation if node["isolation"] else {})}
    return replace(cell, pods=pods, programs=programs, forwarding=forwarding)


def devices_of(node: Mapping[str, Any], places: Iterable[str]) -> list[str]:
    """Return the names of the devices that the table names, each once."""
    named: dict[str, list[str]] = {NODE_DEVICE: [str(node["device"])]}
    if node["vxlan"]:
        named[UNDERLAY_DEVICE] = [str(node["vxlan"]["device"])]
    if node["masquerade"]:
        named[EGRESS_DEVICES] = [str(one["name"]) for one in node["masquerade"]["devices"]]
    return list(dict.fromkeys(device for place in places for device in named.get(place, [place])))
