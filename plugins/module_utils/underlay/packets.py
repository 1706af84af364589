# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The packets by which nodes find what is in the way between them: what they say, how they go."""

from __future__ import annotations

import contextlib
import errno
import json
import socket
import struct
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..engine import addresses

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: Ports of the packets, but of those to the tunnel's port.
PORT, SOURCE_PORT = 4242, 4243
#: How the payload begins.
MAGIC = b"pnU1"
#: Bytes that a tunnel adds to a packet: Ethernet, IPv4, UDP and VXLAN.
OVERHEAD = 50
#: Of a header of VXLAN that it has a network's number.
_VXLAN_FLAGS = 0x08000000
#: What a packet is: see :data:`KINDS`.
NODE, SIZED, SOURCE, TARGET, PODS, TUNNEL, ANSWER = range(7)
KINDS = ("node", "sized", "source", "target", "pods", "tunnel", "answer")
#: Magic, run, kind, a zero byte, size of the whole packet or 0, address of the node that sends it.
_PAYLOAD = struct.Struct("!4sIBxH16s")
#: IP and UDP.
_HEADERS = 28
#: Sizes that are tried where those that are planned do not arrive.
LADDER = (
    *(9000, 8950, 8500, 4000, 1500, 1492, 1480, 1460, 1450, 1430, 1420, 1400, 1376, 1350, 1300),
    *(1280, 1000, 576),
)
#: Each packet is sent so often: one that is lost on a busy network says nothing.
_TIMES = 2
_IPV4 = b"\x08\x00"
_SOL_PACKET, _QDISC_BYPASS = 263, 20
_MTU_DISCOVER, _PROBE, _DO_NOT_FRAGMENT = 10, 3, 0x4000
#: Hops: pods' packets that come back where nobody forwards them shall not travel on.
_TTL = 3
#: Seconds for the MAC address of a neighbor.
_RESOLVE = 1.0


class Said(NamedTuple):
    """What a packet says: its kind, its size where that matters, and the node that sent it."""

    kind: int
    size: int
    sender: str


def payload(run: int, kind: int, size: int, sender: str) -> bytes:
    """Return a payload; one with a size fills a packet of so many bytes."""
    data = _PAYLOAD.pack(MAGIC, run, kind, size, addresses.packed(sender))
    return data.ljust(size - _HEADERS, b"\0") if size else data


def read(data: bytes, run: int) -> Said | None:
    """Return what a payload says; None for one that is of no packet of this run."""
    if len(data) < _PAYLOAD.size:
        return None
    magic, number, kind, size, sender = _PAYLOAD.unpack_from(data)
    if magic != MAGIC or number != run:
        return None
    return Said(kind, size, addresses.text(sender))


def sizes(wanted: int) -> list[int]:
    """Return the sizes that are tried, the one that is planned first."""
    return [wanted, *(size for size in LADDER if size < wanted)]


def send(own: Mapping[str, Any], peers: Sequence[Mapping[str, Any]], run: int) -> dict[str, str]:
    """Send all packets to all peers; return by the peer's name why some could not be sent.

    :param own: ``node_ip``, ``pod`` (an address of its pod CIDR), ``device``, ``size``, ``mac`` (of
        its tunnel endpoint).
    :param peers: each ``name``, ``node_ip``, ``pod``, and ``tunnel``: ``address``, ``port``,
        ``vni`` and ``mac``; None: pods' packets are sent as they are.
    """
    failures: dict[str, str] = {}
    with _socket(own["node_ip"]) as plain:
        for peer in peers:
            try:
                for _dummy in range(_TIMES):
                    _send_plain(plain, own, peer, run)
            except OSError as error:
                failures[peer["name"]] = error.strerror or str(error)
        native = [peer for peer in peers if not peer["tunnel"] and peer["name"] not in failures]
        if native:
            failures |= _send_frames(own, native, run)
    return failures


@contextlib.contextmanager
def _socket(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.setsockopt(socket.IPPROTO_IP, _MTU_DISCOVER, _PROBE)
        one.bind((address, 0))
        yield one


def _send_plain(
    plain: socket.socket, own: Mapping[str, Any], peer: Mapping[str, Any], run: int
) -> None:
    """Send what the node sends as itself."""
    node_ip = own["node_ip"]
    plain.sendto(payload(run, NODE, 0, node_ip), (peer["node_ip"], PORT))
    for size in sizes(own["size"]):
        try:
            plain.sendto(payload(run, SIZED, size, node_ip), (peer["node_ip"], PORT))
        except OSError as error:
            if error.errno != errno.EMSGSIZE:
                raise
    if peer["tunnel"]:
        inside = packet(own["pod"], peer["pod"], payload(run, TUNNEL, 0, node_ip))
        tunnel = peer["tunnel"]
        macs = bytes.fromhex((tunnel["mac"] + own["mac"]).replace(":", ""))
        data = struct.pack("!II", _VXLAN_FLAGS, tunnel["vni"] << 8) + macs + _IPV4 + inside
        plain.sendto(data, (tunnel["address"], tunnel["port"]))


def _send_frames(
    own: Mapping[str, Any], peers: Sequence[Mapping[str, Any]], run: int
) -> dict[str, str]:
    """Send what has pods' addresses, past all that this node does with such packets itself."""
    failures: dict[str, str] = {}
    with frames(own["device"]) as tap:
        for peer in peers:
            mac = next_hop(peer["node_ip"], own["device"])
            if mac is None:
                failures[peer["name"]] = "no MAC address of the next hop is known"
                continue
            for kind, source, target in (
                (SOURCE, own["pod"], peer["node_ip"]),
                (TARGET, own["node_ip"], peer["pod"]),
                (PODS, own["pod"], peer["pod"]),
            ):
                data = payload(run, kind, 0, own["node_ip"])
                for _dummy in range(_TIMES):
                    tap.send(frame(own["device"], mac, packet(source, target, data)))
    return failures


@contextlib.contextmanager
def frames(device: str) -> Iterator[socket.socket]:
    """Open a socket that sends frames by a device, past its queue and the programs there."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as tap:
        tap.setsockopt(_SOL_PACKET, _QDISC_BYPASS, 1)
        tap.bind((device, 0))
        yield tap


def frame(device: str, mac: bytes, inside: bytes) -> bytes:
    """Return a packet as it leaves by a device."""
    own = bytes.fromhex(
        Path(f"/sys/class/net/{device}/address").read_text().strip().replace(":", "")
    )
    return mac + own + _IPV4 + inside


def packet(
    source: str, target: str, data: bytes, ports: tuple[int, int] = (SOURCE_PORT, PORT)
) -> bytes:
    """Return a datagram between any two addresses, never to be cut into fragments."""
    length = 20 + 8 + len(data)
    head = struct.pack(
        "!BBHHHBBH4s4s",
        *(0x45, 0, length, 0, _DO_NOT_FRAGMENT, _TTL, socket.IPPROTO_UDP, 0),
        *(socket.inet_aton(source), socket.inet_aton(target)),
    )
    total: int = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    checksum = (~(total + (total >> 16)) & 0xFFFF).to_bytes(2, "big")
    return head[:10] + checksum + head[12:] + struct.pack("!HHHH", *ports, 8 + len(data), 0) + data


def next_hop(address: str, device: str) -> bytes | None:
    """Return the MAC address to which what is for an address is sent; None: nobody answers."""
    command = ["ip", "-j", "route", "get", address, "oif", device]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return None
    (route,) = json.loads(done.stdout)
    hop: str = route.get("gateway", address)
    end = time.monotonic() + _RESOLVE
    while True:
        for line in Path("/proc/net/arp").read_text().splitlines()[1:]:
            known, _type, flags, mac, _mask, at = line.split()
            if known == hop and at == device and int(flags, 16) & 2:
                return bytes.fromhex(mac.replace(":", ""))
        if time.monotonic() > end:
            return None
        time.sleep(0.01)
