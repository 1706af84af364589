# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Talk to a mirror in many short flows, one after the other, until the input ends.

    churn.py ADDRESS PORT RATE

A second has at most RATE connections, of which each second one is closed by both ends and the
others are reset, and a sixteenth as many datagrams, each by a socket of its own. Then says as JSON
what there was of each, the errors, and when connections began that lost a segment: that sent one
again which the other end did not have already.
"""

import collections
import json
import select
import socket
import struct
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "loss/there"))
from stream import lost

QUESTION = b"?" * 31 + b"\n"
PATIENCE = 5
RESET = struct.pack("ii", 1, 0)
#: Seconds within which the other end says that it had a segment already (RFC 2883).
DUPLICATE = 1

address, port, rate = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
counts, errors, resent = collections.Counter(), collections.Counter(), []


def is_lost(one):
    late = time.monotonic() + DUPLICATE
    while lost(one) and time.monotonic() < late:
        select.select([one], [], [], 0.01)
    return lost(one) > 0


def connect(resets):
    began = time.time()
    with socket.create_connection((address, port), timeout=PATIENCE) as one:
        one.sendall(QUESTION)
        assert len(one.recv(64)) == len(QUESTION)
        if is_lost(one):
            resent.append(began)
        if resets:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            return
        # The mirror closes first, so that no port waits here for what might still come.
        one.sendall(b"bye\n")
        while one.recv(64):
            pass


def send():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.settimeout(PATIENCE)
        one.connect((address, port))
        one.send(QUESTION)
        assert len(one.recv(64)) == len(QUESTION)


def attempt(kind, call, *words):
    try:
        call(*words)
        counts[kind] += 1
    except OSError as error:
        errors[f"{kind}: {error}"] += 1


due = time.monotonic()
number = 0
while not select.select([0], [], [], max(0, due - time.monotonic()))[0]:
    number += 1
    attempt("closed" if number % 2 else "reset", connect, not number % 2)
    if number % 16 == 0:
        attempt("datagrams", send)
    # One that was kept waiting does not make up for it.
    due = max(due + 1 / rate, time.monotonic())
print(json.dumps({"counts": counts, "errors": errors, "resent": resent}))
