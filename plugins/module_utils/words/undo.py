# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The word ``undo``: a change that nobody has confirmed goes; a timer of systemd runs it."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..boot.undo import undo
from ..command.table import SOUND, UNSOUND
from ..installed import pending

if TYPE_CHECKING:
    import argparse


def run(_options: argparse.Namespace) -> int:
    """Do it; return the exit status."""
    by_kept_code()
    # The session that it is typed in may be what the change has cut off.
    for number in (signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    return SOUND if undo(_say) else UNSOUND


def by_kept_code() -> None:
    """Go on as the command that a change has kept: this one is replaced by what is undone."""
    if Path(sys.argv[0]) != pending.UNDO and pending.UNDO.exists():
        words = pending.command_line(pending.UNDO, *sys.argv[1:])
        os.execv(words[0], words)  # noqa: S606


def _say(line: str) -> None:
    with contextlib.suppress(OSError):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()  # the journal has the time of each
