# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sockets of other processes: find them as ``ss`` does, and close them as ``ss --kill``.

Layouts are those of linux/inet_diag.h. pyroute2 (0.7 to 0.9) lists sockets and closes none; and
``node_info`` lists them where it is not installed yet.
"""

from __future__ import annotations

import errno
import socket
import struct
from typing import TYPE_CHECKING, NamedTuple

from . import addresses, plain_netlink, rtnl

if TYPE_CHECKING:
    from collections.abc import Iterator

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY, SOCK_DESTROY = 20, 21
#: family, protocol, extensions, padding, states; the socket's own words follow.
_REQUEST = struct.Struct("=BBBBI")
#: source and destination port and address, device, cookie
_SOCKET = struct.Struct("=2s2s16s16sIQ")
#: family, state, timer, retransmissions
_ANSWER = struct.Struct("=BBBB")
#: Bits of TCP_LISTEN, TCP_TIME_WAIT and TCP_NEW_SYN_RECV, which have no process that waits.
_NO_STATES = 1 << 10 | 1 << 6 | 1 << 12
#: Bits of TCP_LISTEN, and of TCP_CLOSE, in which a socket of UDP is that nobody connected.
_LISTENS = {socket.IPPROTO_TCP: 1 << 10, socket.IPPROTO_UDP: 1 << 7}
#: What follows the socket's words: expiry, two queues, user, inode; then attributes.
_REST = struct.Struct("=IIIII")
_INET_DIAG_SKV6ONLY = 11
_NOT_KNOWN = (errno.EOPNOTSUPP, errno.EINVAL)


class Found(NamedTuple):
    """One socket that talks to somebody.

    :param address: of the other side, 16 bytes, IPv4 as ::ffff:a.b.c.d.
    :param port: of the other side, in network order.
    :param own_address: of this side, in the same form, as is ``own_port``.
    """

    cookie: int
    address: bytes
    port: bytes
    family: int
    protocol: int
    words: bytes
    own_address: bytes
    own_port: bytes


class Listener(NamedTuple):
    """One socket that takes what comes for a port.

    :param address: as text; ``0.0.0.0`` and ``::`` for any.
    :param inode: as ``/proc/PID/fd`` has it; 0 for a socket of the kernel's own.
    :param v6_only: takes no IPv4, though its address is ``::``.
    """

    address: str
    port: int
    inode: int
    v6_only: bool


class Unsupported(Exception):
    """The kernel cannot list or close sockets (CONFIG_INET_DIAG, CONFIG_INET_DIAG_DESTROY)."""


def connected(protocol: int) -> Iterator[Found]:
    """Return the sockets of TCP or UDP in the network namespace of this process.

    :raises Unsupported: by a kernel that does not tell of them.
    """
    for family in (socket.AF_INET, socket.AF_INET6):
        states = 0xFFFFFFFF & ~_NO_STATES
        body = _REQUEST.pack(family, protocol, 0, 0, states) + bytes(_SOCKET.size)
        for answer in _asked(SOCK_DIAG_BY_FAMILY, rtnl.REQUEST | rtnl.DUMP, body):
            words = answer[_ANSWER.size : _ANSWER.size + _SOCKET.size]
            sport, dport, source, to, _device, cookie = _SOCKET.unpack(words)
            own, address = (
                addresses.MAPPED + one[:4] if family == socket.AF_INET else one
                for one in (source, to)
            )
            yield Found(cookie, address, dport, family, protocol, words, own, sport)


def listening(protocol: int) -> Iterator[Listener]:
    """Return the sockets of TCP or UDP that wait for anybody, in the namespace of this process.

    :raises Unsupported: by a kernel that does not tell of them.
    """
    for family in (socket.AF_INET, socket.AF_INET6):
        body = _REQUEST.pack(family, protocol, 0, 0, _LISTENS[protocol]) + bytes(_SOCKET.size)
        for answer in _asked(SOCK_DIAG_BY_FAMILY, rtnl.REQUEST | rtnl.DUMP, body):
            port, _dport, source, *_others = _SOCKET.unpack_from(answer, _ANSWER.size)
            rest = _ANSWER.size + _SOCKET.size
            inode = _REST.unpack_from(answer, rest)[-1]
            told = dict(plain_netlink.attributes(answer[rest + _REST.size :]))
            address = source[:4] if family == socket.AF_INET else source
            yield Listener(
                socket.inet_ntop(family, address),
                int.from_bytes(port, "big"),
                inode,
                bool(any(told.get(_INET_DIAG_SKV6ONLY, b""))),
            )


def destroy(found: Found) -> bool:
    """Close a socket, whose process gets ECONNABORTED; False where it is gone already.

    :raises Unsupported: by a kernel that cannot.
    """
    body = _REQUEST.pack(found.family, found.protocol, 0, 0, 0xFFFFFFFF) + found.words
    try:
        list(plain_netlink.ask(NETLINK_SOCK_DIAG, SOCK_DESTROY, rtnl.REQUEST | rtnl.ACK, body))
    except OSError as error:
        if error.errno in _NOT_KNOWN:
            raise Unsupported from error
        if error.errno in (errno.ENOENT, errno.ESTALE):
            return False
        raise
    return True


def _asked(kind: int, flags: int, body: bytes) -> list[bytes]:
    """Return the answers to a question of which not every kernel knows."""
    try:
        return list(plain_netlink.ask(NETLINK_SOCK_DIAG, kind, flags, body))
    except OSError as error:
        if error.errno in (*_NOT_KNOWN, errno.ENOENT):
            raise Unsupported from error
        raise
