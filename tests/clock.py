# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Times of entries that tests write, on a machine that has just come up and on an old one alike."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, TypeVar

from ansible_collections.podnet.fabric.plugins.module_utils.datapath import clock

if TYPE_CHECKING:
    from collections.abc import Callable

Outcome = TypeVar("Outcome")


def ago(seconds: float) -> int:
    """Return what the clock of the programs showed so many seconds ago.

    It wraps where the machine was not up yet: differences, which alone matter, are the same.
    """
    return (clock.now() - int(seconds * 10**9)) % (1 << 64)


def within(seconds: float, act: Callable[[], Outcome]) -> Outcome:
    """Return what came of an act that took less than so many seconds.

    A loaded machine may sleep over it, and has it acted again.
    """
    while True:
        start = time.monotonic()
        outcome = act()
        if time.monotonic() - start < seconds:
            return outcome


def spent() -> float:
    """Return the seconds of processors that this process and its ended children have had.

    What takes so many of them does so beside other work, too, unlike what it takes by the clock.
    """
    return sum(os.times()[:4])
