# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One request over HTTP, answered by a process of its own that systemd has started for it.

It is read before anything else is done, within bounds of time and size: who connects and says
nothing costs the start of a process, and no reading of the kernel.
"""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING

from . import families

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

#: A request comes within this time, seconds, and is no longer, bytes.
SECONDS, BYTES = 2.0, 4096
#: An answer is taken within this time, seconds.
ANSWER_SECONDS = 5.0

_END = b"\r\n\r\n"
_ALLOW = "Allow: GET\r\n"
_REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    431: "Request Header Fields Too Large",
}


def serve(client: socket.socket, metrics: Callable[[], str]) -> bool:
    """Answer the request that a client sends; return whether it was a good one.

    :param metrics: called for a good one alone.
    """
    try:
        status = _asked(client)
    except OSError:  # it is gone
        return False
    body = metrics() if status == 200 else f"{_REASONS[status]}; there is GET /metrics.\n"
    data = body.encode()
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\n"
        f"Content-Type: {families.CONTENT_TYPE}\r\n"
        f"Content-Length: {len(data)}\r\n"
        f"{_ALLOW if status == 405 else ''}"
        "Connection: close\r\n\r\n"
    )
    client.settimeout(ANSWER_SECONDS)  # of the whole answer
    try:
        client.sendall(head.encode() + data)
    except OSError:  # it is gone, or takes nothing
        return False
    return status == 200


def _request(client: socket.socket) -> bytes | int:
    """Return a request, or the status of the answer to none."""
    end, request = time.monotonic() + SECONDS, b""
    while _END not in request and len(request) <= BYTES:
        left = end - time.monotonic()
        if left <= 0 or not select.select([client], [], [], left)[0]:
            return 408
        part = client.recv(BYTES)
        if not part:
            return 400
        request += part
    return request if len(request) <= BYTES else 431


def _asked(client: socket.socket) -> int:
    """Return the status of the answer to what a client asks."""
    request = _request(client)
    if isinstance(request, int):
        return request
    words = request.partition(b"\r\n")[0].split(b" ")
    if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
        return 400
    if words[1].partition(b"?")[0] != b"/metrics":
        return 404
    return 200 if words[0] == b"GET" else 405
