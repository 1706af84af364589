# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Answer HTTP on port 80 as the pods' nginx does, and leave nothing on the disk; say when ready."""

import socket

with socket.create_server(("0.0.0.0", 80), backlog=100) as server:
    print("ready", flush=True)
    while True:
        connection, (visitor, _port) = server.accept()
        with connection:
            connection.recv(4096)
            page = f"{socket.gethostname()} {connection.getsockname()[0]} answers {visitor}\n"
            connection.sendall(f"HTTP/1.0 200 OK\r\n\r\n{page}".encode())
