# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Connections of pods by their own addresses that the programs did not see begin.

Only what they saw begin goes out by a pod's own address, where pods are masqueraded. A node that
has just been given such programs, or masquerades to more than before, has connections that nobody
noted: those of the pods' sockets that are of no flow. They stay as they are.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from typing import TYPE_CHECKING

from ..datapath import clock, pinned
from ..datapath import nat_layout as layout
from ..engine import addresses, namespaces, sockdiag
from . import queue

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

#: Fields of an entry that say nothing here.
_NOTHING = dict.fromkeys(("reserved", "id", "slot", "acked", "unused"), 0)


def masquerades_more(cidrs: Collection[str]) -> bool:
    """Say whether the node excepts a prefix now that is not among those that it will."""
    now = {pinned.prefix(key) for key, _why in pinned.entries(layout.NON_MASQUERADE)}
    return bool(now - set(cidrs))


def keep(netns: str, ip: str, cidrs: Sequence[str]) -> None:
    """Note the connections that a pod has by its own address with whom it is masqueraded to.

    Nothing where no flows are kept, or the kernel does not tell of sockets (CONFIG_INET_DIAG).

    :param netns: the pod's namespace, in the words of :mod:`engine.namespaces`.
    :param ip: its address.
    :param cidrs: what it reaches by its own address in any case.
    """
    with pinned.own(layout.NAT) as found, contextlib.suppress(sockdiag.Unsupported):
        if found:
            entries = _entries(netns, ip, [ipaddress.ip_network(cidr) for cidr in cidrs])
            queue.begin(found, {key: value for key, value in entries if found.get(key) is None})


def _entries(
    netns: str, ip: str, excepted: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]
) -> Iterator[tuple[bytes, bytes]]:
    with namespaces.inside(netns):
        connections = list(sockdiag.connected(socket.IPPROTO_TCP))
    own, now = addresses.packed(ip), clock.now()
    for one in connections:
        peer = ipaddress.ip_address(addresses.text(one.address))
        if one.own_address != own or any(peer in prefix for prefix in excepted):
            continue
        ends = {
            "source": ip,
            "destination": str(peer),
            "source_port": int.from_bytes(one.own_port, "big"),
            "destination_port": int.from_bytes(one.port, "big"),
        }
        flags = layout.NAT_INBOUND | layout.NAT_ANSWERED
        yield (
            layout.NAT.pack_key(**ends, protocol=socket.IPPROTO_TCP, reserved=0),
            layout.NAT.pack_value(**ends, **_NOTHING, flags=flags, created=now, used=now),
        )
