# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Answer datagrams, and remember who sent them.

    record.py PORT

Says ``ready``; then answers each line of the input by as JSON ``{"datagrams": COUNT, "visitors":
{ADDRESS: number of its ports}}``.
"""

import collections
import json
import select
import socket
import sys

SO_RCVBUFFORCE = 33

taker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
taker.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 256 << 20)
taker.bind(("0.0.0.0", int(sys.argv[1])))
visitors = collections.Counter()
poll = select.epoll()
poll.register(taker, select.EPOLLIN)
poll.register(0, select.EPOLLIN)
print("ready", flush=True)
while True:
    for number, _event in poll.poll():
        if number == 0:
            if not sys.stdin.readline():
                sys.exit()
            ports = collections.Counter(address for address, _port in visitors)
            print(json.dumps({"datagrams": visitors.total(), "visitors": ports}), flush=True)
        else:
            data, visitor = taker.recvfrom(64)
            visitors[visitor] += 1
            taker.sendto(data, visitor)
