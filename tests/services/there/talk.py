# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hold TCP connections to a service, each of which sends without end; say what became of them.

    talk.py ADDRESS PORT COUNT

A line of the output is JSON, a list of the connections: the ``name`` that the server gave, the
``peer`` that the kernel names, the ``error`` that ended it or null, ``bytes``, segments ``resent``,
and the longest ``stall`` in milliseconds. One comes at once, and one for each line of the input.
"""

import errno
import json
import select
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "loss/there"))
from stream import TICK, TICKS_A_KILOBYTE, Stream


class Talk:
    """A connection, and who is at its other end."""

    def __init__(self, address, port):
        self.stream = Stream(address, port)
        self.peer = self.stream.socket.getpeername()
        self.error = None
        self.stream.socket.setblocking(True)
        self.stream.socket.sendall(b"\n")
        with self.stream.socket.makefile() as answer:
            self.name = answer.readline().strip()
        self.stream.socket.setblocking(False)

    def send(self):
        try:
            if self.error is None:
                self.stream.send()
        except OSError as error:
            self.error = errno.errorcode[error.errno]

    def report(self):
        told = {"name": self.name, "peer": self.peer, "error": self.error}
        resent = self.stream.lost() if self.error is None else None
        return {**told, "bytes": self.stream.sent, "resent": resent, "stall": self.stream.stall}


address, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
talks = [Talk(address, port) for _number in range(count)]
print(json.dumps([talk.report() for talk in talks]), flush=True)
period = TICK * TICKS_A_KILOBYTE
due = time.monotonic()
while True:
    if select.select([sys.stdin], [], [], max(0, due - time.monotonic()))[0]:
        if not sys.stdin.readline():
            break
        print(json.dumps([talk.report() for talk in talks]), flush=True)
    if time.monotonic() >= due:
        for talk in talks:
            talk.send()
        # One that was kept waiting does not make up for it.
        due = max(due + period, time.monotonic())
