# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Protocols by name: of layer 4 by their numbers in the IP header, of layer 3 by EtherType."""

from __future__ import annotations

import socket

NUMBERS = {
    "ICMP": socket.IPPROTO_ICMP,
    "TCP": socket.IPPROTO_TCP,
    "UDP": socket.IPPROTO_UDP,
    "SCTP": socket.IPPROTO_SCTP,
}
#: By the EtherType of the frame; see IEEE 802 Numbers at IANA.
_FRAMES = {
    "0x0800": "IPv4",
    "0x0806": "ARP",
    "0x8100": "802.1Q",
    "0x86dd": "IPv6",
    "0x88a8": "802.1ad",
    "0x88cc": "LLDP",
}
_NAMES = {**{number: name for name, number in NUMBERS.items()}, socket.IPPROTO_ICMPV6: "ICMPv6"}


def numbers(*names: str) -> dict[str, int]:
    """Return the numbers of some of them, in this order."""
    return {name: NUMBERS[name] for name in names}


def name(number: int) -> str:
    """Return the name of one, or its number in digits."""
    return _NAMES.get(number, str(number))


def frame(ethertype: str) -> str:
    """Return the name of what a frame carries, or its EtherType, such as ``0x0806``."""
    return _FRAMES.get(ethertype, f"ethertype {ethertype}")
