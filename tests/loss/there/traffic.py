# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every millisecond an echo request to an address, every fourth a kilobyte by TCP to another.

    traffic.py ADDRESS PORT ECHOED until its input ends; then says as JSON what became of it
    traffic.py PORT                takes such connections, and forgets what comes

What counts is what the kernels did, not when a busy machine let this process run: an echo is lost
if it is not there seconds after all the others, and the connection stalls while what was sent is
not acknowledged, in ticks that this process has seen pass.
"""

import json
import os
import select
import socket
import struct
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from stream import TICK, TICKS_A_KILOBYTE, Stream

PATIENCE = 3


class Echo:
    """Echo requests, numbered in their payload."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.connect((address, 0))
        self.socket.setblocking(False)
        self.identity = os.getpid() & 0xFFFF
        self.sent = 0
        self.missing = {}

    def send(self):
        body = struct.pack("!HHQ", self.identity, self.sent & 0xFFFF, self.sent)
        words = struct.unpack(f"!{len(body) // 2}H", body)
        total = 0x0800 + sum(words)
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        self.missing[self.sent] = time.time()
        self.socket.send(struct.pack("!BBH", 8, 0, ~total & 0xFFFF) + body)
        self.sent += 1

    def receive(self):
        while True:
            try:
                packet = self.socket.recv(256)
            except BlockingIOError:
                return
            kind, _code, _sum, identity, _low, number = struct.unpack_from("!BBHHHQ", packet, 20)
            if (kind, identity) == (0, self.identity):
                self.missing.pop(number, None)


def send(address, port, echoed):
    echo, stream = Echo(echoed), Stream(address, port)
    print("ready", flush=True)
    poll = select.poll()
    poll.register(echo.socket, select.POLLIN)
    poll.register(0, select.POLLIN)
    due = time.monotonic()
    ready = {}
    while 0 not in ready:
        ready = dict(poll.poll(max(0, (due - time.monotonic()) * 1000)))
        if ready:
            echo.receive()
        if time.monotonic() >= due:
            echo.send()
            if echo.sent % TICKS_A_KILOBYTE == 0:
                stream.send()
            # One that was kept waiting does not make up for it: a burst is no ping a millisecond.
            due = max(due + TICK, time.monotonic())
    end = time.monotonic() + PATIENCE
    while echo.missing and time.monotonic() < end:
        select.select([echo.socket], [], [], 0.1)
        echo.receive()
    lost = stream.lost()
    stream.socket.close()
    report = {"sent": echo.sent, "lost": sorted(echo.missing.values())}
    print(json.dumps({**report, "bytes": stream.sent, "resent": lost, "stall": stream.stall}))


def take(port):
    listener = socket.create_server(("0.0.0.0", port))
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    poll.register(0, select.POLLIN)
    print("ready", flush=True)
    connections = {}
    while True:
        for file, _event in poll.poll():
            if file == 0:
                return
            if file == listener.fileno():
                connection = listener.accept()[0]
                connections[connection.fileno()] = connection
                poll.register(connection, select.POLLIN)
            elif not connections[file].recv(1 << 20):
                poll.unregister(file)
                connections.pop(file).close()


if len(sys.argv) == 4:
    send(sys.argv[1], int(sys.argv[2]), sys.argv[3])
else:
    take(int(sys.argv[1]))
