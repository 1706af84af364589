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
from ..names import OVERLAY_DEVICE
from . import packets

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

PID_FILE = Path("/run/podnet-underlay.pid")
HEARD_FILE = Path("/run/podnet-underlay.json")
#: Should nobody end it, it ends by itself after so many seconds.
LIFETIME = 120
_ETH_P_ALL = 3
_PACKET_OUTGOING = 4
_ATTACH_FILTER = 26
#: Ethernet, IPv4 and UDP in front of a payload.
_PLAIN = 14 + 20 + 8
#: Of classic BPF: load a word, jump where it equals, return so many bytes.
_LOAD, _EQUALS, _RETURN = 0x20, 0x15, 0x06
_DATAGRAM = 65535
#: What a node drops since an answer would leave by another device.
_BY_PATH = "IPReversePathFilter"


def start(own: Mapping[str, Any], run: int) -> None:
    """Listen until :func:`heard`.

    :param own: ``node_ip``, ``devices``, ``tunnel``: address and port, or None. Where a tunnel has
        that port already, what arrives in it counts as what arrives at a socket.
    :raises Failure: where the port is not free.
    """
    heard()
    there = {name for _number, name in socket.if_nameindex()}
    taps = [_tap(device) for device in (*own["devices"], OVERLAY_DEVICE) if device in there]
    ports = [_bound(own["node_ip"], packets.PORT)]
    if ports[0] is None:
        raise Failure(
            f"Port {packets.PORT} of {own['node_ip']} is taken; end what listens there, or wait "
            "for another run."
        )
    before = _dropped_by_path()
    ports.append(_bound(*own["tunnel"]) if own["tunnel"] else None)
    sockets = [one for one in ports if one is not None]
    background.start(PID_FILE, LIFETIME, lambda: _listen(own, run, taps, sockets, before))
    for one in (*taps, *sockets):
        one.close()


def heard() -> dict[str, Any]:
    """End it, and return what it has heard: ``wire`` and ``sockets``, what packets said.

    ``by_path`` is how many packets the reverse path filter has dropped meanwhile.
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
    # Classic BPF: the word at the beginning of the payload, or of that in a tunnel.
    lines = (
        (_LOAD, 0, 0, _PLAIN),
        (_EQUALS, 2, 0, magic),
        (_LOAD, 0, 0, _PLAIN + packets.OVERHEAD),
        (_EQUALS, 0, 1, magic),
        (_RETURN, 0, 0, 0xFFFF),
        (_RETURN, 0, 0, 0),
    )
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in lines))
    program = struct.pack("HP", len(lines), ctypes.addressof(code))
    tap.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, program)
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


def _dropped_by_path() -> int:
    """Return how many packets the reverse path filter has dropped."""
    lines = [line.split() for line in Path("/proc/net/netstat").read_text().splitlines()]
    counts = {
        name: value
        for names, values in zip(lines[::2], lines[1::2])
        for name, value in zip(names, values)
    }
    return int(counts.get(_BY_PATH, 0))


def _listen(
    own: Mapping[str, Any],
    run: int,
    taps: Collection[socket.socket],
    sockets: Collection[socket.socket],
    before: int,
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
            ready: Any = key.fileobj
            with contextlib.suppress(OSError):
                if ready in taps:
                    _take_frame(ready, own, run, wire, arrived)
                else:
                    _note(ready.recv(_DATAGRAM), run, arrived)
    found = {
        "wire": sorted(wire),
        "sockets": sorted(arrived),
        "by_path": _dropped_by_path() - before,
    }
    files.write(HEARD_FILE, json.dumps(found).encode())


def _note(payload: bytes, run: int, heard: set[packets.Said]) -> packets.Said | None:
    """Note what a payload says, its own or that of the packet in the tunnel that it is."""
    said = packets.read(payload, run) or packets.read(payload[packets.OVERHEAD :], run)
    if said:
        heard.add(said)
    return said


def _take_frame(
    tap: socket.socket,
    own: Mapping[str, Any],
    run: int,
    wire: set[packets.Said],
    arrived: set[packets.Said],
) -> None:
    frame, where = tap.recvfrom(_DATAGRAM)
    if where[2] == _PACKET_OUTGOING:
        return
    said = _note(frame[_PLAIN:], run, arrived if where[0] == OVERLAY_DEVICE else wire)
    if said and said.kind == packets.TARGET:
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
