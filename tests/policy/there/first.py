# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Send datagrams to addresses, a millisecond after each other, from the first instruction on."""

import contextlib
import itertools
import socket
import sys
import time

one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for address in itertools.cycle(sys.argv[1:]):
    with contextlib.suppress(OSError):  # no route yet
        one.sendto(b"first", (address, 4711))
    time.sleep(0.001)
