# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Look at a node's packets for a while, or until somebody has seen enough."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ..drops.strangers import refuse_pods
from ..engine.failure import Failure
from . import look
from .lines import Lines, said, text
from .wanted import PODS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .wanted import Wanted

#: Seconds in which a module may look: longer would be an agent, and keep the controller waiting.
MOST_SECONDS, MOST_LINES = 3600, 100_000


def news(
    wanted: Wanted, others: Mapping[str, str], seconds: float | None
) -> Iterator[tuple[list[dict[str, Any]], int]]:
    """Yield the lines that are wanted, and how many packets were lost, as they come.

    The last ones are those that had come when the time was over.

    :param others: address -> pod of another node.
    :param seconds: for how long; None for ever.
    """
    with look.looking(wanted, others) as batch:
        lines = Lines(time.time_ns() - time.monotonic_ns())
        end = None if seconds is None else time.monotonic() + seconds
        over = False
        while not over:
            time.sleep(look.PAUSE)
            over = end is not None and time.monotonic() >= end
            found = batch()
            taken = [
                line
                for event in found.events
                for line in lines.of(event, found.known)
                if wanted.takes(line)
            ]
            yield taken, found.lost


def gather(
    wanted: Wanted, *, seconds: float, count: int, others: Mapping[str, str]
) -> dict[str, Any]:
    """Return what passed within some seconds, or the first lines of that.

    :param count: most lines; it ends when they are there.
    """
    if not 0 < seconds <= MOST_SECONDS:
        raise Failure(f"seconds: {seconds:g} is not from above 0 to {MOST_SECONDS}.")
    if not 0 < count <= MOST_LINES:
        raise Failure(f"count: {count} is not from 1 to {MOST_LINES}.")
    only = wanted.only.items()
    refuse_pods({f"only.{option}": words for option, words in only if option in PODS}, others)
    flows: list[dict[str, Any]] = []
    lost = 0
    for lines, missed in news(wanted, others, seconds):
        flows += lines
        lost += missed
        if len(flows) >= count:
            break
    return {"flows": flows[:count], "lost": lost, "complete": len(flows) < count}


def render(found: Mapping[str, Any]) -> str:
    """Return a line for each flow, and one of what was lost."""
    return "\n".join([*map(text, found["flows"]), *said(found["lost"])])
