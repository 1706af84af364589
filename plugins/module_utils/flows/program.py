# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The program of who looks at packets: it filters what others hand over, and writes to a ring.

It is made for its question and asks nothing else; ``bpf/lib/event.h`` says what comes to it.
"""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

from ..datapath import event_layout as layout
from ..datapath import reasons
from ..engine import fields
from ..engine.bpf.assembler import FRAME, R0, R1, R2, R3, R4, R6, R7, R8, R9, Code

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .conditions import Condition, Test

#: Helpers by their numbers in linux/bpf.h, and what they take.
_LOOKUP, _NOW, _LOAD, _TICKS, _OUTPUT = 1, 5, 26, 118, 130
_NO_WAKEUP = 1

_ETHERNET, _IPV4_HEADER, _IPV6_HEADER = 14, 20, 40
_IPV4, _IPV6 = b"\x08\x00", b"\x86\xdd"
_FRAGMENT = b"\x1f\xff"
_TCP_FLAGS = 13
_REDIRECT = 7  # TC_ACT_REDIRECT
_WITH_PORTS = (socket.IPPROTO_TCP, socket.IPPROTO_UDP, socket.IPPROTO_SCTP)
_WITH_TYPES = (socket.IPPROTO_ICMP, socket.IPPROTO_ICMPV6)
_TOP = layout.EVENT_JUDGED_EGRESS

#: Where each member of a description is, and how many bytes it has.
AT: dict[str, int] = {}
SIZE: dict[str, int] = {}
for _field in layout.EVENT:
    AT[_field.name] = sum(SIZE.values())
    SIZE[_field.name] = fields.codec(_field.type).size
#: Bytes of it that are written: less what a socket alone has. With its header in the ring a record
#: fills two lines of a cache.
WRITTEN = AT["towards"]

#: Bits of ``judged`` -> what they are of ``kinds``.
_JUDGED = {
    layout.EVENT_JUDGED_ALLOWED: layout.EVENT_ALLOWED,
    layout.EVENT_JUDGED_DENIED: layout.EVENT_DENIED,
    layout.EVENT_JUDGED_AUDITED: layout.EVENT_AUDITED,
}
#: Members that are read of a packet where its walk had no need to.
_LATE = ("source_port", "destination_port", "tcp_flags", "icmp", "carries")
#: Where ``event_lost`` counts packets, and where the lease has ticks.
_LOST_PACKETS = fields.size(layout.EVENT_LOST.value[:1])
_LEASE_TICKS = fields.size(layout.EVENT_LEASE.value[:1])
#: On the stack: a key.
_KEY = -4
#: Of ``struct __sk_buff``.
_DATA, _DATA_END = 76, 80


def make(
    tables: Mapping[str, int], ring: int, lease: int, conditions: Sequence[Condition]
) -> bytes:
    """Return the bytecode.

    :param tables: descriptors of the maps of ``event_layout``, by their names.
    :param ring: descriptor of the ring.
    :param lease: for how many ticks of the kernel it goes on when nobody renews it.
    :param conditions: a packet is written that meets all of them.
    """
    code = Code()
    code.copy(R6, R1)
    code.store_number(FRAME, _KEY, 4, 0)
    _look_up(code, tables[layout.EVENT_SCRATCH.name], "nothing")
    code.copy(R7, R0)
    _look_up(code, tables[layout.EVENT_LEASE.name], "out")
    code.copy(R8, R0)
    _lease(code, lease)
    _kinds(code)
    early = [one for one in conditions if not _of_the_packet(one)]
    for condition in early:
        _condition(code, condition)
    _read(code)
    code.label("read")
    for condition in conditions:
        if condition not in early:
            _condition(code, condition)
    code.call(_NOW)
    code.store(R7, AT["time"], 8, R0)
    code.table(R1, ring)
    code.copy(R2, R7)
    code.number(R3, WRITTEN)
    code.number(R4, _NO_WAKEUP)
    code.call(_OUTPUT)
    code.jump("out", "==", R0)
    _look_up(code, tables[layout.EVENT_LOST.name], "out")
    code.load(R1, R0, _LOST_PACKETS, 8)
    code.change("+", R1, 1)
    code.store(R0, _LOST_PACKETS, 8, R1)
    code.jump("out")
    code.label("ended")
    code.store_number(R8, 0, 8, 0)
    code.store_number(R8, _LEASE_TICKS, 8, 0)
    code.label("out")
    code.load(R0, R7, AT["action"], 4)
    code.leave()
    code.label("nothing")
    code.leave()
    return code.made()


def _lease(code: Code, length: int) -> None:
    """Go out where the lease has ended, by ticks.

    They are read by two instructions, and even the coarse clock by a call, which takes 25 ns. So
    who renews the lease, and cannot read them, has the first packet write down when it ends.
    """
    code.call(_TICKS)
    code.load(R1, R8, _LEASE_TICKS, 8)
    code.jump("begun", "!=", R1)
    code.copy(R1, R0)
    code.change("+", R1, length)
    code.store(R8, _LEASE_TICKS, 8, R1)
    code.label("begun")
    code.subtract(R1, R0)
    code.jump("ended", "s<=", R1)


def _of_the_packet(condition: Condition) -> bool:
    """Say whether it asks for what only the packet says, which is read last."""
    return any(test.member in _LATE for tests in condition.any_of for test in tests)


def _look_up(code: Code, table: int, otherwise: str) -> None:
    code.table(R1, table)
    code.copy(R2, FRAME)
    code.change("+", R2, _KEY)
    code.call(_LOOKUP)
    code.jump(otherwise, "==", R0)


def _native(raw: bytes) -> int:
    """Return bytes of a packet as a load of this machine has them."""
    return int.from_bytes(raw, sys.byteorder)


def _read(code: Code) -> None:
    """Read what the walk did not keep. A packet that became an answer is no more what it was."""
    for word in ("tcp_flags", "icmp", "carries"):
        code.store_number(R7, AT[word], SIZE[word], 0)
    code.load(R1, R7, AT["action"], 4)
    code.jump("own", "!=", R1, _REDIRECT)
    code.load(R1, R7, AT["verdict"], 1)
    code.jump("read", ">=", R1, reasons.FIRST_DROP)
    code.label("own")
    _reach(code, _ETHERNET + _IPV4_HEADER, "read")
    code.load(R3, R7, AT["ethertype"], 2)
    code.jump("ipv6", "==", R3, _native(_IPV6))
    code.jump("read", "!=", R3, _native(_IPV4))
    code.load(R4, R1, _ETHERNET + 9, 1)
    code.store(R7, AT["carries"], 1, R4)
    code.load(R3, R1, _ETHERNET + 6, 2)
    code.change("&", R3, _native(_FRAGMENT))
    code.jump("read", "!=", R3)
    code.load(R9, R1, _ETHERNET, 1)
    code.change("&", R9, 15)
    code.change("<<", R9, 2)
    code.change("+", R9, _ETHERNET)
    code.jump("behind")
    code.label("ipv6")
    code.load(R4, R1, _ETHERNET + 6, 1)
    code.store(R7, AT["carries"], 1, R4)
    code.number(R9, _ETHERNET + _IPV6_HEADER)
    code.label("behind")
    for protocol in _WITH_TYPES:
        code.jump("types", "==", R4, protocol)
    for protocol in _WITH_PORTS:
        code.jump("ports", "==", R4, protocol)
    code.jump("read")
    code.label("types")
    _copy(code, 0, "icmp", 2)
    code.jump("read")
    code.label("ports")
    code.load(R3, R7, AT["source_port"], 4)
    code.jump("flags", "!=", R3)
    _copy(code, 0, "source_port", 4)
    code.load(R4, R7, AT["carries"], 1)
    code.label("flags")
    code.jump("read", "!=", R4, socket.IPPROTO_TCP)
    _copy(code, _TCP_FLAGS, "tcp_flags", 1)


def _reach(code: Code, length: int, otherwise: str) -> None:
    """Point R1 at a packet's bytes and R2 behind them, where it has so many at hand."""
    code.load(R1, R6, _DATA, 4)
    code.load(R2, R6, _DATA_END, 4)
    code.copy(R3, R1)
    code.change("+", R3, length)
    code.jump_by(otherwise, ">", R3, R2)


def _copy(code: Code, offset: int, word: str, size: int) -> None:
    """Copy what is behind the header that ends at R9; what is not at hand a helper fetches."""
    far, done = code.fresh(), code.fresh()
    code.load(R1, R6, _DATA, 4)
    code.load(R2, R6, _DATA_END, 4)
    code.add(R1, R9)
    code.copy(R3, R1)
    code.change("+", R3, offset + size)
    code.jump_by(far, ">", R3, R2)
    code.load(R3, R1, offset, size)
    code.store(R7, AT[word], size, R3)
    code.jump(done)
    code.label(far)
    code.copy(R1, R6)
    code.copy(R2, R9)
    code.change("+", R2, offset)
    code.copy(R3, R7)
    code.change("+", R3, AT[word])
    code.number(R4, size)
    code.call(_LOAD)
    code.label(done)


def _kinds(code: Code) -> None:
    """Say what there is to say. Of what is not translated nothing stays of an earlier packet."""
    code.load(R1, R7, AT["kinds"], 2)
    code.jump("translated", "!=", R1)
    for word in ("to_source", "to_destination"):
        for half in (0, 8):
            code.store_number(R7, AT[word] + half, 8, 0)
    code.store_number(R7, AT["to_source_port"], 4, 0)
    code.label("translated")
    dropped = code.fresh()
    code.load(R2, R7, AT["verdict"], 1)
    code.change("|", R1, layout.EVENT_DROPPED)
    code.jump(dropped, ">=", R2, reasons.FIRST_DROP)
    code.change("&", R1, ~layout.EVENT_DROPPED)
    code.change("|", R1, layout.EVENT_FORWARDED)
    code.label(dropped)
    code.load(R2, R7, AT["judged"], 1)
    for bit, kind in _JUDGED.items():
        judged, behind = code.fresh(), code.fresh()
        code.jump(judged, "&", R2, bit | bit << _TOP)
        code.jump(behind)
        code.label(judged)
        code.change("|", R1, kind)
        code.label(behind)
    code.store(R7, AT["kinds"], 2, R1)


def _condition(code: Code, condition: Condition) -> None:
    """Go out where a packet does not meet it."""
    met = code.fresh()
    for tests in condition.any_of:
        other = code.fresh()
        for test in tests:
            _test(code, test, other)
        code.jump("out" if condition.excludes else met)
        code.label(other)
    if not condition.excludes:
        code.jump("out")
    code.label(met)


def _test(code: Code, test: Test, otherwise: str) -> None:
    """Go on to what is tried otherwise where a packet's member is none of it."""
    at, size = AT[test.member], SIZE[test.member]
    value, mask = (raw.ljust(size, b"\0") for raw in (test.value, test.mask or b"\xff" * size))
    piece = min(size, 8)
    # What tells addresses apart is mostly at their ends.
    for place in reversed(range(0, size, piece)):
        of, bits = (_native(raw[place : place + piece]) for raw in (value, mask))
        if not bits:
            continue
        code.load(R1, R7, at + place, piece)
        if bits != (1 << 8 * piece) - 1:
            code.number(R2, bits)
            code.mask(R1, R2)
        code.number(R2, of & bits)
        code.jump_by(otherwise, "!=", R1, R2)
