# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Requests of rtnetlink, made of pyroute2's messages and carried by its sockets.

The keyword interface of pyroute2 differs between 0.7 and 0.9 and drops attributes that it does
not know without a word; messages that are built attribute by attribute do neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

try:
    from pyroute2.netlink.exceptions import NetlinkDumpInterrupted
except ImportError:  # runner.require() has said so before anything here is called
    NetlinkDumpInterrupted = OSError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NEWLINK, DELLINK, GETLINK = 16, 17, 18
NEWADDR, DELADDR, GETADDR = 20, 21, 22
NEWROUTE, DELROUTE, GETROUTE = 24, 25, 26
NEWNEIGH, DELNEIGH, GETNEIGH = 28, 29, 30

REQUEST, ACK, DUMP = 0x1, 0x4, 0x300
REPLACE, EXCL, CREATE, APPEND = 0x100, 0x200, 0x400, 0x800

#: A dump that something else changes under our hands is read again, this often at most.
DUMP_ATTEMPTS = 10


def message(
    message_class: Any, fields: Mapping[str, object], attributes: Iterable[tuple[str, object]] = ()
) -> Any:
    """Build one message of pyroute2."""
    built = message_class()
    for name, value in fields.items():
        built[name] = value
    built["attrs"] = [list(attribute) for attribute in attributes]
    return built


def request(ip: Any, kind: int, built: Any, flags: int = 0) -> tuple[Any, ...]:
    """Send one request and wait for its acknowledgement; return what else came back."""
    return tuple(ip.nlm_request(built, kind, REQUEST | ACK | flags))


def dump(ip: Any, kind: int, message_class: Any, fields: Mapping[str, object]) -> tuple[Any, ...]:
    """Read a whole table of the kernel as one consistent picture."""
    attempt = 1
    while True:
        try:
            return tuple(ip.nlm_request(message(message_class, fields), kind, REQUEST | DUMP))
        except NetlinkDumpInterrupted:
            attempt += 1
            if attempt > DUMP_ATTEMPTS:
                raise


def teach(message_class: Any, prefix: str, attributes: Mapping[int, tuple[str, str]]) -> None:
    """Make a message class of pyroute2 know these attributes beside those that it knows.

    :param attributes: number → the kernel's word less ``prefix``, and how pyroute2 encodes it.
    """
    table = list(message_class.nla_map)
    for number, (word, type_) in attributes.items():
        # The place is the number; what nobody uses fills a place.
        table += [(f"{prefix}{place}", "hex") for place in range(len(table), number + 1)]
        table[number] = (prefix + word, type_)
    message_class.nla_map = tuple(table)
    # An instance that was made before has compiled the shorter table for its class.
    message_class._nlmsg_base__compiled_nla = False
