# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Echo requests of ICMP, to many addresses at once, without a process for each."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import time
from typing import TYPE_CHECKING, NamedTuple

from . import addresses

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Seconds that an echo may take.
PATIENCE = 0.5
#: A request is sent anew after so many seconds: the first may wait for a neighbor.
_AGAIN = 0.25
#: Type, code, checksum, identifier, sequence number (RFC 792, RFC 4443).
_HEADER = struct.Struct("!BBHHH")
_ROOM = 2048


class _Family(NamedTuple):
    protocol: int
    request: int
    reply: int
    #: Level, name and value of the socket option that lets echo replies in and nothing else.
    only_replies: tuple[int, int, bytes]


#: linux/icmp.h: ICMP_FILTER has a bit for each type that is kept out; linux/icmpv6.h the same.
_FAMILIES: dict[int, _Family] = {
    socket.AF_INET: _Family(socket.IPPROTO_ICMP, 8, 0, (255, 1, struct.pack("=I", 0xFFFFFFFE))),
    socket.AF_INET6: _Family(
        socket.IPPROTO_ICMPV6,
        128,
        129,
        (58, 1, struct.pack("=8I", *(0xFFFFFFFD if at == 4 else 0xFFFFFFFF for at in range(8)))),
    ),
}


def checksum(data: bytes) -> int:
    """Return the checksum of the Internet's headers over some bytes."""
    data += bytes(len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def echo(number: int, sequence: int, payload: bytes, request: int = 8) -> bytes:
    """Return an echo request as it is sent by a raw socket."""
    head = _HEADER.pack(request, 0, 0, number, sequence)
    return _HEADER.pack(request, 0, checksum(head + payload), number, sequence) + payload


def answering(hosts: Iterable[str], seconds: float = PATIENCE) -> set[str]:
    """Return the addresses that answer an echo request of this network namespace.

    :param hosts: addresses, at most 65,536, of either family.
    :param seconds: after which who has not answered does not; it ends when all have.
    """
    asked = list(dict.fromkeys(hosts))
    found: set[str] = set()
    number, end = int.from_bytes(os.urandom(2), "big"), time.monotonic() + seconds
    with contextlib.ExitStack() as stack:
        sockets = {
            family: stack.enter_context(_open(family))
            for family in {addresses.family(address) for address in asked}
        }
        while len(found) < len(asked) and (now := time.monotonic()) < end:
            for sequence, address in enumerate(asked):
                if address not in found:
                    family = addresses.family(address)
                    request = echo(number, sequence, b"", _FAMILIES[family].request)
                    with contextlib.suppress(OSError):  # no way there is no answer
                        sockets[family].sendto(request, (address, 0))
                # What has come is taken at once, before the socket's room is full.
                _take(sockets, number, asked, found, 0)
            again = min(end, now + _AGAIN)
            while len(found) < len(asked) and (left := again - time.monotonic()) > 0:
                _take(sockets, number, asked, found, left)
    return found


@contextlib.contextmanager
def _open(family: int) -> Iterator[socket.socket]:
    about = _FAMILIES[family]
    with socket.socket(family, socket.SOCK_RAW | socket.SOCK_NONBLOCK, about.protocol) as one:
        one.setsockopt(*about.only_replies)
        yield one


def _take(
    sockets: dict[int, socket.socket],
    number: int,
    asked: list[str],
    found: set[str],
    seconds: float,
) -> None:
    ready = select.select(list(sockets.values()), [], [], seconds)[0]
    for one in ready:
        with contextlib.suppress(BlockingIOError):
            while True:
                packet, sender = one.recvfrom(_ROOM)
                # IPv4 hands over its header, too.
                at = (packet[0] & 15) * 4 if one.family == socket.AF_INET else 0
                if len(packet) < at + _HEADER.size:
                    continue
                kind, _code, _sum, whose, sequence = _HEADER.unpack_from(packet, at)
                if (kind, whose) != (_FAMILIES[one.family].reply, number):
                    continue
                # Who answers for another one does not count.
                if sequence < len(asked) and asked[sequence] == sender[0]:
                    found.add(sender[0])
