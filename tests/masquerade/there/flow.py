# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hold a flow to a mirror, and ask it who this is, as often as a line of the input says how long
the question is to be.

    flow.py tcp|udp ADDRESS PORT [OWN_PORT]

The first line of the output is JSON, the own ``[address, port]``, or a text, the error. So is one
for each question: as whom the mirror sees this.
"""

import contextlib
import errno
import json
import select
import socket
import sys

PATIENCE = 3
#: Seconds after which it asks by itself, so that no flow is over while a test is busy elsewhere.
KEEP_ALIVE = 10
IP_MTU_DISCOVER, IP_PMTUDISC_DONT = 10, 0


def say(what):
    print(json.dumps(what), flush=True)


def name(error):
    return errno.errorcode[error.errno] if error.errno else "silent"


def ask(flow, size):
    flow.sendall(b"?" * (size - 1) + b"\n")
    answer = b""
    while not answer.endswith(b"\n"):
        part = flow.recv(1 << 16)
        if not part:
            return "closed"
        answer += part
    assert len(answer) == size, (len(answer), size)
    address, port = answer.split()
    return [address.decode(), int(port)]


kind, address, port, own_port = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
kinds = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
with socket.socket(socket.AF_INET, kinds[kind]) as flow:
    flow.settimeout(PATIENCE)
    if kind == "udp":  # any router may cut it
        flow.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)
    try:
        flow.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        flow.bind(("0.0.0.0", own_port))
        flow.connect((address, port))
    except OSError as error:
        say(name(error))
        sys.exit()
    say(flow.getsockname())
    while True:
        if not select.select([0], [], [], KEEP_ALIVE)[0]:
            with contextlib.suppress(OSError):
                ask(flow, 32)
        elif line := sys.stdin.readline():
            try:
                say(ask(flow, int(line)))
            except OSError as error:
                say(name(error))
        else:
            break
