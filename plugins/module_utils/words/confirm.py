# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The word ``confirm``: a change that is pending stays, whatever its run says."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ..command.table import SOUND, UNSOUND
from ..engine import lock
from ..installed import confirm, pending

if TYPE_CHECKING:
    import argparse


def run(_options: argparse.Namespace) -> int:
    """Do it; return the exit status."""
    with lock.held("confirm"):
        change = pending.read()
        if change is None:
            return _say("no change is pending: there is nothing to confirm", SOUND)
        silent = confirm.silent(change)
        confirm.confirm(change)
    said = f"confirmed: the change by {change['by']} of {change['since']}"
    if silent:
        return _say(f"{said}; {', '.join(silent)} answered before it, and not now", UNSOUND)
    return _say(said, SOUND)


def _say(line: str, status: int) -> int:
    sys.stdout.write(f"{line}\n")
    return status
