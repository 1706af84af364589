# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The clock by which programs note when an entry was made and used, read as they read it."""

from __future__ import annotations

import time

#: CLOCK_MONOTONIC_COARSE, which Python has no name for. It stands still between two ticks, as that
#: of the programs: what they do after a reading of it never bears an earlier time.
_COARSE = 6
_WHOLE, _HALF = 1 << 64, 1 << 63


def now() -> int:
    """Return nanoseconds since boot, a few milliseconds old."""
    return time.clock_gettime_ns(_COARSE)


def ticks(seconds: float) -> int:
    """Return how many ticks of the kernel a time has, 1 at least: that clock moves with them."""
    return max(1, round(seconds / time.clock_getres(_COARSE)))


def elapsed(now: int, then: int) -> int:
    """Return the nanoseconds between two times, as ``elapsed`` of bpf/lib/bpf.h does.

    Below 0 where ``then`` is the later one: another CPU may use an entry that this one looks at.
    """
    return (now - then + _HALF) % _WHOLE - _HALF
