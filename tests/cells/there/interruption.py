# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every ten milliseconds an echo request to an address; for each line read, say what was lost.

    interruption.py ADDRESS

A line of the output is JSON: requests ``sent`` since the line before it, ``lost`` of them, and the
``longest`` time without an answer in milliseconds: from the first request that was lost to the next
one that was answered, by when they were sent.
"""

import contextlib
import json
import os
import select
import socket
import struct
import sys
import time

TICK = 0.01
PATIENCE = 1


class Echo:
    """Echo requests, numbered in their payload: when each was sent, and which were answered."""

    def __init__(self, address):
        self.address = address
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self.socket.setblocking(False)
        self.identity = os.getpid() & 0xFFFF
        self.number = 0
        self.forget()

    def forget(self):
        self.sent, self.answered = {}, set()

    def send(self):
        self.number += 1
        body = struct.pack("!HHQ", self.identity, 0, self.number)
        total = 0x0800 + sum(struct.unpack(f"!{len(body) // 2}H", body))
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        self.sent[self.number] = time.monotonic()
        # What cannot be sent, for want of a route or a device, is lost.
        with contextlib.suppress(OSError):
            packet = struct.pack("!BBH", 8, 0, ~total & 0xFFFF) + body
            self.socket.sendto(packet, (self.address, 0))

    def receive(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                packet = self.socket.recv(256)
                if len(packet) >= 36:
                    kind, identity, number = struct.unpack_from("!BxxxHxxQ", packet, 20)
                    if (kind, identity) == (0, self.identity):
                        self.answered.add(number)

    def report(self):
        longest, since = 0.0, None
        for number, when in self.sent.items():
            if number in self.answered:
                longest, since = max(longest, when - (since or when)), None
            elif since is None:
                since = when
        if since is not None:
            longest = max(longest, time.monotonic() - since)
        lost = len(self.sent.keys() - self.answered)
        return {"sent": len(self.sent), "lost": lost, "longest": round(longest * 1000)}


def wait(echo, seconds, *files):
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        ready = select.select([echo.socket, *files], [], [], left)[0]
        echo.receive()
        if any(file in ready for file in files):
            return True
    return False


echo = Echo(sys.argv[1])
while True:
    echo.send()
    if wait(echo, TICK, sys.stdin):
        if not sys.stdin.readline():
            break
        if echo.sent.keys() - echo.answered:
            wait(echo, PATIENCE)
        print(json.dumps(echo.report()), flush=True)
        echo.forget()
