# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The aggregated flows that somebody asks for, those with the most first."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from ..drops.info import Filter as Drops
from ..engine.failure import Failure
from . import records
from .usage import usage

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What flows can be sorted by: the word, and the fields that are added up for it.
SORTS = {
    "bytes": ("bytes", "back_bytes"),
    "packets": ("packets", "back_packets"),
    "connections": ("syns",),
    "retries": ("retries",),
    "resets": ("resets",),
    "dropped": ("dropped",),
}


@dataclass(frozen=True)
class Filter:
    """What a flow has to be; None and nothing stand for any.

    :param pod: name of an endpoint at one of its ends, or pattern as of a shell.
    :param address: address or prefix of one of its ends.
    :param protocol: a word such as ``tcp``, or a number in digits.
    :param port: of the server.
    :param since: ``15m`` ago or a time in ISO 8601: its last packet was then or later.
    """

    pod: str | None = None
    address: str | None = None
    protocol: str | None = None
    port: int | None = None
    since: str | None = None

    def take(self, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return those of the flows that it fits, or raise Failure."""
        # A drop has the same words for its ends.
        drops = Drops(address=self.address, protocol=self.protocol, since=self.since)
        return [
            flow
            for flow in found
            if self._is_of_pod(flow)
            and (self.port is None or flow["port"] == self.port)
            and drops.takes(_as_drop(flow))
        ]

    def _is_of_pod(self, flow: Mapping[str, Any]) -> bool:
        names = {flow["client_name"], flow["server_name"]} - {None}
        return self.pod is None or any(fnmatchcase(name, self.pod) for name in names)


def gather(wanted: Filter, top: int = 0, sort: str = "bytes") -> dict[str, Any]:
    """Return the flows that are wanted, those with the most first, and what else was counted.

    :param top: most flows to return; 0 for all.
    :param sort: a key of :data:`SORTS`.
    """
    if top < 0:
        raise Failure(f"top: {top} flows cannot be returned; 0 stands for all.")
    if wanted.port is not None and not 0 <= wanted.port <= 65535:
        raise Failure(f"port: {wanted.port} is none; valid are 0 to 65535.")
    if sort not in SORTS:
        raise Failure(f"sort: {sort!r} is none; valid are {', '.join(SORTS)}.")
    found = wanted.take(records.read())
    found.sort(key=lambda flow: (-sum(flow[word] for word in SORTS[sort]), _ends(flow)))
    return {"flows": found[: top or None], "matched": len(found), "counter": usage()}


def _ends(flow: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(flow[word]) for word in ("client", "server", "protocol", "port"))


def _as_drop(flow: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "pod": None,
        "source": flow["client"],
        "source_name": None,
        "destination": flow["server"],
        "destination_name": None,
        "reason": None,
        "protocol": flow["protocol"],
        "last": flow["last"],
    }
