# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Frames that a question is asked with: made, read and answered; IPv4 in Ethernet.

The first packet of a connection: a SYN, a datagram, an echo request. What answers it is made of
the frame as it was delivered.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass, replace

from ..engine.failure import Failure
from ..engine.protocols import numbers

#: Name -> number of the protocols that can be asked about.
PROTOCOLS = {name.lower(): no for name, no in numbers("TCP", "UDP", "ICMP").items()}
NAMES = {number: name for name, number in PROTOCOLS.items()}

#: Port of the client, out of the range that the kernel gives by itself.
CLIENT_PORT = 54321

#: The source of a process that leaves it to its node.
ANY = socket.inet_ntoa(bytes(4))

_ETHERNET, _IPV4 = 14, 20
#: Bytes of each protocol's header.
_HEADERS = {"tcp": 20, "udp": 8, "icmp": 8}
_TYPE = b"\x08\x00"
_SYN, _ACK = 0x02, 0x10
_ECHO, _ECHO_REPLY = 8, 0
_FIRST, _SECOND = 1000, 5000
_NO_MAC = bytes(6)


@dataclass(frozen=True)
class Packet:
    """What a frame says. Without ports they are 0; of an echo the identifier is the client's."""

    source: str
    destination: str
    protocol: str
    source_port: int
    destination_port: int
    reply: bool

    def __str__(self) -> str:
        """Write it as people do."""
        if self.protocol == "icmp":
            return f"{self.source} -> {self.destination} icmp"
        return (
            f"{self.source}:{self.source_port} -> {self.destination}:{self.destination_port} "
            f"{self.protocol}"
        )


def make(packet: Packet) -> bytes:
    """Return a frame without MAC addresses."""
    body = {"tcp": _tcp, "udp": _udp, "icmp": _icmp}[packet.protocol](packet)
    number = PROTOCOLS[packet.protocol]
    source, destination = map(socket.inet_aton, (packet.source, packet.destination))
    if packet.protocol != "icmp":
        pseudo = source + destination + struct.pack("!BBH", 0, number, len(body))
        at = 16 if packet.protocol == "tcp" else 6
        # Of UDP a sum of 0 says that there is none.
        total = _sum(pseudo + body) or 0xFFFF
        body = body[:at] + struct.pack("!H", total) + body[at + 2 :]
    head = struct.pack("!BBHHHBBH", 0x45, 0, _IPV4 + len(body), 1, 0x4000, 64, number, 0)
    head += source + destination
    head = head[:10] + struct.pack("!H", _sum(head)) + head[12:]
    return _NO_MAC * 2 + _TYPE + head + body


def read(frame: bytes) -> Packet:
    """Return what a frame says."""
    ip = frame[_ETHERNET:]
    protocol = NAMES.get(ip[9], "") if len(ip) >= _IPV4 else ""
    body = ip[(ip[0] & 15) * 4 :] if protocol else b""
    if frame[12:14] != _TYPE or not protocol or len(body) < _HEADERS[protocol]:
        valid = ", ".join(PROTOCOLS)
        raise Failure(f"packet is {frame.hex()!r}; valid is a frame of IPv4 with {valid}.")
    source, destination = socket.inet_ntoa(ip[12:16]), socket.inet_ntoa(ip[16:20])
    if protocol == "icmp":
        (identifier,) = struct.unpack_from("!H", body, 4)
        reply = body[0] == _ECHO_REPLY
        ports = (0, identifier) if reply else (identifier, 0)
    else:
        first, second = struct.unpack_from("!HH", body)
        reply = protocol == "tcp" and bool(body[13] & _ACK)
        ports = (first, second)
    return Packet(source, destination, protocol, ports[0], ports[1], reply)


def answer(frame: bytes) -> bytes:
    """Return what the receiver of a frame answers: a SYN-ACK, a datagram, an echo reply."""
    was = read(frame)
    return make(
        Packet(
            source=was.destination,
            destination=was.source,
            protocol=was.protocol,
            source_port=was.destination_port,
            destination_port=was.source_port,
            reply=True,
        )
    )


def with_source(frame: bytes, source: str) -> bytes:
    """Return a frame of this source."""
    return make(replace(read(frame), source=source))


def with_destination(frame: bytes, destination: str, port: int) -> bytes:
    """Return a frame for this destination."""
    return make(replace(read(frame), destination=destination, destination_port=port))


def with_macs(frame: bytes, destination: bytes, source: bytes) -> bytes:
    """Return a frame from and to these MAC addresses."""
    return destination + source + frame[12:]


def _tcp(packet: Packet) -> bytes:
    flags = _SYN | _ACK if packet.reply else _SYN
    numbers = (_SECOND, _FIRST + 1) if packet.reply else (_FIRST, 0)
    ports = (packet.source_port, packet.destination_port)
    return struct.pack("!HHIIBBHHH", *ports, *numbers, 5 << 4, flags, 64240, 0, 0)


def _udp(packet: Packet) -> bytes:
    data = b"podnet\0\0"
    ports = (packet.source_port, packet.destination_port)
    return struct.pack("!HHHH", *ports, 8 + len(data), 0) + data


def _icmp(packet: Packet) -> bytes:
    kind = _ECHO_REPLY if packet.reply else _ECHO
    identifier = packet.destination_port if packet.reply else packet.source_port
    body = struct.pack("!BBHHH", kind, 0, 0, identifier, 1) + b"podnet\0\0"
    return body[:2] + struct.pack("!H", _sum(body)) + body[4:]


def _sum(data: bytes) -> int:
    words = struct.unpack(f"!{len(data) // 2}H", data)
    total: int = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
