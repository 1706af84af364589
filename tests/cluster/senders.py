# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Frames that nobody should take: who sends them, who must not see them, and what counts them."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether

from tests.cells.counts import counts

from .capture import capture
from .cluster import HERE, INTERNET, SERVER
from .probes import PYTHON

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scapy.packet import Packet

    from .cluster import Cluster

GATEWAY_MAC = "0e:58:0a:6f:a0:7e"
MARK = b"must not pass"
MARKED = UDP(sport=4711, dport=4711) / MARK


def mac_of(cluster: Cluster, place: str) -> str:
    """Return the MAC address of eth0 of a host or a pod."""
    return str(cluster.json(place, "ip", "-j", "link", "show", "eth0")[0]["address"])


def send(cluster: Cluster, place: str, frames: Iterable[Packet], device: str = "eth0") -> None:
    """Send frames out of a device as they are."""
    lines = "\n".join(bytes(each).hex() for each in frames)
    cluster.exec(place, *PYTHON, str(HERE / "there/send.py"), device, stdin=lines)


@dataclass
class Seen:
    """What programs of a node counted more, and the marked frames that passed somewhere."""

    more: dict[tuple[str, str], int] = field(default_factory=dict)
    marked: list[Packet] = field(default_factory=list)


@contextlib.contextmanager
def watched(
    cluster: Cluster, node: str, places: Iterable[tuple[str, str]], *, mark: bytes = MARK
) -> Iterator[Seen]:
    """Watch the counters of a node and devices, each by the host or pod that it is in."""
    seen, before = Seen(), counts(cluster, node)
    with contextlib.ExitStack() as stack:
        passed = [stack.enter_context(capture(cluster.lab, *place)) for place in places]
        yield seen
    after = counts(cluster, node)
    seen.more = {key: n - before.get(key, 0) for key, n in after.items() if n > before.get(key, 0)}
    seen.marked = [packet for each in passed for packet in each if mark in bytes(packet)]


def assert_no_redirect_is_believed(cluster: Cluster, node: str, router: str, other: str) -> None:
    """No device of ours whose packets the stack takes accepts ICMP redirects.

    :param router: the node's default gateway, which a redirect in its name tells it not to use.
    :param other: address of another node of its subnet, which it is told to use instead.
    """
    # "all" does not help where a device forwards (ip-sysctl.rst); elsewhere programs take all.
    script = "cd /proc/sys/net/ipv4/conf; grep -l 1 pn_*/forwarding cbr0/forwarding 2>/dev/null |"
    script += ' while read -r file; do cat "${file%/*}/accept_redirects"; done'
    assert set(cluster.exec(node, "sh", "-c", script).split()) == {"0"}
    devices = {link["ifname"] for link in cluster.json(node, "ip", "-j", "link")}
    if "pn_net" not in devices:  # a bridge has no far end
        return
    own = cluster.nodes[node]["ansible_host"]
    cluster.exec(node, "ping", "-n", "-c", "1", "-W", "3", other)  # it is a neighbor
    told = IP(src=router, dst=own) / ICMP(type=5, code=1, gw=other)
    redirect = Ether(dst=GATEWAY_MAC) / told / IP(src=own, dst=INTERNET) / UDP()
    send(cluster, node, [redirect], "pn_net")
    (route,) = cluster.json(node, "ip", "-j", "route", "get", INTERNET)
    assert route["gateway"] == router


def assert_pods_have_no_vlan(cluster: Cluster, pods: dict[str, str], far: str, hook: str) -> None:
    """A pod's frames with a VLAN tag, one or two, reach neither pods nor the network.

    :param pods: two pods of one node.
    :param far: address of a pod of another node.
    """
    (place, own), (other, near) = pods.items()
    frame = Ether(src=mac_of(cluster, place), dst=GATEWAY_MAC)
    frames = [
        frame / tag / IP(src=own, dst=to) / MARKED
        for tag in (Dot1Q(vlan=5), Dot1AD(vlan=5), Dot1AD(vlan=5) / Dot1Q(vlan=6))
        for to in (near, far, SERVER)
    ]
    # On a bridge a pod has its neighbor's MAC address.
    frames += [Ether(src=frame.src, dst=mac_of(cluster, other)) / frames[0].payload]
    node = place.partition("/")[0]
    with watched(cluster, node, [("switch", "subnet"), (other, "eth0")]) as seen:
        send(cluster, place, frames)
    assert seen.marked == []
    assert seen.more[hook, "vlan_tagged"] == len(frames)


def assert_strangers_reach_no_pod(
    cluster: Cluster, pods: dict[str, str], gateway: str, hook: str
) -> None:
    """Frames of the VPC in a VLAN, for another MAC or with a pod's address: no pod sees them.

    :param pods: two pods of one node.
    :param gateway: that they have.
    """
    (place, own), (_other, near) = pods.items()
    node = place.partition("/")[0]
    frame = Ether(src=mac_of(cluster, "vpc-server"), dst=mac_of(cluster, node))
    packet = IP(src=SERVER, dst=own) / MARKED
    forged = [
        frame / IP(src=source, dst=own) / MARKED
        for source in (near, own, gateway, cluster.nodes[node]["ansible_host"])
    ]
    strange = [
        frame / Dot1Q(vlan=5) / packet,
        frame / Dot1AD(vlan=5) / packet,
        Ether(src=frame.src, dst="02:00:00:00:00:99") / packet,
        Ether(src=frame.src, dst="ff:ff:ff:ff:ff:ff") / packet,
    ]
    cluster.exec(node, "ip", "link", "set", "eth0", "promisc", "on")
    try:
        with watched(cluster, node, [(place, "eth0")]) as seen:
            send(cluster, "vpc-server", [*strange, *forged])
            # What comes behind them on the same way is there: so were they.
            cluster.exec("vpc-server", "ping", "-n", "-c", "1", "-W", "3", own)
    finally:
        cluster.exec(node, "ip", "link", "set", "eth0", "promisc", "off")
    assert seen.marked == []
    assert seen.more[hook, "spoofed_source"] == len(forged)
