# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Send a datagram from each port to each of a host's, as fast as possible; then say how many.

flood.py ADDRESS PORT...        until its input ends, over and over; "once" when all were sent
"""

import select
import socket
import sys

address, targets = sys.argv[1], [int(word) for word in sys.argv[2:]]
sent, rounds = 0, 0
while not (rounds and select.select([0], [], [], 0)[0]):
    for target in targets:
        for port in range(1024, 65536):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
                one.bind(("", port))
                one.sendto(b"?", (address, target))
                sent += 1
    if not rounds:
        print("once", flush=True)
    rounds += 1
print(sent, flush=True)
