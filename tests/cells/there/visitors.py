# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Answer HTTP on port 80 with the address of who asks; leave nothing on the disk."""

import socket

with socket.create_server(("0.0.0.0", 80), backlog=100) as server:
    while True:
        connection, (visitor, _port) = server.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(f"HTTP/1.0 200 OK\r\n\r\n{visitor}".encode())
