# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask a mirror from a port of one's own, and reset the connection: nobody waits for it any more.

reset.py ADDRESS PORT OWN_PORT
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
    client.sendall(b"?" * 31 + b"\n")
    with client.makefile() as answer:
        print(" ".join(answer.readline().split()))
