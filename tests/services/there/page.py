# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fetch a page from a port of one's own, which is free again at once: no state outlives it.

page.py ADDRESS PORT OWN_PORT
"""

import socket
import struct
import sys

address, port, own_port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
with socket.socket() as client:
    client.settimeout(5)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.bind(("", own_port))
    client.connect((address, port))
    client.sendall(b"GET / HTTP/1.0\r\n\r\n")
    with client.makefile() as answer:
        print(answer.read().partition("\n\n")[2], end="")
