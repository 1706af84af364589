# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tell whoever comes by TCP or UDP under which address and port.

    mirror.py PORT

Each line of a connection and each datagram is answered with ``ADDRESS PORT``, filled up with spaces
to the length of what it answers; any router may cut datagrams. Who says ``bye`` is hung up on. Says
``ready`` once it listens.
"""

import contextlib
import selectors
import socket
import sys

SO_RCVBUFFORCE, SO_SNDBUFFORCE = 33, 32
IP_MTU_DISCOVER, IP_PMTUDISC_DONT = 10, 0

port = int(sys.argv[1])
listener = socket.create_server(("0.0.0.0", port), backlog=4096)
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for buffer in (SO_RCVBUFFORCE, SO_SNDBUFFORCE):
    datagrams.setsockopt(socket.SOL_SOCKET, buffer, 64 << 20)
datagrams.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)
datagrams.bind(("0.0.0.0", port))
selector = selectors.EpollSelector()
for each in (listener, datagrams):
    selector.register(each, selectors.EVENT_READ)


def told(visitor, size):
    return f"{visitor[0]} {visitor[1]}".encode().ljust(size - 1) + b"\n"


print("ready", flush=True)
while True:
    for key, _events in selector.select():
        if key.fileobj is datagrams:
            data, visitor = datagrams.recvfrom(65536)
            datagrams.sendto(told(visitor, len(data)), visitor)
        elif key.fileobj is listener:
            selector.register(listener.accept()[0], selectors.EVENT_READ)
        else:
            data = b""
            with contextlib.suppress(OSError):  # whoever it was has gone
                data = key.fileobj.recv(1 << 16)
                lines = data.splitlines(keepends=True)
                for line in lines:
                    key.fileobj.sendall(told(key.fileobj.getpeername(), len(line)))
                data = b"" if lines[-1:] == [b"bye\n"] else data
            if not data:
                selector.unregister(key.fileobj)
                key.fileobj.close()
