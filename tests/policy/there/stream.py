# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``send ADDRESS PORT 1``: a datagram each millisecond; ``take ADDRESS PORT 1``: send each back.

With ``0`` in the place of ``1`` none is sent back.

Prints "ready". Once its input ends, it prints when (nanoseconds, CLOCK_MONOTONIC) a datagram was
sent and its echo came, or when it came, 0 where that never was: arrays of 64 bits by the number of
the datagram, in hexadecimal, a line each.
"""

import array
import contextlib
import select
import socket
import struct
import sys
import time

MILLISECOND = 10**6
SO_RCVBUFFORCE = 33
ROOM = 16 << 20
#: Seconds that the last answer may take; where a policy keeps it out none comes.
LAST = 0.5
NUMBER = struct.Struct("!Q")


def put(times, number):
    if number >= len(times):
        times.extend([0] * (number + 1 - len(times)))
    times[number] = time.monotonic_ns()


def send(one, to, poll, answered):
    sent, echoed = array.array("Q"), array.array("Q")
    due = time.monotonic_ns()
    one.connect(to)
    while True:
        now = time.monotonic_ns()
        if now >= due:
            sent.append(now)
            one.send(NUMBER.pack(len(sent) - 1))
            due = max(due + MILLISECOND, now - 20 * MILLISECOND)
            now = time.monotonic_ns()
        for number, _events in poll.poll(max(0, due - now) / MILLISECOND):
            if number == 0:
                if answered:
                    await_last(one, len(sent) - 1, echoed)
                return sent, echoed
            put(echoed, NUMBER.unpack(one.recv(64))[0])


def await_last(one, last, echoed):
    """Take answers until the last one is there: what is on its way when all ends is not lost."""
    end = time.monotonic() + LAST
    while len(echoed) <= last and (left := end - time.monotonic()) > 0:
        one.settimeout(left)
        with contextlib.suppress(TimeoutError):
            put(echoed, NUMBER.unpack(one.recv(64))[0])


def drain(one, came):
    one.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            put(came, NUMBER.unpack(one.recv(64))[0])


def take(one, to, poll, answered):
    came = array.array("Q")
    one.bind(to)
    while True:
        for number, _events in poll.poll():
            if number == 0:
                drain(one, came)
                return (came,)
            data, sender = one.recvfrom(64)
            put(came, NUMBER.unpack(data)[0])
            if answered:
                one.sendto(data, sender)


def main(what, address, port, answered):
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    poll = select.poll()
    poll.register(0, select.POLLIN | select.POLLHUP)
    poll.register(one, select.POLLIN)
    print("ready", flush=True)
    for times in {"send": send, "take": take}[what](one, (address, int(port)), poll, int(answered)):
        print(times.tobytes().hex())


main(*sys.argv[1:])
