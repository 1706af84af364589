# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Probes between nodes: ICMP to the stack, HTTP to a responder that lives as long as the probes.

Nothing of the network runs by itself, so who answers HTTP is started for the probes and stopped
after them; should nobody stop it, it ends by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import re
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine import background, namespaces
from ..engine.failure import Failure
from ..names import HEALTH
from . import presence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Of cilium-health.
PORT = 4240
PID_FILE = Path("/run/podnet-health.pid")
_ANSWER = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n"
_NO_REQUEST = b"HTTP/1.0 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
#: A request comes at once. A connection without one for so long, seconds, is closed.
_REQUEST_SECONDS = 2
#: With more connections than these the oldest goes: it is the likeliest to be silent.
_CONNECTIONS = 512
#: Connections that the kernel keeps until they are accepted.
_BACKLOG = 1024
_RTT = re.compile(r"= [\d.]+/([\d.]+)/")
#: Few enough at once that they do not measure each other.
_AT_ONCE = 64
_TARGETS_A_THREAD = 8


@dataclass(frozen=True)
class Probe:
    """One probe and how it went; ``rtt`` in seconds, None where nothing came back."""

    ok: bool
    rtt: float | None
    error: str | None = None


def probe(
    targets: Sequence[Mapping[str, Any]], *, port: int, timeout: float
) -> list[dict[str, Any]]:
    """Probe every target's ``host`` and ``endpoint`` address, many at a time.

    Returns each target with ``host`` and ``endpoint`` as ``{address, icmp, http}``; an address that
    is None has no probes.
    """
    with ThreadPoolExecutor(min(_AT_ONCE, 1 + len(targets) // _TARGETS_A_THREAD)) as pool:
        started = [
            (
                target,
                side,
                pool.submit(_icmp, target[side], timeout),
                pool.submit(_http, target[side], port, timeout),
            )
            for target in targets
            for side in ("host", "endpoint")
            if target[side]
        ]
        found = {
            target["name"]: {"name": target["name"], "local": bool(target.get("local"))}
            for target in targets
        }
        for target, side, icmp, answer in started:
            found[target["name"]][side] = {
                "address": target[side],
                "icmp": asdict(icmp.result()),
                "http": asdict(answer.result()),
            }
    return list(found.values())


def reachable(node: Mapping[str, Any]) -> bool:
    """Say whether every probe of a node came back."""
    sides = [node[side] for side in ("host", "endpoint") if side in node]
    return all(side[kind]["ok"] for side in sides for kind in ("icmp", "http"))


def render(nodes: Sequence[Mapping[str, Any]], when: str) -> str:
    """Return the report as ``cilium-health status --probe`` gives it."""
    lines = [f"Probe time:   {when}", "Nodes:"]
    for node in sorted(nodes, key=lambda node: not node["local"]):
        lines.append(f"  {node['name']}{' (localhost)' if node['local'] else ''}:")
        for side, title in (("host", "Host"), ("endpoint", "Endpoint")):
            if side in node:
                lines.append(f"    {title} connectivity to {node[side]['address']}:")
                lines.append(f"      ICMP to stack:   {_shown(node[side]['icmp'])}")
                lines.append(f"      HTTP to agent:   {_shown(node[side]['http'])}")
    return "\n".join(lines)


def _shown(result: Mapping[str, Any]) -> str:
    if not result["ok"]:
        return f"Connection failed: {result['error']}"
    micro = result["rtt"] * 1e6
    return f"OK, RTT={micro:.3f}µs" if micro < 1000 else f"OK, RTT={micro / 1000:.6f}ms"


def _icmp(address: str, timeout: float) -> Probe:
    command = ["ping", "-n", "-q", "-c", "1", "-W", str(timeout), address]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    match = _RTT.search(done.stdout)
    if done.returncode == 0 and match:
        return Probe(True, float(match[1]) / 1000)
    return Probe(False, None, done.stderr.strip() or f"no reply within {timeout:g} s")


def _http(address: str, port: int, timeout: float) -> Probe:
    start = time.perf_counter()
    connection = http.client.HTTPConnection(address, port, timeout=timeout)
    # The socket's own time-out is that of one byte, and an answer may come byte by byte.
    alarm = threading.Timer(timeout, _shut, (connection,))
    alarm.start()
    problem = None
    try:
        connection.request("GET", "/hello")
        status = connection.getresponse().status
        problem = None if status == http.client.OK else f"HTTP {status}"
    except OSError as error:
        return Probe(False, None, error.strerror or str(error) or type(error).__name__)
    except http.client.HTTPException as error:
        problem = f"no HTTP: {str(error)[:60]!r}"
    finally:
        alarm.cancel()
        connection.close()
    took = time.perf_counter() - start
    if took >= timeout:  # what was cut off may look like an answer
        problem = f"no whole answer within {timeout:g} s"
    return Probe(problem is None, took, problem)


def _shut(connection: http.client.HTTPConnection) -> None:
    with contextlib.suppress(OSError, AttributeError):  # not connected yet, or no more
        connection.sock.shutdown(socket.SHUT_RDWR)


def start_responder(places: Sequence[Mapping[str, Any]], *, port: int, lifetime: float) -> None:
    """Answer HTTP at each place (``address``, and ``netns`` where it is not this one).

    :raises Failure: where an address cannot be listened on; then nothing was started.
    """
    stop_responder()
    listeners = [_listen(place, port) for place in places]
    background.start(PID_FILE, lifetime, lambda: asyncio.run(_respond(listeners)))
    for listener in listeners:
        listener.close()


async def _respond(listeners: Sequence[socket.socket]) -> None:
    """Answer at all listeners for good. No connection waits for another one."""
    living: dict[asyncio.StreamWriter, None] = {}  # in the order in which they came

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        living[writer] = None
        if len(living) > _CONNECTIONS:
            oldest = next(iter(living))
            del living[oldest]
            oldest.transport.abort()
        try:
            await asyncio.wait_for(_answer(reader, writer), _REQUEST_SECONDS)
        except (OSError, EOFError, asyncio.TimeoutError, asyncio.LimitOverrunError):
            writer.transport.abort()
        finally:
            living.pop(writer, None)

    # So many are accepted in one go: descriptors are closed between two of them.
    servers = [await asyncio.start_server(serve, sock=one, backlog=64) for one in listeners]
    for one in listeners:
        one.listen(_BACKLOG)
    await asyncio.gather(*(server.serve_forever() for server in servers))


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    request = await reader.readuntil(b"\r\n\r\n")
    is_request = re.fullmatch(rb"[A-Z]+ \S+ HTTP/1\.\d", request.partition(b"\r\n")[0])
    writer.write(_ANSWER if is_request else _NO_REQUEST)
    writer.write_eof()
    await writer.drain()
    writer.close()
    await writer.wait_closed()


def stop_responder() -> bool:
    """Stop it; say whether it ran."""
    return background.stop(PID_FILE)


def _listen(place: Mapping[str, Any], port: int) -> socket.socket:
    netns = place.get("netns")
    if netns and not namespaces.exists(netns):
        if netns == HEALTH and not presence.has_network():
            raise Failure(presence.ABSENT)
        raise Failure(
            f"places: there is no network namespace {netns!r} here; {HEALTH} is that of a "
            f"node's health endpoint, which podnet.fabric.site makes."
        )
    with namespaces.inside(netns):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((place["address"], port))
    except OSError as error:
        listener.close()
        raise Failure(
            f"port: {place['address']}:{port} cannot be listened on: {error.strerror}; "
            f"choose another port."
        ) from error
    listener.listen(_BACKLOG)
    return listener
