# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one entry of ``service_state``, and what programs note of flows in ``nat_seen``."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING, NamedTuple

from ..datapath.nat_layout import NAT_SEEN
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


def write(table: maps.Map, change: Callable[[State], State]) -> None:
    """Change the entry as it is now; programs do not write it."""
    now = read(table)
    after = change(now)
    if after != now:
        table.update({_KEY: packed.STATE.pack(*after)})


def forget_flows(state: maps.Map, seen: maps.Map, nat: maps.Map) -> None:
    """Let no program look for flows where there are none.

    Programs note a flow after they made its entry. So one that begins meanwhile is noted after
    this writes, or the second look finds it.

    :param seen: the map ``nat_seen``.
    """
    none, some = bytes(NAT_SEEN.spec.value_size), NAT_SEEN.pack_value(pod_flows=1, host_flows=1)
    now = read(state)
    if not (now.pod_flows or now.host_flows or seen.get(_KEY) != none) or not nat.empty():
        return
    write(state, lambda before: before._replace(pod_flows=0, host_flows=0))
    seen.update({_KEY: none})
    if not nat.empty():
        seen.update({_KEY: some})


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
