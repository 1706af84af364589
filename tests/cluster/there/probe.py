# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ping addresses, all at once, and ask them for their page over HTTP; print how each answered.

Takes ``{"icmp": [address, ...], "http": [address, ...]}`` on its input and prints
``{"icmp": {address: TTL of the reply or null}, "http": {address: the page or null}}``.
"""

import json
import select
import socket
import struct
import sys
import time

SECONDS = 3
ECHO, REPLY = 8, 0


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def echo(number):
    head = struct.pack("!BBHHH", ECHO, 0, 0, 4711, number)
    return struct.pack("!BBHHH", ECHO, 0, checksum(head), 4711, number)


def ping(addresses):
    found = dict.fromkeys(addresses)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        # One that is lost is asked for again, as a neighbour may be yet to be found.
        end = time.monotonic() + SECONDS
        while time.monotonic() < end and None in found.values():
            for number, address in enumerate(addresses):
                if found[address] is None:
                    try:
                        raw.sendto(echo(number), (address, 0))
                    except OSError:
                        continue
            again = time.monotonic() + 1
            while None in found.values() and time.monotonic() < again:
                if select.select([raw], [], [], max(0, again - time.monotonic()))[0]:
                    packet, (source, _port) = raw.recvfrom(2048)
                    if packet[(packet[0] & 15) * 4] == REPLY and source in found:
                        found[source] = packet[8]
    return found


def ask(address):
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        try:
            with socket.create_connection((address, 80), SECONDS) as connection:
                connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
                page = b""
                while data := connection.recv(4096):
                    page += data
            return page.decode().partition("\r\n\r\n")[2].strip()
        except ConnectionRefusedError:  # it was started just now
            time.sleep(0.02)
        except OSError:
            break
    return None


targets = json.load(sys.stdin)
json.dump(
    {"icmp": ping(targets["icmp"]), "http": {each: ask(each) for each in targets["http"]}},
    sys.stdout,
)
