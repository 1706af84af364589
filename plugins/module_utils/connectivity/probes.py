# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The actions of a node: one process asks from all of the test's pods there, many at a time."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from ..engine import addresses, icmp, namespaces
from ..engine.failure import Failure
from .responder import DNS_ANSWER, IP_MTU_DISCOVER, IP_PMTUDISC_DO, dns_question
from .scenarios import ANSWER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Action = Mapping[str, Any]

#: Seconds: for an answer that is expected, and for one that is not to come.
PATIENCE, SILENCE = 3.0, 1.0
#: A datagram that is lost is sent again.
_ATTEMPTS = 3
_AT_ONCE = 48
_ETH_P_ALL = 3
_IP_MTU = 14
_ETHERNET = 14
_DATAGRAM = 65535
_HEADERS = 28
_UNASKED_PORT = 4099


class Seen(NamedTuple):
    """What an action saw.

    :param answered: whether anything came back.
    :param what: in words.
    :param name: of who answered; None: it did not say.
    :param peer: the address that it saw who asked at; None: it did not say.
    :param wrong: why what came is not what was asked for; empty: it is.
    """

    answered: bool
    what: str
    name: str | None = None
    peer: str | None = None
    wrong: str = ""


def run(actions: Sequence[Action]) -> list[dict[str, Any]]:
    """Do actions, as ``scenarios.actions`` returns them; return what became of each.

    Each has ``scenario``, ``source``, ``target``, ``own``, ``address``, ``command``, ``expected``,
    ``saw``, ``ok`` and ``seconds``.
    """
    with ThreadPoolExecutor(max(1, min(_AT_ONCE, len(actions)))) as pool:
        return list(pool.map(_one, actions))


def _one(action: Action) -> dict[str, Any]:
    begun = time.monotonic()
    try:
        seen = PROBES[action["probe"]].ask(action)
    except Failure as failure:
        seen = Seen(False, failure.message, wrong=failure.message)
    except OSError as error:
        seen = _of_error(error)
    wrong = _wrong(action, seen)
    told = ("scenario", "source", "target", "own", "address")
    return {
        **{word: action[word] for word in told},
        "command": PROBES[action["probe"]].command(action),
        "expected": _expected(action),
        "saw": f"{seen.what}; {wrong}" if wrong else seen.what,
        "ok": not wrong and (action["expects"] == ANSWER) == seen.answered,
        "seconds": round(time.monotonic() - begun, 3),
    }


def _of_error(error: OSError) -> Seen:
    if isinstance(error, (socket.timeout, TimeoutError)):
        return Seen(False, "no answer")
    said = (error.strerror or str(error)).lower()
    # Who refuses is there and heard the question; it is no answer all the same.
    if error.errno == errno.ECONNREFUSED:
        return Seen(True, said, wrong="nobody listens there")
    return Seen(False, said)


def _wrong(action: Action, seen: Seen) -> str:
    """Say what is wrong with an answer; empty: nothing is, or there is none."""
    if seen.wrong:
        return seen.wrong
    if not seen.answered or action["expects"] != ANSWER:
        return ""
    by, sees = action.get("by"), action.get("sees")
    if by and seen.name and seen.name not in by:
        return f"{by[0]} should have answered"
    if sees and seen.peer and seen.peer not in sees:
        return f"it should have been seen as {' or '.join(sees)}"
    return ""


def _expected(action: Action) -> str:
    if action["probe"] == "wire":
        return _form(action.get("tunnel"), action["own"])
    if action["expects"] != ANSWER:
        return "no answer"
    by, sees = action.get("by"), action.get("sees")
    return (
        "an answer"
        + (f" of {by[0]}" if by else "")
        + (f" that saw {' or '.join(sees)}" if sees else "")
    )


def _patience(action: Action) -> float:
    return PATIENCE if action["expects"] == ANSWER else SILENCE


@contextlib.contextmanager
def _open(netns: str | None, address: str, kind: int, protocol: int = 0) -> Iterator[socket.socket]:
    family = addresses.family(address)
    with namespaces.inside(netns):
        one = socket.socket(family, kind, protocol)
    with one:
        yield one


def _never_in_fragments(one: socket.socket) -> None:
    if one.family == socket.AF_INET:
        one.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)


def _said(data: bytes, size: int) -> Seen:
    """Return what an answer of a responder says."""
    try:
        said = json.loads(data.partition(b"\n")[0])
        name, peer = said["name"], said["peer"]
    except (ValueError, KeyError, TypeError):
        return Seen(True, "an answer that is none of the test's", wrong="it is somebody else's")
    wrong = "" if len(data) >= size else f"{len(data)} of {size} bytes came"
    return Seen(True, f"an answer of {name}, which saw {peer}", name, peer, wrong)


def _tcp(action: Action) -> Seen:
    end = time.monotonic() + _patience(action)
    data = bytearray()
    with _open(action["netns"], action["address"], socket.SOCK_STREAM) as one:
        one.settimeout(_patience(action))
        one.connect((action["address"], action["port"]))
        one.sendall(b"%d\n" % action["size"])
        with contextlib.suppress(socket.timeout):
            while part := one.recv(_DATAGRAM):
                data += part
                one.settimeout(max(0.01, end - time.monotonic()))
    if not data:
        return Seen(True, "a connection, and no answer on it", wrong="nothing was answered")
    return _said(bytes(data), action["size"])


def _udp(action: Action) -> Seen:
    with _open(action["netns"], action["address"], socket.SOCK_DGRAM) as one:
        if not action["fragment"]:
            _never_in_fragments(one)
        one.connect((action["address"], action["port"]))
        data = _asked_again(one, bytes(max(1, action["size"])), action)
    return _said(data, action["size"])


def _asked_again(one: socket.socket, question: bytes, action: Action) -> bytes:
    """Send a datagram until an answer comes.

    :raises TimeoutError: where none comes.
    """
    attempts = _ATTEMPTS if action["expects"] == ANSWER else 1
    one.settimeout(_patience(action) / attempts)
    for _dummy in range(attempts):
        one.send(question)
        with contextlib.suppress(socket.timeout):
            return one.recv(_DATAGRAM)
    raise TimeoutError


def _path_mtu(action: Action) -> Seen:
    """Find the largest datagram that comes and goes, as the kernel learns it from the routers."""
    size, learned = action["size"], ""
    with _open(action["netns"], action["address"], socket.SOCK_DGRAM) as one:
        _never_in_fragments(one)
        one.connect((action["address"], action["port"]))
        for _dummy in range(_ATTEMPTS):
            try:
                seen = _said(_asked_again(one, bytes(size), action), size)
            except (socket.timeout, TimeoutError):
                text = f"no answer to {size + _HEADERS} bytes, and no ICMP that less would fit"
                return Seen(False, text, wrong="large packets are lost on the way without a word")
            except OSError as error:
                if error.errno != errno.EMSGSIZE:
                    raise
                mtu = one.getsockopt(socket.IPPROTO_IP, _IP_MTU)
                size, learned = mtu - _HEADERS, f" after an ICMP: {mtu} bytes fit"
            else:
                return seen._replace(what=f"{seen.what} to {size + _HEADERS} bytes{learned}")
    return Seen(False, f"no size that fits{learned}", wrong="the path has no MTU that it keeps")


def _dns(action: Action) -> Seen:
    number = int.from_bytes(os.urandom(2), "big")
    with _open(action["netns"], action["address"], socket.SOCK_DGRAM) as one:
        one.connect((action["address"], action["port"]))
        data = _asked_again(one, dns_question(number, "podnet-connectivity.test"), action)
    right = data[:2] == number.to_bytes(2, "big") and data[-4:] == socket.inet_aton(DNS_ANSWER)
    what = f"the address {DNS_ANSWER}" if right else "an answer to another question"
    return Seen(True, what, wrong="" if right else "it is none to this question")


def _icmp(action: Action) -> Seen:
    number = int.from_bytes(os.urandom(2), "big")
    payload = bytes(action["size"])
    with _open(action["netns"], action["address"], socket.SOCK_RAW, socket.IPPROTO_ICMP) as one:
        if not action["fragment"]:
            _never_in_fragments(one)
        one.connect((action["address"], 0))
        attempts = _ATTEMPTS if action["expects"] == ANSWER else 1
        for sequence in range(attempts):
            one.send(icmp.echo(number, sequence, payload))
            end = time.monotonic() + _patience(action) / attempts
            while (left := end - time.monotonic()) > 0:
                one.settimeout(left)
                with contextlib.suppress(socket.timeout):
                    packet = one.recv(_DATAGRAM)
                    reply = packet[(packet[0] & 15) * 4 :]
                    if reply[0] == 0 and reply[4:6] == number.to_bytes(2, "big"):
                        return Seen(True, f"an echo of {len(reply) - 8} bytes")
    raise TimeoutError


def _reply(action: Action) -> Seen:
    """Have a packet that is denied, and then what would be the answer to it."""
    with (
        _open(action["netns"], action["address"], socket.SOCK_DGRAM) as one,
        _open(action["by"][0], action["own"], socket.SOCK_DGRAM) as other,
    ):
        one.bind((action["own"], 0))
        other.bind((action["address"], _UNASKED_PORT))
        other.settimeout(SILENCE)
        one.sendto(b"?", (action["address"], _UNASKED_PORT))
        with contextlib.suppress(socket.timeout):
            other.recv(1)
            return Seen(True, "the question, which was to be denied")
        # Where the sender is told so, that is no answer, either.
        with contextlib.suppress(PermissionError):
            other.sendto(b"!", one.getsockname())
        one.settimeout(SILENCE)
        return Seen(True, f"{one.recv(1)!r}, an answer to what was denied")


def _wire(action: Action) -> Seen:
    """Look at a packet to a pod of another node as it leaves this one."""
    token = os.urandom(16)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as tap:
        tap.bind((action["device"], _ETH_P_ALL))
        with _open(action["netns"], action["address"], socket.SOCK_DGRAM) as one:
            for _dummy in range(_ATTEMPTS):
                one.sendto(token, (action["address"], action["port"]))
                end = time.monotonic() + PATIENCE / _ATTEMPTS
                while (left := end - time.monotonic()) > 0:
                    tap.settimeout(left)
                    with contextlib.suppress(socket.timeout):
                        frame = tap.recv(_DATAGRAM)
                        if token in frame:
                            return _left(frame, action)
    return Seen(False, f"no packet at {action['device']}")


def _left(frame: bytes, action: Action) -> Seen:
    head = frame[_ETHERNET : _ETHERNET + 20]
    source, protocol = socket.inet_ntoa(head[12:16]), head[9]
    at = _ETHERNET + (head[0] & 15) * 4 + 2
    port = int.from_bytes(frame[at : at + 2], "big")
    tunnel = None if source == action["own"] else port
    what = _form(tunnel, source) if protocol == socket.IPPROTO_UDP else f"protocol {protocol}"
    right = tunnel == action.get("tunnel")
    return Seen(True, what, wrong="" if right else "it leaves in another form than planned")


def _form(tunnel: int | None, source: str) -> str:
    return (
        f"the packet in a tunnel to port {tunnel}"
        if tunnel
        else f"the packet itself, from {source}"
    )


class Probe(NamedTuple):
    """How something is asked, and by which command people would ask it."""

    ask: Callable[[Action], Seen]
    words: str

    def command(self, action: Action) -> str:
        """Return the command, in a pod by its namespace."""
        netns = f"ip netns exec {action['netns']} " if action["netns"] else ""
        return netns + self.words.format(**action)


PROBES = {
    "tcp": Probe(_tcp, "nc {address} {port}"),
    "udp": Probe(_udp, "nc -u {address} {port}"),
    "icmp": Probe(_icmp, "ping -c 1 -s {size} {address}"),
    "dns": Probe(_dns, "dig @{address} podnet-connectivity.test"),
    "path_mtu": Probe(_path_mtu, "tracepath -n {address}"),
    "reply": Probe(_reply, "nc -u {address} 4099, and back from there"),
    "wire": Probe(_wire, "nc -u {address} {port}, as tcpdump at {device} sees it"),
}
