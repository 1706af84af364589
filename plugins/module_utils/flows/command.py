# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The word ``observe`` of the node's own command: look at packets while they pass."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from . import watch
from .lines import text
from .wanted import HELP, MEANS, Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Line = dict[str, Any]

#: Seconds without --follow.
SECONDS = 5.0


def parser() -> argparse.ArgumentParser:
    """Return the parser of its arguments."""
    made = argparse.ArgumentParser(
        prog="podnet observe",
        description="Show the packets of this node while they pass, and what becomes of each.",
        epilog="Of one option any word that is given has to fit, and all options that are given. "
        "What is lost because it came too fast is said. Example: podnet observe --follow "
        "--pod 'web-*' --not-verdict forwarded",
    )
    made.add_argument("-f", "--follow", action="store_true", help="until it is stopped")
    made.add_argument("--seconds", type=float, help=f"for how long; {SECONDS:g} if nothing is said")
    made.add_argument("--count", type=int, help="end after so many lines")
    made.add_argument("--last", type=int, help="show the last so many lines of that time alone")
    made.add_argument("-o", "--output", choices=("text", "json"), default="text")
    made.add_argument("--json", dest="output", action="store_const", const="json", help="-o json")
    for option in MEANS:
        word, what = option.replace("_", "-"), HELP[option]
        made.add_argument(f"--{word}", action="append", metavar="WORD", help=what)
        made.add_argument(f"--not-{word}", action="append", metavar="WORD", help="leave that out")
    return made


def observe(arguments: Sequence[str]) -> int:
    """Run it; return the exit status.

    :raises Failure: for a word that is none; somebody looks already; there is no pod network.
    """
    made = parser()
    given = vars(made.parse_args(arguments))
    for word in ("seconds", "count", "last"):
        if given[word] is not None and given[word] <= 0:
            made.error(f"--{word} is above 0")
    if given["follow"] and (given["seconds"] or given["last"]):
        made.error("--follow has no end: it goes with neither --seconds nor --last")
    wanted = Wanted(
        only={option: given[option] for option in MEANS if given[option]},
        exclude={option: given[f"not_{option}"] for option in MEANS if given[f"not_{option}"]},
    )
    seconds = None if given["follow"] else given["seconds"] or SECONDS
    write = _json if given["output"] == "json" else text
    try:
        _show(watch.news(wanted, {}, seconds), write, given["count"], given["last"])
    except KeyboardInterrupt:
        pass  # the usual end
    except BrokenPipeError:
        # Who read has enough; Python would complain of it once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _show(
    news: Iterable[tuple[list[Line], int]],
    write: Callable[[Line], str],
    count: int | None,
    last: int | None,
) -> None:
    """Write lines as they come, or the last ones at the end; say once a second what was lost."""
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


def _tell(lost: int) -> None:
    for sentence in watch.said(lost):
        sys.stderr.write(f"{sentence}\n")


def _json(line: Line) -> str:
    return json.dumps(line, ensure_ascii=False)
