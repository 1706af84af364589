# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A TCP connection that sends without end, and what it finds of losses on its way."""

import contextlib
import fcntl
import socket
import struct

#: Seconds of a tick, and how many of them pass from one kilobyte to the next.
TICK = 0.001
TICKS_A_KILOBYTE = 4
PAYLOAD = bytes(1024)
SIOCOUTQ = 0x5411
#: Of struct tcp_info (linux/tcp.h): where tcpi_total_retrans and tcpi_dsack_dups are.
TCP_INFO_SIZE, TOTAL_RETRANS, DSACK_DUPS = 232, 100, 216


def lost(one):
    """Segments that a socket sent again, less those that the other end had already."""
    info = one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_SIZE)
    again, spurious = (struct.unpack_from("=I", info, at)[0] for at in (TOTAL_RETRANS, DSACK_DUPS))
    return again - spurious


class Stream:
    """A connection, and for how many ticks what was sent was not acknowledged."""

    def __init__(self, address, port):
        self.socket = socket.create_connection((address, port), timeout=10)
        self.socket.setblocking(False)
        self.sent = self.acknowledged = self.waiting = self.stall = 0

    def send(self):
        outstanding = struct.unpack("i", fcntl.ioctl(self.socket, SIOCOUTQ, bytes(4)))[0]
        acknowledged = self.sent - outstanding
        idle = acknowledged > self.acknowledged or not outstanding
        self.waiting = 0 if idle else self.waiting + TICKS_A_KILOBYTE
        self.stall = max(self.stall, self.waiting)
        self.acknowledged = acknowledged
        with contextlib.suppress(BlockingIOError):
            self.sent += self.socket.send(PAYLOAD)

    def lost(self):
        return lost(self.socket)
