# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who answers in the test's pods and at hosts: one process a node, for the length of the test.

Each answer is a line of JSON with the name of who answers, and the address that it sees who asks
at; it is as long as the question wants it. At the port of DNS it is an answer of that.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine import addresses, background, namespaces
from ..engine.failure import Failure
from . import items

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

PID_FILE = Path("/run/podnet-connectivity.pid")
#: A connection that asks nothing for so many seconds is closed.
_REQUEST_SECONDS = 5
_BACKLOG = 64
#: No answer is longer.
_ROOM = 1 << 20
_DATAGRAM = 65535
#: IP_MTU_DISCOVER, and its value for: never in fragments.
IP_MTU_DISCOVER, IP_PMTUDISC_DO = 10, 2
#: The address in answers of DNS; it is documentation's.
DNS_ANSWER = "192.0.2.53"


def start(
    places: Sequence[Mapping[str, Any]],
    *,
    lifetime: float,
    then: Callable[[], object] | None = None,
) -> None:
    """Answer at each place: ``name``, ``address``, ``netns`` where it is not this one, ``ports``.

    :param lifetime: seconds after which it ends by itself.
    :param then: what it does then.
    :raises Failure: where an address cannot be listened on; then nothing was started.
    """
    stop()
    sockets = [
        (place["name"], port, kind, _open(place, port, kind))
        for place in places
        for port in place["ports"]
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM)
    ]
    background.start(PID_FILE, lifetime, lambda: asyncio.run(_respond(sockets)), then)
    for *_what, one in sockets:
        one.close()


def stop() -> bool:
    """Stop it; say whether it ran."""
    return background.stop(PID_FILE)


def _open(place: Mapping[str, Any], port: int, kind: int) -> socket.socket:
    family = addresses.family(place["address"])
    with namespaces.inside(place.get("netns")):
        one = socket.socket(family, kind)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if kind == socket.SOCK_DGRAM and family == socket.AF_INET:
        one.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
    try:
        one.bind((place["address"], port))
    except OSError as error:
        one.close()
        raise Failure(
            f"{place['name']} cannot listen at port {port} of {place['address']}: "
            f"{error.strerror}; end what has that port, or wait for another run of the test."
        ) from error
    one.setblocking(False)
    if kind == socket.SOCK_STREAM:
        one.listen(_BACKLOG)
    return one


async def _respond(sockets: Iterable[tuple[str, int, int, socket.socket]]) -> None:
    loop = asyncio.get_running_loop()
    servers = []
    for name, port, kind, one in sockets:
        if kind == socket.SOCK_STREAM:
            servers.append(await asyncio.start_server(_server(name), sock=one, limit=_ROOM))
        else:
            loop.add_reader(one, _datagram, name, port, one)
    await asyncio.gather(*(server.serve_forever() for server in servers))


def _server(name: str) -> Any:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError, ValueError, asyncio.TimeoutError):
            line = await asyncio.wait_for(reader.readline(), _REQUEST_SECONDS)
            peer = writer.get_extra_info("peername")
            writer.write(answer(name, peer[0], min(int(line or 0), _ROOM)))
            await asyncio.wait_for(writer.drain(), _REQUEST_SECONDS)
        writer.close()

    return serve


def _datagram(name: str, port: int, one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        question, peer = one.recvfrom(_DATAGRAM)
        if port == items.DNS_PORT:
            one.sendto(dns_answer(question), peer)
        else:
            one.sendto(answer(name, peer[0], len(question)), peer)


def answer(name: str, peer: str, size: int) -> bytes:
    """Return an answer of at least ``size`` bytes: a line, and what fills it up."""
    line = json.dumps({"name": name, "peer": peer}).encode() + b"\n"
    return line.ljust(size, b".")


def dns_question(number: int, name: str) -> bytes:
    """Return the question for the IPv4 address of a name."""
    labels = b"".join(bytes([len(word)]) + word.encode() for word in name.split("."))
    return (
        struct.pack("!6H", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", 1, 1)
    )


def dns_answer(question: bytes) -> bytes:
    """Return the answer to a question with one name, whatever it is."""
    head = question[:2] + struct.pack("!5H", 0x8180, 1, 1, 0, 0)
    record = struct.pack("!3HIH", 0xC00C, 1, 1, 60, 4) + socket.inet_aton(DNS_ANSWER)
    return head + question[12:] + record
