# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Requests of rtnetlink, made of pyroute2's messages and carried by its sockets.

The keyword interface of pyroute2 differs between 0.7 and 0.9 and drops attributes that it does
not know without a word; messages that are built attribute by attribute do neither. The numbers
stand here since ``node_info`` needs them where pyroute2 is not installed yet.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

from .lean import NetlinkDumpInterrupted, NetlinkError, nlmsgerr

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
    """Send one request and wait for its acknowledgement; return what else came back.

    :raises NetlinkError: with the kernel's sentence and, where the kernel says which attribute it
        is about, the name of that attribute.
    """
    sent = _outline(built["attrs"])
    try:
        return tuple(ip.nlm_request(built, kind, REQUEST | ACK | flags))
    except NetlinkError as error:
        if not error.code:  # pyroute2 0.7 takes a warning of the kernel for a refusal
            return ()
        said = error.args[1]
        if isinstance(said, _Said):
            start = _HEADER + struct.calcsize("".join(("=", *(one[1] for one in built.fields))))
            word = _attribute_at(bytes(built.data), start, len(built.data), sent, said.offset)
            if word:
                raise NetlinkError(error.code, f"{said} ({word})") from error
        raise


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


#: Bytes of a netlink header, and of that of a device (struct ifinfomsg).
_HEADER = 16


class _Sent(NamedTuple):
    """An attribute of a request: its word, the bytes before those inside it, and these."""

    word: str
    header: int
    inside: list[_Sent]


class _Said(str):
    """What the kernel says of a refusal; ``offset`` is where the attribute stood in the request."""

    __slots__ = ("offset",)
    offset: int


def _get_attr(self: Any, word: str, default: Any = None) -> Any:
    # pyroute2 hands the text of a refusal to its exception and leaves the offset behind.
    value = super(nlmsgerr, self).get_attr(word, default)
    if word != "NLMSGERR_ATTR_MSG":
        return value
    offset = super(nlmsgerr, self).get_attr("NLMSGERR_ATTR_OFFS")
    if offset is None:
        return value
    said = _Said(value or os.strerror(abs(self["error"])))
    said.offset = offset
    return said


if nlmsgerr is not None:
    nlmsgerr.get_attr = _get_attr


def _outline(attributes: Iterable[Any]) -> list[_Sent]:
    return [
        _Sent(
            str(word),
            # What holds more than attributes is a message of its own: the peer of a veth.
            _HEADER if isinstance(value, dict) and len(value) > 1 else 0,
            _outline(value["attrs"]) if isinstance(value, dict) and "attrs" in value else [],
        )
        for word, value in attributes
    ]


def _attribute_at(data: bytes, at: int, end: int, sent: list[_Sent], offset: int) -> str | None:
    """Return the word of the innermost attribute that holds a place in an encoded request."""
    for each in sent:
        if at + 4 > end:
            return None
        (length,) = struct.unpack_from("=H", data, at)
        if at <= offset < at + length:
            start = at + 4 + each.header
            return _attribute_at(data, start, at + length, each.inside, offset) or each.word
        at += (length + 3) & ~3
    return None
