# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``PROTOCOL ADDRESS PORT [SIZE]``: ask once, and print what came: "answered", or an error's name.

``icmp`` pings, by a port that means nothing; ``udp`` wants its datagram back. Nobody's answer is
waited for without end.
"""

import errno
import socket
import struct
import sys

SECONDS = 60


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def ask(protocol, address, port, size):
    if protocol == "tcp":
        socket.create_connection((address, port), SECONDS).close()
        return
    if protocol == "udp":
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.settimeout(SECONDS)
            one.connect((address, port))
            one.send(bytes(size))
            assert len(one.recv(65536)) == size
        return
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as one:
        one.settimeout(SECONDS)
        number = one.fileno() + size
        head = struct.pack("!BBHHH", 8, 0, 0, 4711, number) + bytes(size)
        head = head[:2] + struct.pack("!H", checksum(head)) + head[4:]
        one.sendto(head, (address, 0))
        while True:
            packet, (source, _port) = one.recvfrom(65536)
            if source == address and packet[(packet[0] & 15) * 4] == 0:
                return


protocol, address, port, *size = sys.argv[1:]
try:
    ask(protocol, address, int(port), *(int(each) for each in size or ("16",)))
    print("answered")
except OSError as error:
    print(errno.errorcode.get(error.errno, "silence"))
