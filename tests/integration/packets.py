# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Frames as bytes, for programs that are tried on them."""

from __future__ import annotations

import socket
import struct

CLIENT, SERVER = "10.9.0.2", "10.9.0.1"
CLIENT_MAC, SERVER_MAC = bytes.fromhex("020000000002"), bytes.fromhex("020000000001")


def ethernet(payload: bytes, protocol: int = 0x0800, vlan: int | None = None) -> bytes:
    """Frame from the client to the server, with a VLAN tag where one is given."""
    tag = b"" if vlan is None else struct.pack("!HH", 0x8100, vlan)
    return SERVER_MAC + CLIENT_MAC + tag + struct.pack("!H", protocol) + payload


def ipv4(protocol: int, payload: bytes) -> bytes:
    """IPv4 packet from the client to the server."""
    ends = socket.inet_aton(CLIENT) + socket.inet_aton(SERVER)
    return struct.pack("!BBHIBBH", 0x45, 0, 20 + len(payload), 0, 64, protocol, 0) + ends + payload


def tcp(payload: bytes, source: int = 40000, destination: int = 80) -> bytes:
    """TCP segment in a frame."""
    header = struct.pack("!HHIIHHHH", source, destination, 1, 1, 0x5018, 1024, 0, 0)
    return ethernet(ipv4(socket.IPPROTO_TCP, header + payload))


def udp(payload: bytes, destination: int = 53) -> bytes:
    """UDP datagram in a frame."""
    header = struct.pack("!HHHH", 40000, destination, 8 + len(payload), 0)
    return ethernet(ipv4(socket.IPPROTO_UDP, header + payload))


def question(name: bytes) -> bytes:
    """DNS question for a name as DNS writes it, in a frame."""
    return udp(struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + name + b"\0" + struct.pack("!2H", 1, 1))


ECHO = ethernet(ipv4(socket.IPPROTO_ICMP, bytes([8]) + bytes(31)))
