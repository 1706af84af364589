# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What people ask of records about packets: whose, between which addresses, since when."""

from __future__ import annotations

import ipaddress
import re
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from ..engine import protocols
from ..engine.failure import Failure
from . import records

if TYPE_CHECKING:
    from collections.abc import Iterable

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_AGO = re.compile(rf"(\d{{1,9}})([{''.join(_UNITS)}])")


@dataclass(frozen=True)
class Asked:
    """What a record has to be; None stands for any.

    :param pod: name of an endpoint at one of its ends, or pattern as of a shell.
    :param address: address or prefix of one of its ends.
    :param protocol: a word of :data:`protocols.NUMBERS` in any case, or a number in digits.
    :param since: ``15m`` ago or ``2026-11-27T03:00:00Z``: its last packet was then or later.
    """

    pod: str | None = None
    address: str | None = None
    protocol: str | None = None
    since: str | None = None
    _network: Any = field(init=False, repr=False, compare=False)
    _since: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Understand the words, or raise Failure."""
        words = [*protocols.NUMBERS]
        if self.protocol and self.protocol.upper() not in words and not _is_byte(self.protocol):
            valid = ", ".join(words)
            raise Failure(
                f"protocol: {self.protocol!r} is none; valid are {valid}, or a number to 255."
            )
        object.__setattr__(self, "_network", _network(self.address) if self.address else None)
        object.__setattr__(self, "_since", _since(self.since) if self.since else "")

    def fits(
        self,
        names: Iterable[str | None],
        addresses: Iterable[str | None],
        protocol: str,
        last: str,
    ) -> bool:
        """Say whether a record is one of those.

        :param names: of its ends, None for one that is unknown.
        :param addresses: its ends.
        :param last: when its last packet was.
        """
        return (
            (self.pod is None or any(name and fnmatchcase(name, self.pod) for name in names))
            and (not self._network or self._has_one_of(addresses))
            and (not self.protocol or protocol == _protocol(self.protocol))
            and last >= self._since
        )

    def _has_one_of(self, addresses: Iterable[str | None]) -> bool:
        return any(
            ipaddress.ip_address(address) in self._network for address in addresses if address
        )


def _is_byte(text: str) -> bool:
    return text.isdecimal() and int(text) <= 255


def _protocol(text: str) -> str:
    """Write a protocol as records have it."""
    return protocols.name(int(text)) if text.isdecimal() else text.upper()


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise Failure(
            f"address: {text!r} is neither an address nor a prefix, such as 10.111.160.1 or "
            "10.111.160.0/25."
        ) from None


def _since(text: str) -> str:
    """Write a time as records have it."""
    ago = _AGO.fullmatch(text)
    if ago:
        return records.at(max(0, time.time() - int(ago[1]) * _UNITS[ago[2]]))
    try:
        said = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise Failure(
            f"since: {text!r} is no time, such as 2026-11-27T03:00:00Z, nor how long ago that is, "
            "such as 90s, 15m, 3h or 2d."
        ) from None
    return records.at((said if said.tzinfo else said.replace(tzinfo=timezone.utc)).timestamp())
