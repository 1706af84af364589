# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The records of drops that somebody asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..datapath import reasons
from ..engine.failure import Failure
from . import records
from .asked import Asked
from .strangers import refuse_pod
from .usage import usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Filter(Asked):
    """What a record has to be; None and nothing stand for any.

    :param reasons: names of verdicts that drop.
    """

    reasons: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Understand the words, or raise Failure."""
        known = [verdict.name for verdict in reasons.VERDICTS if verdict.drops]
        for reason in self.reasons:
            if reason not in known:
                raise Failure(f"reason: {reason!r} is none; valid are {', '.join(known)}.")
        Asked.__post_init__(self)

    def takes(self, record: Mapping[str, Any]) -> bool:
        """Say whether a record is one of those."""
        names = (record["pod"], record["source_name"], record["destination_name"])
        ends = (record["source"], record["destination"])
        return (not self.reasons or record["reason"] in self.reasons) and self.fits(
            names, ends, record["protocol"], record["last"]
        )


def gather(
    wanted: Filter, limit: int = 0, others: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the records that are wanted, the latest first, and how much the recorder has.

    :param limit: most records to return; 0 for all.
    :param others: address -> pod of another node, as somebody said.
    """
    if limit < 0:
        raise Failure(f"limit: {limit} records cannot be returned; 0 stands for all.")
    refuse_pod(wanted.pod, others or {})
    found = [record for record in records.read(others) if wanted.takes(record)]
    return {
        "drops": found[: limit or None],
        "matched": len(found),
        "recorder": usage(),
    }
