# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What passes between the nodes: bare packets, or frames in a tunnel."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN

from .cells import PORT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scapy.packet import Packet

#: RFC 7348: what the tunnel adds to a frame. Ethernet, IPv4, UDP, VXLAN.
OVERHEAD = 14 + 20 + 8 + 8


class Tunnelled(NamedTuple):
    """A frame in a tunnel: both ends, network, and who talks to whom inside."""

    outer: tuple[str, str]
    vni: int
    inner: tuple[str, str]
    mac: str


def bare(packets: Iterable[Packet]) -> set[tuple[str, str]]:
    """Who talks to whom in the open."""
    return {(p[IP].src, p[IP].dst) for p in packets if IP in p and not _in_tunnel(p)}


def tunnelled(packets: Iterable[Packet]) -> set[Tunnelled]:
    """Who talks to whom in the tunnel; fail for a frame that did not pass as it was."""
    return {_opened(packet) for packet in packets if IP in packet and _in_tunnel(packet)}


def _in_tunnel(packet: Packet) -> bool:
    return UDP in packet and packet[UDP].dport == PORT


def _opened(packet: Packet) -> Tunnelled:
    tunnel = VXLAN(bytes(packet[UDP].payload))
    frame = Ether(bytes(tunnel.payload))
    assert len(packet) - len(frame) == OVERHEAD
    assert tunnel.flags == "Instance", tunnel.show(dump=True)
    for layer in (IP, ICMP):
        again = frame.copy()
        del again[layer].chksum
        assert Ether(bytes(again))[layer].chksum == frame[layer].chksum, frame.show(dump=True)
    outer, inner = packet[IP], frame[IP]
    return Tunnelled((outer.src, outer.dst), tunnel.vni, (inner.src, inner.dst), frame.dst)
