# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What arrives at a node: on its devices, before anything there can drop it, and at its sockets."""

from __future__ import annotations

import contextlib
import ctypes
import json
import selectors
import signal
import socket
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine import background, files
from ..engine.failure import Failure
from . import packets

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

PID_FILE = Path("/run/podnet-underlay.pid")
HEARD_FILE = Path("/run/podnet-underlay.json")
#: Should nobody end it, it ends by itself after so many seconds.
LIFETIME = 120
_ETH_P_ALL = 3
_PACKET_OUTGOING = 4
_ATTACH_FILTER = 26
_ETHERNET, _IP_AND_UDP = 14, 28
_DATAGRAM = 65535
#: What a node drops since an answer would leave by another device.
_BY_PATH = "IPReversePathFilter"


def start(own: Mapping[str, Any], run: int) -> None:
    """Listen until :func:`heard`.

    :param own: ``node_ip``, ``pod``, ``devices``, ``tunnel``: address and port or None.
    :raises Failure: where the port is not free.
    """
    heard()
    taps = [_tap(device) for device in own["devices"]]
    ports = [_bound(own["node_ip"], packets.PORT)]
    if ports[0] is None:
        raise Failure(
            f"Port {packets.PORT} of {own['node_ip']} is taken; end what listens there, or wait for "
            "another run."
        )
    before = _counted(own["tunnel"])
    ports.append(_bound(*own["tunnel"]) if own["tunnel"] else None)
    sockets = [one for one in ports if one is not None]
    background.start(PID_FILE, LIFETIME, lambda: _listen(own, run, taps, sockets, before))
    for one in (*taps, *sockets):
        one.close()


def heard() -> dict[str, Any]:
    """End it, and return what it has heard: ``wire`` and ``sockets``, what packets said.

    ``by_path`` is how many packets the reverse path filter has dropped meanwhile, ``tunnel`` whether
    something has reached who has the port of the tunnel; None: nobody has it.
    """
    background.stop(PID_FILE)
    found: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError):
        found = json.loads(HEARD_FILE.read_text())
    HEARD_FILE.unlink(missing_ok=True)
    return found


def _tap(device: str) -> socket.socket:
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    magic = int.from_bytes(packets.MAGIC, "big")
    # Classic BPF: the word at the beginning of the payload; all else is none of ours.
    program = b"".join(
        struct.pack("HBBI", *line)
        for line in (
            (0x20, 0, 0, _ETHERNET + _IP_AND_UDP),
            (0x15, 0, 1, magic),
            (0x06, 0, 0, 0xFFFF),
            (0x06, 0, 0, 0),
        )
    )
    code = ctypes.create_string_buffer(program)
    tap.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("HP", 4, ctypes.addressof(code)))
    tap.bind((device, _ETH_P_ALL))
    tap.setblocking(False)
    return tap


def _bound(address: str, port: int) -> socket.socket | None:
    """Return a socket at a port; None: somebody has it."""
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        one.bind((address, port))
    except OSError:
        one.close()
        return None
    one.setblocking(False)
    return one


def _counted(tunnel: Sequence[Any] | None) -> tuple[int, int]:
    """Return packets that the reverse path filter has dropped, and what waits at a tunnel's port."""
    lines = [line.split() for line in Path("/proc/net/netstat").read_text().splitlines()]
    by_path = dict(zip(lines[0], lines[1])).get(_BY_PATH)
    if by_path is None:
        counts = {k: v for names, values in zip(lines[::2], lines[1::2]) for k, v in zip(names, values)}
        by_path = counts.get(_BY_PATH, "0")
    waiting = 0
    for line in Path("/proc/net/udp").read_text().splitlines()[1:] if tunnel else ():
        words = line.split()
        if int(words[1].rpartition(":")[2], 16) == tunnel[1]:
            waiting += int(words[4].rpartition(":")[2], 16) + int(words[-1])
    return int(by_path), waiting


def _listen(
    own: Mapping[str, Any],
    run: int,
    taps: Collection[socket.socket],
    sockets: Collection[socket.socket],
    before: tuple[int, int],
) -> None:
    ended = []
    signal.signal(signal.SIGTERM, lambda *_words: ended.append(True))
    wire: set[packets.Said] = set()
    arrived: set[packets.Said] = set()
    waiting = selectors.DefaultSelector()
    for one in (*taps, *sockets):
        waiting.register(one, selectors.EVENT_READ)
    while not ended:
        for key, _events in waiting.select(0.05):
            one = key.fileobj
            if one in taps:
                _take_frame(one, own, run, wire)
            else:
                with contextlib.suppress(OSError):
                    said = packets.read(one.recv(_DATAGRAM), run)  # type: ignore[union-attr]
                    if said:
                        arrived.add(said)
    by_path, queued = (now - then for now, then in zip(_counted(own["tunnel"]), before))
    holds = own["tunnel"] and len(sockets) == 1
    found = {
        "wire": sorted(wire),
        "sockets": sorted(arrived),
        "by_path": by_path,
        "tunnel": queued > 0 if holds else None,
    }
    files.write(HEARD_FILE, json.dumps(found).encode())


def _take_frame(
    tap: Any, own: Mapping[str, Any], run: int, wire: set[packets.Said]
) -> None:
    with contextlib.suppress(OSError):
        frame, where = tap.recvfrom(_DATAGRAM)
        said = packets.read(frame[_ETHERNET + _IP_AND_UDP :], run)
        if said is None or where[2] == _PACKET_OUTGOING:
            return
        wire.add(said)
        if said.kind == packets.TARGET:
            _answer(frame, where[0], own, run)


def _answer(frame: bytes, device: str, own: Mapping[str, Any], run: int) -> None:
    """Answer what was for a pod, from its address: who tracks connections lets that pass."""
    source, target = (socket.inet_ntoa(frame[at : at + 4]) for at in (26, 30))
    data = packets.payload(run, packets.ANSWER, 0, own["node_ip"])
    inside = packets.packet(target, source, data, (packets.PORT, packets.SOURCE_PORT))
    mac = packets.next_hop(source, device)
    if mac is not None:
        with packets.frames(device) as tap:
            tap.send(packets.frame(device, mac, inside))
