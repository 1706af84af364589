# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Events of the host's network: the kernel tells whoever listens of links, addresses and routes."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

NETLINK_ROUTE = 0
#: linux/rtnetlink.h: links, then addresses and routes of IPv4 and IPv6.
GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400
_ROOM = 1 << 16

#: Events come in bursts: one is over when so many seconds pass without another.
PAUSE = 0.1
#: A burst that does not end counts as one, too.
LONGEST_BURST = 1.0


class Events:
    """What has been told since it began to listen."""

    def __init__(self, told: socket.socket) -> None:
        """Listen by an open socket."""
        self._told = told
        self._poll = select.poll()
        self._poll.register(told, select.POLLIN)

    def wait(self, seconds: float) -> bool:
        """Wait for an event and the rest of its burst; say whether there was one in time."""
        if not self._take(seconds):
            return False
        end = time.monotonic() + LONGEST_BURST
        while time.monotonic() < end and self._take(PAUSE):
            pass
        return True

    def _take(self, seconds: float) -> bool:
        if not self._poll.poll(max(0.0, seconds) * 1000):
            return False
        # More than the socket has room for (ENOBUFS) is an event as well.
        with contextlib.suppress(OSError):
            self._told.recv(_ROOM)
        return True


@contextlib.contextmanager
def listen() -> Iterator[Events]:
    """Listen in the network namespace of this process for the length of a ``with`` block."""
    kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
    with socket.socket(socket.AF_NETLINK, kind, NETLINK_ROUTE) as told:
        told.bind((0, GROUPS))
        yield Events(told)
