# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The word ``boot``: what a boot of the host runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ..boot.restore import restore
from ..command.table import SOUND, UNSOUND

if TYPE_CHECKING:
    import argparse


def run(options: argparse.Namespace) -> int:
    """Do it; return the exit status."""
    return SOUND if restore(_say, options.wait) else UNSOUND


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()  # the journal has the time of each
