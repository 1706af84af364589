# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The word ``boot``: what a boot of the host runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ..boot.restore import restore
from ..boot.undo import undo
from ..command.table import SOUND, UNSOUND
from ..installed import pending
from .undo import by_kept_code

if TYPE_CHECKING:
    import argparse


def run(options: argparse.Namespace) -> int:
    """Do it; return the exit status."""
    change = pending.read()
    if change is not None and not change["undoing"]:
        # The host has booted before anybody has confirmed it.
        by_kept_code()
        return SOUND if undo(_say, options.wait) else UNSOUND
    return SOUND if restore(_say, options.wait) else UNSOUND


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()  # the journal has the time of each
