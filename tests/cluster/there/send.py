# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Send frames out of a device, eth0 unless named, as they are: one a line, in hexadecimal."""

import socket
import sys

with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
    raw.bind((*(sys.argv[1:] or ["eth0"]), 0))
    for line in sys.stdin:
        raw.send(bytes.fromhex(line))
