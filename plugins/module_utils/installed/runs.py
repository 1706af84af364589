# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""When a run last changed something on this node, and when such a change was last confirmed.

A rerun that changes nothing writes nothing. What undoes a change leaves the file as it is.
"""

from __future__ import annotations

import contextlib
import functools
import json
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from .. import names
from ..engine import files

if TYPE_CHECKING:
    from ..engine.change import Changes

    Times = dict[str, float]

PATH = Path(names.STATE_DIR) / "last-runs"
CHANGED, CONFIRMED = "changed", "confirmed"


def note(what: str) -> None:
    """Write down that a run changes something now, or that this is confirmed."""
    known = {**read(), what: time.time()}
    # Of one length, whatever the time: what is compared by its size is the same after a rerun.
    times = ", ".join(f'"{word}": {when:.3f}' for word, when in sorted(known.items()))
    files.write(PATH, f"{{{times}}}".encode())


@functools.cache
def note_change() -> None:
    """Note, once a process, that a run is about to change something."""
    note(CHANGED)


def note_whole() -> None:
    """Note that a run has come to its end which nobody has to confirm, if it changed something."""
    found = read()
    if found.get(CHANGED, 0) > found.get(CONFIRMED, 0):
        note(CONFIRMED)


def read() -> Times:
    """Return the times that are known, in seconds since 1970."""
    with contextlib.suppress(FileNotFoundError, ValueError, AttributeError):
        found = json.loads(PATH.read_bytes()).items()
        return {word: float(when) for word, when in found}
    return {}


def plan_removal(changes: Changes) -> None:
    """Forget them."""
    if PATH.exists():
        changes.add(f"file {PATH}", {"file": True}, None, partial(files.remove, PATH))
