# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hold so many UDP flows at once to a recorder, each from a port of its own.

    many.py ADDRESS PORT

Each line of the input is ``FIRST COUNT WINDOW``: open flows from the ports that begin there, ask
each once, and have no more than so many questions without an answer. It is answered by how many
answers there were, once all have come; with a window of 0, by the number of questions, at once.
"""

import resource
import select
import socket
import sys


class Flows:
    """Sockets, and whose answers have not come yet."""

    def __init__(self, address, port):
        self.target = (address, port)
        self.poll = select.epoll()
        self.sockets = {}
        self.waiting = self.answers = 0

    def ask(self, port):
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind(("", port))
        one.connect(self.target)
        one.setblocking(False)
        self.sockets[one.fileno()] = one
        self.poll.register(one.fileno(), select.EPOLLIN)
        one.send(b"?")
        self.waiting += 1

    def hear(self):
        for number, _event in self.poll.poll():
            self.sockets[number].recv(16)
            self.answers += 1
            self.waiting -= 1

    def run(self, first, count, window):
        for port in range(first, first + count):
            self.ask(port)
            while self.waiting >= window > 0:
                self.hear()
        if not window:
            return count
        while self.waiting:
            self.hear()
        return self.answers


resource.setrlimit(resource.RLIMIT_NOFILE, (1 << 17, 1 << 17))
flows = Flows(sys.argv[1], int(sys.argv[2]))
for line in sys.stdin:
    print(flows.run(*map(int, line.split())), flush=True)
