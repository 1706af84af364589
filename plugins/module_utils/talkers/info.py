# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The aggregated flows that somebody asks for, those with the most first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..drops.asked import Asked
from ..drops.strangers import refuse_pod
from ..engine.failure import Failure
from . import records
from .usage import usage

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENDS = ("client", "server")
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
class Filter(Asked):
    """What a flow has to be; None stands for any.

    :param port: of the server.
    """

    port: int | None = None

    def __post_init__(self) -> None:
        """Understand the words, or raise Failure."""
        if self.port is not None and not 0 <= self.port <= 65535:
            raise Failure(f"port: {self.port} is none; valid are 0 to 65535.")
        Asked.__post_init__(self)

    def takes(self, flow: Mapping[str, Any]) -> bool:
        """Say whether a flow is one of those."""
        names, ends = ([flow[f"{end}{what}"] for end in _ENDS] for what in ("_name", ""))
        return (self.port is None or flow["port"] == self.port) and self.fits(
            names, ends, flow["protocol"], flow["last"]
        )


def gather(
    wanted: Filter, top: int = 0, sort: str = "bytes", others: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the flows that are wanted, those with the most first, and what else was counted.

    :param top: most flows to return; 0 for all.
    :param sort: a key of :data:`SORTS`.
    :param others: address -> pod of another node, as somebody said.
    """
    if top < 0:
        raise Failure(f"top: {top} flows cannot be returned; 0 stands for all.")
    if sort not in SORTS:
        raise Failure(f"sort: {sort!r} is none; valid are {', '.join(SORTS)}.")
    refuse_pod(wanted.pod, others or {})
    found = [flow for flow in records.read(others) if wanted.takes(flow)]
    found.sort(key=lambda flow: (-sum(flow[word] for word in SORTS[sort]), _ends(flow)))
    return {"flows": found[: top or None], "matched": len(found), "counter": usage()}


def _ends(flow: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(flow[word]) for word in ("client", "server", "protocol", "port"))
