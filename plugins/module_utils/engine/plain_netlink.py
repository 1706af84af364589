# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Netlink by the standard library alone, for what pyroute2 does not know, or where it is not."""

from __future__ import annotations

import os
import socket
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

NLMSG_ERROR, NLMSG_DONE = 2, 3
#: length, type, flags, sequence, port
_HEADER = struct.Struct("=IHHII")
#: struct nlattr: length, type; bits of the type say that it is nested, and in network order.
_ATTRIBUTE = struct.Struct("=HH")
_TYPE = 0x3FFF
_ROOM = 1 << 17


def ask(protocol: int, kind: int, flags: int, body: bytes) -> Iterator[bytes]:
    """Send a request; return the bodies of all answers.

    :param protocol: such as NETLINK_ROUTE; in the network namespace of this process.
    :raises OSError: where the kernel refuses it.
    """
    raw = socket.SOCK_RAW | socket.SOCK_CLOEXEC
    with socket.socket(socket.AF_NETLINK, raw, protocol) as asked:
        asked.send(_HEADER.pack(_HEADER.size + len(body), kind, flags, 1, 0) + body)
        while True:
            data = asked.recv(_ROOM)
            while data:
                length, answer, _flags, _sequence, _port = _HEADER.unpack_from(data)
                payload, data = data[_HEADER.size : length], data[(length + 3) & ~3 :]
                if answer == NLMSG_DONE:
                    return
                if answer == NLMSG_ERROR:
                    (number,) = struct.unpack_from("=i", payload)
                    if number:
                        raise OSError(-number, os.strerror(-number))
                    return
                yield payload


def attribute(kind: int, value: bytes) -> bytes:
    """Return one attribute of a request."""
    length = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(length, kind) + value + bytes(-length % 4)


def attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Return number and value of each attribute of an answer, or of an attribute that nests."""
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        yield kind & _TYPE, data[_ATTRIBUTE.size : length]
        data = data[(length + 3) & ~3 :]
