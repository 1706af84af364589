# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of a question the kernel can answer: conditions by which its program leaves packets out.

Whatever is written is looked at once more, line by line (``wanted``). So a condition may let more
through than what is wanted, and never less: a packet has several lines, and names are the reader's.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from ..datapath import event_layout as layout
from ..datapath import reasons
from ..engine import addresses, protocols

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from .known import Known
    from .wanted import Wanted

#: More than so many tests take longer than what they save.
MOST = 64

_ENDS = ("source", "destination", "to_source", "to_destination")
_SENDS, _GETS = ("source", "to_source"), ("destination", "to_destination")
_KINDS = {
    "forwarded": layout.EVENT_FORWARDED,
    "dropped": layout.EVENT_DROPPED,
    "translated": layout.EVENT_TRANSLATED,
    "allowed": layout.EVENT_ALLOWED,
    "denied": layout.EVENT_DENIED,
    "audited": layout.EVENT_AUDITED,
}
_VERDICTS = {one.name: one.number for one in reasons.VERDICTS}
_ALL = 0xFFFF
_WITH_PORTS = (socket.IPPROTO_TCP, socket.IPPROTO_UDP, socket.IPPROTO_SCTP)


@dataclass(frozen=True)
class Test:
    """What a member of a description has to be.

    :param value: its bytes in memory.
    :param mask: those of their bits that count; None: all.
    """

    member: str
    value: bytes
    mask: bytes | None = None


#: All of these tests.
Tests = tuple[Test, ...]


@dataclass(frozen=True)
class Condition:
    """A packet meets it that passes one of these, or none of them where it ``excludes``."""

    any_of: Sequence[Tests]
    excludes: bool = False


def _number(member: str, size: int, number: int, mask: int | None = None) -> Test:
    order = sys.byteorder
    return Test(
        member,
        number.to_bytes(size, order),
        None if mask is None else mask.to_bytes(size, order),
    )


def _kind(bit: int) -> Test:
    return _number("kinds", 2, bit, bit)


def _none_but(bits: int) -> Test:
    """Test that there is nothing else to say of a packet."""
    return _number("kinds", 2, 0, _ALL & ~bits)


def _port(word: str) -> bytes:
    return int(word).to_bytes(2, "big")


def _prefix(member: str, text: str) -> Test:
    network = ipaddress.ip_network(text, strict=False)
    bits = network.prefixlen + (96 if network.version == 4 else 0)
    mask = ((1 << bits) - 1) << (128 - bits)
    return Test(member, addresses.packed(str(network.network_address)), mask.to_bytes(16, "big"))


def _hooks(direction: str) -> Iterable[int]:
    return [hook.number for hook in reasons.HOOKS if hook.direction == direction]


def _judged(direction: str) -> list[Tests]:
    shift = layout.EVENT_JUDGED_EGRESS if direction == "egress" else 0
    return [(_number("judged", 1, 1 << at + shift, 1 << at + shift),) for at in range(3)]


#: A test that nothing passes: there is something to say of every packet.
_NOTHING: Tests = (_number("kinds", 2, 0),)
#: Nothing but what it came with is to be said of it: its ends are those that its lines have.
_AS_IT_IS = _none_but(_ALL & ~layout.EVENT_TRANSLATED)


def _names(ends: Sequence[str], pattern: str, known: Known) -> list[Tests]:
    devices: list[Tests] = [
        (_number("ifindex", 4, index),)
        for index, (_name, pod) in known.names.devices.items()
        if pod and fnmatchcase(pod, pattern)
    ]
    found = [(_prefix(end, one),) for one in known.addresses(pattern) for end in ends]
    return [*devices, *found] or [_NOTHING]


def _policies(pattern: str, known: Known) -> list[Tests]:
    return [
        (_number(member, 4, number),)
        for number in known.numbers(pattern)
        for member in ("egress", "ingress")
    ] or [_NOTHING]


def _protocol(word: str) -> int:
    return protocols.NUMBERS.get(word.upper()) or int(word)


def _verdict(word: str) -> Tests:
    return (_kind(_KINDS[word]) if word in _KINDS else _number("verdict", 1, _VERDICTS[word]),)


#: By option: what a packet passes that may have a line of which a word is true.
_ONLY: Mapping[str, Callable[[str, Known], list[Tests]]] = {
    "pod": lambda word, known: _names(_ENDS, word, known),
    "from_pod": lambda word, known: _names(_SENDS, word, known),
    "to_pod": lambda word, known: _names(_GETS, word, known),
    "address": lambda word, _known: [(_prefix(end, word),) for end in _ENDS],
    "port": lambda word, _known: [(Test(f"{end}_port", _port(word)),) for end in _ENDS],
    "protocol": lambda word, _known: [
        (_number(member, size, _protocol(word)),)
        for member, size in (("protocol", 2), ("carries", 1))
    ],
    "verdict": lambda word, _known: [_verdict(word)],
    "reason": lambda word, _known: [_verdict(word)],
    "direction": lambda word, _known: [
        *((_number("hook", 1, number),) for number in _hooks(word)),
        *_judged(word),
    ],
    "policy": _policies,
}


def _but_names(ends: Sequence[str], words: Sequence[str], known: Known) -> list[Tests]:
    found = [one for word in words for one in known.addresses(word)]
    return [(_prefix(end, one), _AS_IT_IS) for one in found for end in ends]


def _but_verdicts(words: Sequence[str], _known: Known) -> list[Tests]:
    bits = sum(_KINDS[word] for word in {*words} if word in _KINDS)
    whole = bits & (layout.EVENT_FORWARDED | layout.EVENT_DROPPED)
    return [
        *([(_none_but(bits),)] if whole else []),
        *(
            (*_verdict(word), _none_but(bits | layout.EVENT_FORWARDED))
            for word in words
            if word not in _KINDS
        ),
    ]


#: By option: what no packet passes that has a line of which none of the words is true. Lines of
#: policies go by their names, and the others of the same packet stay.
_BUT: Mapping[str, Callable[[Sequence[str], Known], list[Tests]]] = {
    "pod": lambda words, known: _but_names(_ENDS[:2], words, known),
    "from_pod": lambda words, known: _but_names(_ENDS[:1], words, known),
    "to_pod": lambda words, known: _but_names(_ENDS[1:2], words, known),
    "address": lambda words, _known: [
        (_prefix(end, word), _AS_IT_IS) for word in words for end in _ENDS[:2]
    ],
    "port": lambda words, _known: [
        (Test(f"{end}_port", _port(word)), _AS_IT_IS, _number("protocol", 2, number))
        for word in words
        for end in _ENDS[:2]
        for number in _WITH_PORTS
    ],
    "protocol": lambda words, _known: [
        (_number("protocol", 2, _protocol(word)), _number("carries", 1, _protocol(word)))
        for word in words
    ],
    "verdict": _but_verdicts,
    "reason": lambda words, _known: [
        (*_verdict(word), _none_but(layout.EVENT_DROPPED)) for word in words
    ],
    "direction": lambda words, _known: [
        (_number("hook", 1, number), _number("judged", 1, 0))
        for word in words
        for number in _hooks(word)
    ],
    "policy": lambda _words, _known: [],
}


def of(wanted: Wanted, known: Known) -> list[Condition]:
    """Return what the kernel's program asks of a packet."""
    found = []
    for option, words in wanted.only.items():
        tests = [one for word in words for one in _ONLY[option](word, known)]
        if words and len(tests) <= MOST:
            found.append(Condition(tests))
    for option, words in wanted.exclude.items():
        tests = _BUT[option](words, known)
        if 0 < len(tests) <= MOST:
            found.append(Condition(tests, excludes=True))
    return found
