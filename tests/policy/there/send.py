# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Send packets as they are, header of IP first, each by the route of its destination.

A packet a line, in hexadecimal.
"""

import socket
import struct
import sys

with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
    for line in sys.stdin:
        packet = bytes.fromhex(line)
        raw.sendto(packet, (socket.inet_ntoa(struct.unpack_from("!4s", packet, 16)[0]), 0))
