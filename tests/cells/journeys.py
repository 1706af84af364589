# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A packet's journey in each cell, hop by hop, as a lab shows it.

``python -m tests.cells.journeys`` writes docs/journeys.md; a test holds each section to what its
lab shows then.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ansible_collections.podnet.fabric.plugins.module_utils.names import endpoint_device
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN

from tests.cluster.capture import capture
from tests.cluster.cluster import INTERNET, ROOT, Cluster
from tests.loss.attached import attached, pinned

from .cells import CELLS, PORT, Cell, small_vpc
from .listings import listings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scapy.packet import Packet

PAGE = ROOT / "docs/journeys.md"
ECHO_REQUEST = 8

#: Who sends, to whom on the same node, to whom on another.
SENDER, NEIGHBOR, FAR = "app-1", "app-4", "app-2"

TITLES = {
    Cell("ebpf", "native_routing"): "eBPF, native routing",
    Cell("ebpf", "overlay"): "eBPF, overlay",
    Cell("bridge", "native_routing"): "Bridge, native routing",
    Cell("bridge", "overlay"): "Bridge, overlay",
    Cell("routed", "native_routing"): "Routed, native routing",
    Cell("routed", "overlay"): "Routed, overlay",
}

HEAD = f"""\
# A packet's journey

What becomes of one ping in each of the [six networks](networks.md), hop by hop: from a pod to a
pod of its own node, to a pod of another node, and to a host outside. All of this a lab printed;
`make journeys` makes this page anew from six labs, and a test holds it to what they show.

The lab has two nodes on one subnet, node-1 (10.111.0.11) and node-2 (10.111.0.12), a third behind
the gateway 10.111.0.1, and the host {INTERNET} outside. The pods {SENDER} and {NEIGHBOR} are on
node-1, {FAR} is on node-2. Nothing is [masqueraded](masquerade.md): the outside sees the pod's own
address, and the VPC leads the answer back.

Each row is a device at which a capture sees the packet, in the order in which it passes them, with
the [programs](datapath.md) that are attached there. A device that has no row does not see it.
"""


class Point(NamedTuple):
    """A device at which is looked: where it is, its name, and what happens there."""

    place: str
    device: str
    role: str


#: What is done at a device, by its role, with the datapath, network type and journey of which that
#: is so; the more special one first.
DONE: dict[str, list[tuple[str, str, str, str]]] = {
    "pod": [
        ("bridge", "", "near", "on-link: straight to the other pod's MAC"),
        ("", "", "", "to the MAC of the gateway of all pods"),
    ],
    "source": [
        ("ebpf", "", "near", "the source is proven; `redirect_peer` into the other pod"),
        ("ebpf", "native", "far", "the source is proven; `redirect_neigh` out of eth0"),
        ("ebpf", "overlay", "far", "the source is proven; the tunnel's key, on to pn_vxlan"),
        ("ebpf", "", "out", "the source is proven; `fib_lookup`, `redirect_neigh` out of eth0"),
        ("bridge", "", "", "the source is proven; the bridge takes it"),
        ("routed", "", "", "the source is proven; the kernel routes it"),
    ],
    "bridge": [
        ("", "", "near", "forwards from port to port"),
        ("", "", "", "is the gateway: the kernel routes it on"),
    ],
    "tunnel": [
        ("ebpf", "", "", "is wrapped, to the endpoint that the key names"),
        ("", "", "", "is wrapped, to the endpoint of the forwarding entry"),
    ],
    "device": [
        ("", "overlay", "far", "leaves the node, in UDP from node to node"),
        ("", "", "", "leaves the node with the pod's own address"),
    ],
    "far device": [
        ("ebpf", "native", "", "is handed to the pod by `redirect_peer`"),
        ("", "overlay", "", "comes to the tunnel's port"),
        ("", "", "", "the kernel routes it on"),
    ],
    "far tunnel": [
        ("ebpf", "", "", "is unwrapped; handed to the pod by `redirect_peer`"),
        ("", "", "", "is unwrapped; the kernel routes it on"),
    ],
    "far bridge": [("", "", "", "the kernel gives it to the port of the pod")],
    "target": [("", "", "", "the way into the pod")],
    "other pod": [("", "", "", "has arrived")],
    "gateway in": [("", "", "", "the VPC's router")],
    "gateway out": [("", "", "", "leaves the VPC")],
    "outside": [("", "", "", "has arrived, from the pod's own address")],
}


def _points(journey: str) -> list[Point]:
    """Return where one journey may pass, in its order."""
    begin = [
        Point(f"node-1/{SENDER}", "eth0", "pod"),
        Point("node-1", endpoint_device(SENDER), "source"),
        Point("node-1", "cbr0", "bridge"),
    ]
    if journey == "near":
        return [
            *begin,
            Point("node-1", endpoint_device(NEIGHBOR), "target"),
            Point(f"node-1/{NEIGHBOR}", "eth0", "other pod"),
        ]
    begin += [Point("node-1", "pn_vxlan", "tunnel"), Point("node-1", "eth0", "device")]
    if journey == "out":
        return [
            *begin,
            Point("gateway", "eth0", "gateway in"),
            Point("gateway", "eth1", "gateway out"),
            Point("internet", "eth0", "outside"),
        ]
    return [
        *begin,
        Point("node-2", "eth0", "far device"),
        Point("node-2", "pn_vxlan", "far tunnel"),
        Point("node-2", "cbr0", "far bridge"),
        Point("node-2", endpoint_device(FAR), "target"),
        Point(f"node-2/{FAR}", "eth0", "other pod"),
    ]


JOURNEYS = {
    "near": (f"{SENDER} to {NEIGHBOR}, on one node", f"node-1/{NEIGHBOR}"),
    "far": (f"{SENDER} to {FAR}, across nodes", f"node-2/{FAR}"),
    "out": (f"{SENDER} to the outside", "internet"),
}


def section(cluster: Cluster, cell: Cell) -> str:
    """Return the section of a cell, with what its lab shows now."""
    shown = listings(cluster, "node-1")
    lines = [*shown["route"], *shown["neigh"], *shown["fdb"]]
    names = (SENDER, NEIGHBOR, "podnet-health")
    listed = "\n".join(lines).format(**{name: endpoint_device(name) for name in names})
    parts = [
        f"## {TITLES[cell]}",
        "```yaml\n"
        + "\n".join(f"{name}: {value}" for name, value in cell.variables.items())
        + "\n```",
        "Routes, neighbors and forwarding entries of node-1:",
        f"```text\n{listed}\n```",
    ]
    addresses = {**cluster.pods(), "internet": INTERNET}
    for journey, (title, target) in JOURNEYS.items():
        parts += [f"### {title} ({cell})", _table(cluster, cell, journey, addresses[target])]
    return "\n\n".join(parts) + "\n"


def _table(cluster: Cluster, cell: Cell, journey: str, address: str) -> str:
    rows = ["| where | device | programs | what is done | as a capture shows it |"]
    rows.append("|---|---|---|---|---|")
    by_device = _programs(cluster)
    for point, packet in _seen(cluster, journey, address):
        attached_here = by_device.get(f"{point.place} {point.device}", [])
        programs = ", ".join(f"`{name}`" for name in attached_here) or "none"
        done = _done(cell, journey, point.role)
        shown = f"`{_line(packet)}`"
        rows.append(f"| {point.place} | {point.device} | {programs} | {done} | {shown} |")
    return "\n".join(rows)


def _seen(cluster: Cluster, journey: str, address: str) -> Iterator[tuple[Point, Packet]]:
    """Send one ping; yield each point that saw its request, with the packet."""
    sender = f"node-1/{SENDER}"
    ping = ("ping", "-n", "-c", "1", "-W", "5", address)
    cluster.exec(sender, *ping)  # neighbors are known then
    points = [point for point in _points(journey) if _is_there(cluster, point)]
    with ExitStack() as stack:
        captured = [
            stack.enter_context(capture(cluster.lab, point.place, point.device)) for point in points
        ]
        cluster.exec(sender, *ping)
    for point, packets in zip(points, captured):
        requests = [packet for packet in packets if _is_request(packet, address)]
        if requests:
            yield point, requests[0]


def _is_there(cluster: Cluster, point: Point) -> bool:
    return cluster.try_exec(point.place, "ip", "link", "show", point.device).returncode == 0


def _inner(packet: Packet) -> Packet | None:
    """Return the packet in a tunnel's packet."""
    if UDP in packet and packet[UDP].dport == PORT:
        return Ether(bytes(VXLAN(bytes(packet[UDP].payload)).payload))
    return None


def _is_request(packet: Packet, address: str) -> bool:
    inner = _inner(packet) or packet
    return ICMP in inner and inner[ICMP].type == ECHO_REQUEST and address == inner[IP].dst


def _line(packet: Packet) -> str:
    inner = _inner(packet)
    ip = packet[IP]
    if inner is None:
        return f"IP {ip.src} > {ip.dst}: ICMP echo request, ttl {ip.ttl}"
    vni = VXLAN(bytes(packet[UDP].payload)).vni
    return f"IP {ip.src} > {ip.dst}.{packet[UDP].dport}: VXLAN, vni {vni}: {_line(inner)}"


def _programs(cluster: Cluster) -> dict[str, list[str]]:
    """Return by ``NODE DEVICE`` the programs there, those of packets that come in first."""
    names = {number: key.split()[1] for key, number in pinned(cluster).items()}
    found: dict[str, list[str]] = {}
    for where, programs in sorted(
        attached(cluster).items(), key=lambda item: item[0].split()[2] != "ingress"
    ):
        found.setdefault(where.rpartition(" ")[0], []).extend(
            names[number] for _how, number in programs
        )
    return found


def _done(cell: Cell, journey: str, role: str) -> str:
    for datapath, network_type, of, what in DONE[role]:
        if (
            datapath in ("", cell.datapath)
            and cell.network_type.startswith(network_type)
            and of in ("", journey)
        ):
            return what
    raise KeyError(role, cell)


def of_page(cell: Cell) -> str:
    """Return the section of a cell as the page has it."""
    sections = PAGE.read_text().split("\n## ")[1:]
    (found,) = (one for one in sections if one.startswith(f"{TITLES[cell]}\n"))
    return f"## {found.rstrip()}\n"


def made(cell: Cell) -> str:
    """Build a lab with the network of a cell; return its section."""
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(small_vpc(cell), Path(folder))
        try:
            cluster.up().play("demo").ok()
            return section(cluster, cell)
        finally:
            cluster.down()


def main() -> None:
    """Write the page anew."""
    PAGE.write_text("\n".join([HEAD, *(made(cell) for cell in CELLS)]))


if __name__ == "__main__":
    main()
