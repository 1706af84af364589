# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Send frames out of eth0 as they are: one a line of the input, in hexadecimal."""

import socket
import sys

with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
    raw.bind(("eth0", 0))
    for line in sys.stdin:
        raw.send(bytes.fromhex(line))
