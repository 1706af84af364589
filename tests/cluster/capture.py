# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What passes a device of a host or a pod: a packet socket there, read when the traffic is over.

The kernel puts each packet into the socket's queue before it goes on, so that what was answered
was captured; nothing has to be waited for.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import TYPE_CHECKING

from ansible_collections.podnet.fabric.plugins.module_utils.engine import namespaces
from ansible_collections.podnet.fabric.plugins.module_utils.lab import places
from scapy.layers.l2 import Ether

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scapy.packet import Packet

ETH_P_ALL = 3
SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC, PACKET_STATISTICS = 263, 1, 1, 6
SO_RCVBUFFORCE = 33
ROOM = 256 << 20


def network(lab: str, target: str) -> str:
    """Return the file of the network namespace of ``HOST`` or ``HOST/POD``."""
    host, _slash, pod = target.partition("/")
    keeper = f"/proc/{places.HostPlace(lab, host).pid()}"
    return f"{keeper}/root{namespaces.NETNS_DIR}/{pod}" if pod else f"{keeper}/ns/net"


@contextlib.contextmanager
def capture(lab: str, target: str, device: str) -> Iterator[list[Packet]]:
    """Capture on ``HOST`` or in ``HOST/POD`` while the ``with`` block runs; then fill the list."""
    packets: list[Packet] = []
    with namespaces.inside(network(lab, target)):
        queue = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        number = socket.if_nametoindex(device)
    with queue:
        queue.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM)
        promiscuous = struct.pack("iHH8s", number, PACKET_MR_PROMISC, 0, b"")
        queue.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, promiscuous)
        queue.bind((device, ETH_P_ALL))
        yield packets
        packets.extend(Ether(data) for data in _queued(queue))
        lost = struct.unpack("II", queue.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
        assert lost == 0, f"{lost} packets were not captured"


def _queued(queue: socket.socket) -> Iterator[bytes]:
    while True:
        try:
            yield queue.recv(65536, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
