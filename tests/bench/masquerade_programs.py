"""What to time of the programs that masquerade, on a node that ``masquerade`` has set up."""

from __future__ import annotations

import functools
import re
import socket
from typing import TYPE_CHECKING

from ansible_collections.podnet.fabric.plugins.module_utils import names
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import nat_layout
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import maps, syscall

from . import CHECKOUT
from .again import Fresh
from .programs import SYN, TC_ACT_UNSPEC, Probe, sk_buff, tcp_packet, udp_packet
from .topology import DEVICE, SUBNET, mac

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .topology import Node, Topology

TOTAL = nat_layout.NAT_TOTAL

#: Ports of a host outside, and of flows that nobody has begun.
HTTP, DNS, NONE_YET = 80, 53, 50000


def ebpf(topology: Topology) -> list[Probe]:
    """Return the probes of the eBPF datapath, whose pod asks a host outside."""
    node, pod, outside = topology.nodes[0], topology.client.ip, topology.server.ip
    to_netdev = f"{names.PROGRAM_PINS}/to_netdev"
    with node.entered():
        wire = sk_buff(ifindex=socket.if_nametoindex(DEVICE))
        first = syscall.get(to_netdev)
    gateway_mac = mac("02:58", SUBNET[1])
    out = functools.partial(tcp_packet, from_mac=node.mac, to_mac=gateway_mac)
    back = functools.partial(tcp_packet, from_mac=gateway_mac, to_mac=node.mac)
    request, begin = out(pod, outside), out(pod, outside, flags=SYN)
    datagram = udp_packet(
        outside, pod, ports=(DNS, NONE_YET), from_mac=gateway_mac, to_mac=node.mac
    )
    sent = functools.partial(
        Probe, node=node, program=to_netdev, context=wire, expect=TC_ACT_UNSPEC
    )
    received = functools.partial(
        Probe, node=node, program=f"{names.PROGRAM_PINS}/from_netdev", context=wire
    )
    #: The flow of the request is there; no flow is there, and what is timed makes one a run.
    begun = Fresh(before=lambda: syscall.program_test_run(first, begin, context=wire))
    new = Fresh(step=1, before=functools.partial(forget, tables(node)))
    return [
        sent(
            "to_netdev, done with elsewhere",
            packet=request,
            fresh=Fresh(tc_index=_settled()),
            expect_addresses=(pod, outside),
        ),
        sent(
            "to_netdev, the node's own",
            packet=out(node.ip, outside, ports=(NONE_YET, HTTP)),
            fresh=Fresh(),
            expect_addresses=(node.ip, outside),
        ),
        sent(
            "to_netdev, masqueraded flow",
            packet=request,
            fresh=begun,
            expect_addresses=(node.ip, outside),
        ),
        sent(
            "to_netdev, new masqueraded flow",
            packet=begin,
            fresh=new,
            expect_addresses=(node.ip, outside),
        ),
        received(
            "from_netdev, its answer",
            packet=back(outside, node.ip, ports=(HTTP, 40000)),
            fresh=begun,
            expect_addresses=(outside, pod),
        ),
        received(
            "from_netdev, for the node",
            packet=back(outside, node.ip, ports=(HTTP, NONE_YET)),
            fresh=Fresh(),
            expect=TC_ACT_UNSPEC,
            expect_addresses=(outside, node.ip),
        ),
        received(
            "from_netdev, to a pod by its own address",
            packet=back(outside, pod, ports=(HTTP, NONE_YET)),
            fresh=Fresh(),
            expect_addresses=(outside, pod),
        ),
        received(
            "from_netdev, the same by UDP",
            packet=datagram,
            fresh=Fresh(),
            expect_addresses=(outside, pod),
        ),
        received(
            "from_netdev, the same by UDP, new flow",
            packet=datagram,
            fresh=new,
            expect_addresses=(outside, pod),
        ),
    ]


def tables(node: Node) -> dict[str, maps.Map]:
    """Open the maps of a node's flows."""
    wanted = (nat_layout.NAT, nat_layout.NAT_QUOTA, nat_layout.NAT_QUEUE, TOTAL)
    with node.entered():
        return {one.name: maps.Map(syscall.get(one.pin)) for one in wanted}


def forget(tables: Mapping[str, maps.Map]) -> None:
    """Let there be no flow, and none that waits to be looked at."""
    for name in ("nat", "nat_quota"):
        tables[name].delete(tables[name].items())
    while tables["nat_queue"].pop():
        pass
    none = TOTAL.pack_value(flows=0)
    tables["nat_total"].update({TOTAL.pack_key(by=by): none for by in (0, 1)})


def _settled() -> int:
    """Return what programs write on a packet that needs no other one of them."""
    header = (CHECKOUT / "bpf" / "lib" / "packet.h").read_text()
    (number,) = re.findall(r"#define PACKET_SNAT_DONE (\w+)", header)
    return int(number, 0)
