# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one entry of ``service_state``, to which both programs and this module write."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING, NamedTuple

from ..datapath import clock
from ..nat.flows import Flows
from . import packed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..engine.bpf import maps

#: asm-generic/socket.h: a number that no other network namespace has, from Linux 5.14.
SO_NETNS_COOKIE = 71
_KEY = bytes(4)


class State(NamedTuple):
    """The entry."""

    host_netns: int = 0
    frontends: int = 0
    outside: int = 0
    pod_flows: int = 0
    host_flows: int = 0
    next_id: int = 0
    sweep: int = 0


class Shared:
    """The entry, and the flows that programs note in it meanwhile.

    They write single fields and we write all of it: what they note within those microseconds is
    lost. So :meth:`settle` looks for flows that have begun since, by their entries in ``nat``.
    """

    def __init__(self, state: maps.Map, nat: maps.Map) -> None:
        """Take the two maps."""
        self._state, self._nat = state, nat
        self._since: int | None = None

    def write(self, change: Callable[[State], State]) -> None:
        """Change the entry as it is now."""
        if self._since is None:
            self._since = clock.now()
        now = read(self._state)
        after = change(now)
        if after != now:
            self._state.update({_KEY: packed.STATE.pack(*after)})

    def settle(self) -> None:
        """Let no program look for flows where there are none, and let all look where one is new."""
        now = read(self._state)
        if (now.pod_flows or now.host_flows) and self._nat.empty():
            self.write(lambda state: state._replace(pod_flows=0, host_flows=0))
        if self._since is not None and self._has_new_flows(self._since):
            self.write(lambda state: state._replace(pod_flows=1, host_flows=1))

    def _has_new_flows(self, since: int) -> bool:
        return any(
            clock.elapsed(value.created, since) >= 0 for _key, value in Flows(*self._nat.columns())
        )


def read(table: maps.Map | None) -> State:
    """Read the entry; all is 0 where there is no map."""
    raw = table.get(_KEY) if table else None
    return State(*packed.STATE.unpack(raw)) if raw else State()


def netns_cookie() -> int:
    """Cookie of the network namespace of this process; 0 where the kernel gives none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            raw = any_socket.getsockopt(socket.SOL_SOCKET, SO_NETNS_COOKIE, 8)
        except OSError:
            return 0
    return int.from_bytes(raw, sys.byteorder)
