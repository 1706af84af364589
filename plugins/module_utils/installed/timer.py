# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The timer of systemd that undoes a change which nobody confirms.

It is transient and counts the kernel's monotonic clock: a clock that is set does not matter to it,
and a boot, which brings back what was confirmed, forgets it.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ..engine.failure import Failure
from .systemd import NICE, is_used, systemctl, systemd_run

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = "podnet-undo"
TIMER = f"{NAME}.timer"


def arm(seconds: int, command: Sequence[str]) -> None:
    """Have a command run once in so many seconds.

    :raises Failure: with what systemd says, where it does not take it.
    """
    systemd_run(
        *("--quiet", "--collect", f"--unit={NAME}", f"--on-active={seconds}s"),
        *("--timer-property=AccuracySec=100ms", "--property=Type=oneshot", f"--nice={NICE}"),
        "--description=Undo a change of the pod network that nobody has confirmed",
        *("--", *command),
    )


def extend(seconds: int, command: Sequence[str]) -> None:
    """Let the seconds begin anew.

    :raises Failure: as :func:`arm`.
    """
    try:
        systemctl("restart", TIMER)
    except Failure:  # it has gone: by a hand, by a boot
        arm(seconds, command)


def stop() -> None:
    """Let nothing be undone any more."""
    if is_used():
        with contextlib.suppress(Failure):  # systemd does not know it
            systemctl("stop", TIMER)
