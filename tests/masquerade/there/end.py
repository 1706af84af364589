# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One end of a TCP connection, which passes lines on: between it, the input and the output.

    end.py PORT                        takes one connection
    end.py ADDRESS PORT OWN_PORT       opens one

Says ``ready`` once it listens or is connected.
"""

import os
import socket
import sys
import threading


def said(connection):
    try:
        with connection.makefile() as lines:
            for line in lines:
                print(line, end="", flush=True)
    finally:
        os._exit(1)  # whoever waits for what is said next hears that nothing comes


def listen(port):
    with socket.create_server(("0.0.0.0", port)) as listener:
        print("ready", flush=True)
        return listener.accept()[0]


if len(sys.argv) == 2:
    connection = listen(int(sys.argv[1]))
else:
    address, port, own_port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    connection.bind(("", own_port))
    connection.connect((address, port))
    print("ready", flush=True)
threading.Thread(target=said, args=[connection], daemon=True).start()
for line in sys.stdin:
    connection.sendall(line.encode())
