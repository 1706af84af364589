# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Serve a page of so many bytes over HTTP; tell who brings one what it was and who he is.

    page.py SIZE

Says the checksum of its page once it listens.
"""

import hashlib
import http.server
import socketserver
import sys

BLOCK = bytes(range(256)) * 4096
BLOCKS = int(sys.argv[1]) // len(BLOCK)


class Server(socketserver.ThreadingTCPServer):
    """Comes back at once."""

    allow_reuse_address = True


class Page(http.server.BaseHTTPRequestHandler):
    """What is asked for is always the same."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(BLOCKS * len(BLOCK)))
        self.end_headers()
        for _number in range(BLOCKS):
            self.wfile.write(BLOCK)

    def do_PUT(self):
        digest = hashlib.sha256()
        self.send_response_only(100)
        self.end_headers()
        while size := int(self.rfile.readline(), 16):  # chunks
            digest.update(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        told = f"{digest.hexdigest()} {self.client_address[0]}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *args):
        """Nobody reads it."""


# HTTPServer would look for its name by DNS.
server = Server(("0.0.0.0", 80), Page)
print(hashlib.sha256(BLOCK * BLOCKS).hexdigest(), flush=True)
server.serve_forever()
