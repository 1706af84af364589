# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask a DNS server for a text, so many times by one socket that is not connected.

    dns.py ADDRESS PORT NAME COUNT

Prints as JSON a list of the answers, each the text and the address and port that it came from.
"""

import json
import socket
import struct
import sys

TXT, IN, RECURSE = 16, 1, 0x100

address, port, name, count = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
question = labels + struct.pack("!xHH", TXT, IN)
answers = []
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
    sender.settimeout(3)
    for number in range(count):
        sender.sendto(struct.pack("!6H", number, RECURSE, 1, 0, 0, 0) + question, (address, port))
        answer, source = sender.recvfrom(512)
        # One record follows: a pointer to the name, type, class, TTL, length; then the text's own.
        text = answer[12 + len(question) + 12 + 1 :].decode()
        answers.append([text, *source])
print(json.dumps(answers))
