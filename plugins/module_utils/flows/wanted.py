# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What somebody wants to see: words, what they mean of a line, and whether they are understood."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from ..datapath import reasons
from ..engine import protocols
from ..engine.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Line = Mapping[str, Any]

#: Words for what a line may say.
KINDS = ("forwarded", "dropped", "translated", "allowed", "denied", "audited")
VERDICTS = tuple(one.name for one in reasons.VERDICTS if not one.drops)
REASONS = tuple(one.name for one in reasons.VERDICTS if one.drops)
DIRECTIONS = ("ingress", "egress")

_ENDS = ("source", "destination", "to_source", "to_destination")


def _any_name(line: Line, pattern: str, *ends: str) -> bool:
    return any(
        fnmatchcase(name, pattern)
        for name in (line[f"{end}_name"] for end in ends)
        # Who is no pod has a name of several words.
        if name and " " not in name
    )


def _at(line: Line, prefix: str) -> bool:
    network = ipaddress.ip_network(prefix, strict=False)
    return any(ipaddress.ip_address(line[end]) in network for end in _ENDS if line[end])


def _is_protocol(line: Line, word: str) -> bool:
    number = protocols.NUMBERS.get(word.upper())
    return bool(line["protocol"] == (protocols.name(number) if number else word))


#: By option: what one of its words says of a line.
MEANS: dict[str, Callable[[Line, str], bool]] = {
    "pod": lambda line, one: _any_name(line, one, *_ENDS),
    "from_pod": lambda line, one: _any_name(line, one, "source", "to_source"),
    "to_pod": lambda line, one: _any_name(line, one, "destination", "to_destination"),
    "address": _at,
    "port": lambda line, one: int(one) in [line[f"{end}_port"] for end in _ENDS],
    "protocol": _is_protocol,
    "verdict": lambda line, one: one in (line["verdict"].lower(), line["point"].replace("-", "_")),
    "reason": lambda line, one: line["reason"] == one,
    "direction": lambda line, one: line["direction"] == one,
    "policy": lambda line, one: any(fnmatchcase(name, one) for name in line["policies"]),
}
#: Options of which a word is a pod.
PODS = ("pod", "from_pod", "to_pod")
#: By option: what its words may be; all others are patterns as of a shell.
CHOICES: dict[str, Sequence[str]] = {
    "verdict": (*KINDS, *VERDICTS),
    "reason": REASONS,
    "direction": DIRECTIONS,
}
#: What each option is for, for people.
HELP = {
    "pod": "a pod at either end, such as web-1 or shop_web-*",
    "from_pod": "a pod that sends",
    "to_pod": "a pod that receives",
    "address": "an address or prefix at either end, such as 10.111.160.0/25",
    "port": "a port at either end",
    "protocol": "tcp, udp, icmp, sctp or a number",
    "verdict": f"one of {', '.join(CHOICES['verdict'])}",
    "reason": "why it was dropped, such as ingress_denied",
    "direction": "ingress or egress",
    "policy": "a policy that was asked, such as default/web or default/*",
}

_PORT = re.compile(r"\d{1,5}")


@dataclass(frozen=True)
class Wanted:
    """What is wanted: of each option that is given one of its words, of each that is left out none.

    :param only: option of :data:`MEANS` -> words.
    :param exclude: the same.
    """

    only: Mapping[str, Sequence[str]] = field(default_factory=dict)
    exclude: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what nobody understands."""
        for place, given in (("", self.only), ("exclude.", self.exclude)):
            for option, words in given.items():
                for word in words:
                    _check(place + option, option, word)

    def takes(self, line: Line) -> bool:
        """Say whether a line is wanted."""
        return all(
            any(MEANS[option](line, word) for word in words)
            for option, words in self.only.items()
            if words
        ) and not any(
            MEANS[option](line, word) for option, words in self.exclude.items() for word in words
        )


def _check(where: str, option: str, word: str) -> None:
    if option in CHOICES and word not in CHOICES[option]:
        raise Failure(f"{where}: {word!r} is none; valid are {', '.join(CHOICES[option])}.")
    if option == "address":
        try:
            ipaddress.ip_network(word, strict=False)
        except ValueError:
            raise Failure(
                f"{where}: {word!r} is neither an address nor a prefix, such as 10.111.160.1 or "
                "10.111.160.0/25."
            ) from None
    if option == "port" and not (_PORT.fullmatch(word) and 0 < int(word) < 1 << 16):
        raise Failure(f"{where}: {word!r} is no port, 1 to 65535.")
    known = word.upper() in protocols.NUMBERS or (word.isdecimal() and int(word) < 256)
    if option == "protocol" and not known:
        valid = ", ".join(protocols.NUMBERS)
        raise Failure(f"{where}: {word!r} is none; valid are {valid}, or a number.")
