# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Take TCP connections; answer each line with the name of this host; forget what comes else.

names.py PORT
"""

import selectors
import socket
import sys

NAME = socket.gethostname().encode() + b"\n"

selector = selectors.DefaultSelector()
listener = socket.create_server(("0.0.0.0", int(sys.argv[1])), backlog=100)
selector.register(listener, selectors.EVENT_READ)
while True:
    for key, _events in selector.select():
        if key.fileobj is listener:
            selector.register(listener.accept()[0], selectors.EVENT_READ)
            continue
        try:
            data = key.fileobj.recv(1 << 20)
            key.fileobj.sendall(NAME * data.count(b"\n"))
        except OSError:  # the client was closed
            data = b""
        if not data:
            selector.unregister(key.fileobj)
            key.fileobj.close()
