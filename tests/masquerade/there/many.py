# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hold so many UDP flows at once to a recorder, each from a port of its own.

    many.py ADDRESS PORT

Each line of the input is ``FIRST COUNT WINDOW``: ask once by the flows from the ports that begin
there, and have no more than so many questions without an answer. It is answered by how many answers
there were, once all have come; with a window of 0, by 0, at once.
"""

import resource
import select
import socket
import sys


class Flows:
    """Sockets by their port, and those whose answers have not come yet."""

    def __init__(self, address, port):
        self.target = (address, port)
        self.poll = select.epoll()
        self.sockets = {}
        self.ports = {}
        self.waiting = set()

    def open(self, port):
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind(("", port))
        one.connect(self.target)
        one.setblocking(False)
        self.poll.register(one.fileno(), select.EPOLLIN)
        self.ports[one.fileno()] = port
        return one

    def ask(self, port):
        if port not in self.sockets:
            self.sockets[port] = self.open(port)
        self.sockets[port].send(b"?")
        self.waiting.add(port)

    def hear(self):
        for number, _event in self.poll.poll():
            port = self.ports[number]
            self.sockets[port].recv(16)
            self.waiting.discard(port)

    def run(self, first, count, window):
        self.waiting.clear()
        for port in range(first, first + count):
            self.ask(port)
            while len(self.waiting) >= window > 0:
                self.hear()
        while self.waiting and window:
            self.hear()
        return count - len(self.waiting)


_soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
flows = Flows(sys.argv[1], int(sys.argv[2]))
for line in sys.stdin:
    print(flows.run(*map(int, line.split())), flush=True)
