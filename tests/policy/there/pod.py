# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Serve TCP, UDP and SCTP on 80 and 81, and ask other pods for the same when told to.

Takes a line of JSON for each thing to do, and prints lines of JSON, first ``{"ready": true}``.

``{"round": N, "targets": [address, ...]}``
    asks each address by each protocol on both ports, one packet each: a SYN, a datagram, an INIT.
    Each answer is printed as it comes: ``{"answers": [[protocol, address, port], ...]}``; an error
    with its name behind them.
``{"end": N}``
    resets the connections. Whoever served them prints ``{"closed": COUNT}``, so that it is known
    when the reset has come.

This kernel need have no SCTP: an INIT and what answers it are made by hand, and their checksum is
left out, since nobody looks at it.
"""

import errno
import functools
import json
import select
import socket
import struct
import sys

PORTS = (80, 81)
SCTP = 132
INIT, INIT_ACK = 1, 2
RESET = struct.pack("ii", 1, 0)
HEADER = struct.Struct("!HHIIBBHI")  # of SCTP: ports, tag, checksum; of a chunk: type, ..., length


def say(**what):
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def chunk(source, destination, kind, number):
    return HEADER.pack(source, destination, 0, 0, kind, 0, 20, number) + bytes(12)


class Pod:
    """The sockets of a pod, each with what is done when it has something."""

    def __init__(self):
        self.poll = select.epoll()
        self.handlers = {}
        self.answers = []
        self.closed = 0
        self.round = 0
        self.asked = {}  # connections that are asked for: the socket by its number
        for port in PORTS:
            taker = socket.create_server(("", port), backlog=1024)
            taker.setblocking(False)
            self.watch(taker, lambda taker=taker: self.accept(taker))
            server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            # Another program of the test may serve the port at the address of eth0.
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind(("", port))
            server.setblocking(False)
            self.watch(server, lambda server=server: self.echo(server))
        self.sctp = socket.socket(socket.AF_INET, socket.SOCK_RAW, SCTP)
        self.sctp.setblocking(False)
        self.watch(self.sctp, self.take_chunk)
        self.datagrams = None
        # By a buffer of our own: a line that waits in Python's wakes no epoll.
        self.commands = b""
        self.handlers[0] = self.take_command
        self.poll.register(0, select.EPOLLIN)

    def watch(self, one, handler, events=select.EPOLLIN):
        self.handlers[one.fileno()] = handler
        self.poll.register(one.fileno(), events)

    def forget(self, one):
        self.poll.unregister(one.fileno())
        del self.handlers[one.fileno()]
        one.close()

    def run(self):
        say(ready=True)
        while True:
            closed = self.closed
            for number, _events in self.poll.poll():
                # What came before may have closed it.
                handler = self.handlers.get(number)
                if handler:
                    handler()
            if self.answers:
                say(answers=self.answers)
                self.answers = []
            if self.closed > closed:
                say(closed=self.closed - closed)

    # Who serves

    def accept(self, taker):
        while True:
            try:
                connection = taker.accept()[0]
            except BlockingIOError:
                return
            self.watch(connection, lambda one=connection: self.lose(one))

    def lose(self, connection):
        self.forget(connection)
        self.closed += 1

    def echo(self, server):
        while True:
            try:
                data, sender = server.recvfrom(65536)
            except BlockingIOError:
                return
            server.sendto(data, sender)

    # Who asks

    def take_command(self):
        data = sys.stdin.buffer.raw.read(65536)
        if not data:
            sys.exit()
        self.commands += data
        while b"\n" in self.commands:
            line, _end, self.commands = self.commands.partition(b"\n")
            command = json.loads(line)
            if "end" in command:
                self.end()
            else:
                self.ask(command["round"], command["targets"])

    def ask(self, number, targets):
        self.round = number
        self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.datagrams.setblocking(False)
        self.watch(self.datagrams, self.take_datagram)
        own = self.source_port()
        for address in targets:
            for port in PORTS:
                self.connect(address, port)
                self.datagrams.sendto(struct.pack("!I", number), (address, port))
                self.sctp.sendto(chunk(own, port, INIT, number), (address, 0))

    def source_port(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("", 0))
            return free.getsockname()[1]

    def connect(self, address, port):
        one = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        one.setblocking(False)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.asked[one.fileno()] = one
        found = one.connect_ex((address, port))
        if found not in (0, errno.EINPROGRESS):
            self.answers.append(["TCP", address, port, errno.errorcode[found]])
            return
        handler = functools.partial(self.connected, one, address, port)
        self.watch(one, handler, select.EPOLLOUT | select.EPOLLONESHOT)

    def connected(self, one, address, port):
        found = one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self.answers.append(["TCP", address, port, *([errno.errorcode[found]] if found else [])])

    def take_datagram(self):
        while True:
            try:
                data, (address, port) = self.datagrams.recvfrom(64)
            except BlockingIOError:
                return
            if data == struct.pack("!I", self.round):
                self.answers.append(["UDP", address, port])

    def take_chunk(self):
        while True:
            try:
                packet, (address, _none) = self.sctp.recvfrom(256)
            except BlockingIOError:
                return
            found = HEADER.unpack_from(packet, (packet[0] & 15) * 4)
            source, destination, _tag, _sum, kind, _flags, _length, number = found
            if kind == INIT and destination in PORTS:
                self.sctp.sendto(chunk(destination, source, INIT_ACK, number), (address, 0))
            elif kind == INIT_ACK and number == self.round:
                self.answers.append(["SCTP", address, source])

    def end(self):
        for number, one in self.asked.items():
            if number in self.handlers:
                self.forget(one)
            else:
                one.close()
        self.asked = {}
        self.forget(self.datagrams)
        self.round = 0


Pod().run()
