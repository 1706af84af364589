# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The word ``observe``: what the module ``observe`` says, line by line as it happens."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from ..command.table import SOUND, Usage, from_user
from ..drops.strangers import refuse
from ..flows import known, watch
from ..flows.lines import said, text
from ..flows.wanted import MEANS, PODS, Wanted
from ..node.strangers import refuse_pods

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Sequence

    Line = dict[str, Any]

#: Seconds without --follow.
SECONDS = 5.0


def run(options: argparse.Namespace) -> int:
    """Do it; return the exit status."""
    given = vars(options)
    for word in ("seconds", "count", "last"):
        if given[word] is not None and given[word] <= 0:
            raise Usage(f"{word}: {given[word]:g} is not above 0")
    if given["follow"] and (given["seconds"] or given["last"]):
        raise Usage("follow: it has no end, and goes with neither --seconds nor --last")
    with from_user():
        wanted = Wanted(
            only={option: given[option] for option in MEANS if given[option]},
            exclude={option: given[f"not_{option}"] for option in MEANS if given[f"not_{option}"]},
        )
        refuse_pods({option: given[option] for option in PODS})
        _refuse_policies(given["policy"] or ())
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what was seen is written out
    seconds = None if given["follow"] else given["seconds"] or SECONDS
    write = json.dumps if given["json"] else text
    try:
        shown = _show(watch.news(wanted, {}, seconds), write, given["count"], given["last"])
        if not shown:
            sys.stderr.write("Nothing that was asked for passed.\n")
    except KeyboardInterrupt:
        pass  # the usual end
    except BrokenPipeError:
        # Who read has enough; Python would complain of it once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return SOUND


def _refuse_policies(patterns: Sequence[str]) -> None:
    """Refuse a policy by which no packet of this node can be judged."""
    here = known.read({}) if patterns else None
    if here is None or not here.names.nodes:  # without a network another sentence is due
        return
    called = {policy for _name, policies in here.rules.values() for policy in policies}
    refuse("policy", patterns, called, "policy that selects a pod of this node")


def _show(
    news: Iterable[tuple[list[Line], int]],
    write: Callable[[Line], str],
    count: int | None,
    last: int | None,
) -> int:
    """Write lines as they come, or the last ones at the end; return how many there were.

    What was lost is said once a second.
    """
    kept: deque[Line] = deque(maxlen=last)
    shown = lost = 0
    told = time.monotonic()
    for lines, missed in news:
        lost += missed
        for line in lines[: None if count is None else count - shown]:
            shown += 1
            if last:
                kept.append(line)
            else:
                sys.stdout.write(f"{write(line)}\n")
        sys.stdout.flush()
        if lost and time.monotonic() - told >= 1:
            _tell(lost)
            lost, told = 0, time.monotonic()
        if shown == count:
            break
    for line in kept:
        sys.stdout.write(f"{write(line)}\n")
    sys.stdout.flush()
    _tell(lost)
    return shown


def _tell(lost: int) -> None:
    for sentence in said(lost):
        sys.stderr.write(f"{sentence}\n")
