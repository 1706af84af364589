# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Streams that flow while a run of ``site`` changes the network: what did it lose?

They flow between nodes and their health endpoints, which a run keeps, be it an upgrade or a switch.
One process a node answers the streams of others, keeps its own going, and is asked over a socket.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import struct
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..datapath import peers
from ..engine import addresses, background, namespaces
from ..engine.failure import Failure
from ..names import HEALTH

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

PID_FILE, CONTROL = Path("/run/podnet-streams.pid"), Path("/run/podnet-streams.sock")
#: Of the responder's port the next one.
PORT = 4242
#: So many other nodes get streams from each node, those that follow it by name.
PEERS = 2
#: Seconds from one message of a stream to the next.
PACE = 0.02
#: Seconds in which every stream shall have begun, and after which an answer does not come any more.
BEGIN, PATIENCE = 10.0, 2.0
_MESSAGE = struct.Struct("!Q")
_ROOM = 65536
#: Words of those who ask: which streams have not begun; how all went, after the last message.
BEGUN, RESULT = b"begun\n", b"result\n"


@dataclass
class Stream:
    """One stream, and how it goes.

    :param source, target: in words.
    :param netns: where it begins, None for the node itself.
    :param own, address: its two ends.
    :param silence: the longest time without an answer, seconds.
    :param broken: why its connection is none any more; empty: it is.
    """

    source: str
    netns: str | None
    own: str
    target: str
    address: str
    protocol: str
    one: socket.socket | None = None
    sent: int = 0
    answered: int = 0
    silence: float = 0.0
    broken: str = ""
    last: float = 0.0
    waiting: dict[int, float] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """Return what there is to say of it."""
        words = ("source", "target", "protocol", "sent", "broken")
        return {
            **{word: getattr(self, word) for word in words},
            "lost": len(self.waiting),
            "silence": round(self.silence, 3),
        }


def of_node(node: Mapping[str, Any]) -> list[Stream]:
    """Return the streams that begin at a node.

    :param node: its slice of the plan.
    """
    pod = ("pod", HEALTH, node["health_ip"])
    here = (node["name"], None, node["node_ip"])
    ways: list[tuple[tuple[str, str | None, str], str, str]] = [(here, "pod", node["health_ip"])]
    for peer in peers.following(node)[:PEERS]:
        ways.append((pod, peer["name"], peer["node_ip"]))
        ways += [(source, f"pod of {peer['name']}", peer["health_ip"]) for source in (pod, here)]
    return [
        Stream(*source, target, address, protocol)
        for source, target, address in ways
        for protocol in ("tcp", "udp")
        if address and source[2]
    ]


def start(node: Mapping[str, Any], lifetime: float) -> None:
    """Answer others' streams at a node and its health endpoint, and begin its own.

    :param node: its slice of the plan.
    :param lifetime: seconds after which it ends by itself.
    :raises Failure: where an address cannot be listened on; then nothing was started.
    """
    stop()
    places = [(None, node["node_ip"]), (HEALTH, node["health_ip"])]
    with contextlib.ExitStack() as stack:
        servers = [
            stack.enter_context(_listen(netns, address, kind))
            for netns, address in places
            if address
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM)
        ]
        control = stack.enter_context(_control())
        work = _Loop(servers, control, of_node(node), _partners(node)).run
        background.start(PID_FILE, lifetime, work, lambda: CONTROL.unlink(missing_ok=True))


def stop() -> None:
    """End it, if it runs."""
    background.stop(PID_FILE)
    CONTROL.unlink(missing_ok=True)


def ask(word: bytes) -> list[dict[str, Any]]:
    """Ask the process; return what it says.

    :param word: BEGUN or RESULT.
    :raises Failure: where it does not run any more.
    """
    with socket.socket(socket.AF_UNIX) as one:
        one.settimeout(BEGIN + 2 * PATIENCE)
        try:
            one.connect(str(CONTROL))
            one.sendall(word)
            with one.makefile("rb") as answer:
                found: list[dict[str, Any]] = json.loads(answer.readline())
        except (OSError, ValueError) as error:
            raise Failure(
                "The streams of this node do not flow any more: their process has ended, or was "
                f"ended ({error})."
            ) from error
    return found


def _partners(node: Mapping[str, Any]) -> set[str]:
    """Return who may ask: nodes and their health endpoints."""
    return {one[word] for one in (node, *node["peers"]) for word in ("node_ip", "health_ip")}


@contextlib.contextmanager
def _listen(netns: str | None, address: str, kind: int) -> Iterator[socket.socket]:
    with namespaces.inside(netns):
        one = socket.socket(addresses.family(address), kind | socket.SOCK_NONBLOCK)
    with one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((address, PORT))
        except OSError as error:
            raise Failure(
                f"No stream can be answered at port {PORT} of {address}: {error.strerror}."
            ) from error
        if kind == socket.SOCK_STREAM:
            one.listen()
        yield one


@contextlib.contextmanager
def _control() -> Iterator[socket.socket]:
    before = os.umask(0o177)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as one:
            one.bind(str(CONTROL))
            one.listen()
            yield one
    finally:
        os.umask(before)


class _Loop:
    """All that the process does: a selector, and a tick every PACE seconds."""

    def __init__(
        self,
        servers: Sequence[socket.socket],
        control: socket.socket,
        streams: Sequence[Stream],
        partners: Collection[str],
    ) -> None:
        self._selector = selectors.DefaultSelector()
        self._streams, self._partners = streams, partners
        self._asked: list[tuple[socket.socket, bytes, float]] = []
        self._ends: float | None = None  # the last message was sent
        for one in servers:
            answer = self._accept if one.type == socket.SOCK_STREAM else self._echo_datagram
            self._on(one, answer)
        self._on(control, self._accept_who_asks)

    def _on(self, one: socket.socket, do: Callable[[socket.socket], object]) -> None:
        self._selector.register(one, selectors.EVENT_READ, do)

    def _off(self, one: socket.socket) -> None:
        self._selector.unregister(one)
        one.close()

    def run(self) -> None:
        """Go on until somebody ends the process."""
        tick = time.monotonic()
        while True:
            for key, _events in self._selector.select(max(0.0, tick - time.monotonic())):
                key.data(key.fileobj)
            now = time.monotonic()
            if now >= tick:
                tick = max(now, tick + PACE)
                for stream in self._streams:
                    self._keep_going(stream, now)
                self._answer_who_asked(now)

    def _keep_going(self, stream: Stream, now: float) -> None:
        if stream.last and stream.waiting:
            stream.silence = max(stream.silence, now - max(stream.last, *_oldest(stream)))
        if stream.broken or self._ends:
            return
        try:
            if stream.one is None:
                stream.one = _open(stream)
                self._on(stream.one, lambda _one: self._take(stream))
            stream.one.send(_MESSAGE.pack(stream.sent))
        except (BlockingIOError, InterruptedError):
            return  # no room in its buffer, or its handshake is not over
        except OSError as error:
            # A datagram that the kernel does not take is lost as well as one on its way.
            if stream.protocol == "tcp":
                self._failed(stream, error)
                return
        if stream.last:  # before its first answer it has not begun
            stream.waiting[stream.sent] = now
        stream.sent += 1

    def _take(self, stream: Stream) -> None:
        try:
            data = stream.one.recv(_ROOM) if stream.one else b""
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._failed(stream, error)
            return
        if not data:
            self._failed(stream, None)
            return
        now = time.monotonic()
        stream.last = now
        if stream.protocol == "udp":
            stream.answered += 1
            stream.waiting.pop(_MESSAGE.unpack(data[: _MESSAGE.size])[0], None)
            return
        # What TCP answers, it answers in order.
        stream.answered += len(data)
        whole = stream.answered // _MESSAGE.size
        for number in [one for one in stream.waiting if one < whole]:
            del stream.waiting[number]

    def _failed(self, stream: Stream, error: OSError | None) -> None:
        if stream.protocol == "udp":
            return  # an ICMP error: what was lost is not answered
        if stream.one:
            self._off(stream.one)
            stream.one = None
        if stream.last:
            stream.broken = error.strerror or str(error) if error else "closed by the other side"
        else:
            stream.sent = stream.answered = 0  # nobody is there yet: once more

    def _accept(self, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            one, peer = server.accept()
            if peer[0] not in self._partners:
                one.close()
                return
            one.setblocking(False)
            self._on(one, self._echo)

    def _echo(self, one: socket.socket) -> None:
        try:
            data = one.recv(_ROOM)
            if data:
                one.send(data)
                return
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            pass
        self._off(one)

    def _echo_datagram(self, one: socket.socket) -> None:
        with contextlib.suppress(OSError):
            data, peer = one.recvfrom(_ROOM)
            # Two that answer each other would go on for ever.
            if peer[0] in self._partners and peer[1] != PORT:
                one.sendto(data, peer)

    def _accept_who_asks(self, control: socket.socket) -> None:
        with contextlib.suppress(OSError):
            one, _peer = control.accept()
            one.setblocking(False)
            self._on(one, self._hear)

    def _hear(self, one: socket.socket) -> None:
        word = b""
        with contextlib.suppress(OSError):
            word = one.recv(_ROOM)
        now = time.monotonic()
        if word == BEGUN:
            self._asked.append((one, word, now + BEGIN))
        elif word == RESULT:
            self._ends = self._ends or now
            self._asked.append((one, word, self._ends + PATIENCE))
        self._selector.unregister(one)
        if word not in (BEGUN, RESULT):
            one.close()

    def _answer_who_asked(self, now: float) -> None:
        for asked in list(self._asked):
            one, word, until = asked
            silent = [stream for stream in self._streams if not stream.last]
            open_ = silent if word == BEGUN else [s for s in self._streams if s.waiting]
            if open_ and now < until:
                continue
            told = silent if word == BEGUN else self._streams
            self._asked.remove(asked)
            with contextlib.suppress(OSError), one:
                one.setblocking(True)
                one.sendall(json.dumps([each.told() for each in told]).encode() + b"\n")


def _oldest(stream: Stream) -> list[float]:
    return list(stream.waiting.values())[:1]


def _open(stream: Stream) -> socket.socket:
    udp = stream.protocol == "udp"
    kind = socket.SOCK_DGRAM if udp else socket.SOCK_STREAM
    with namespaces.inside(stream.netns):
        one = socket.socket(addresses.family(stream.address), kind | socket.SOCK_NONBLOCK)
    one.bind((stream.own, 0))
    if not udp:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    one.connect_ex((stream.address, PORT))
    return one
