# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A process that outlives the module that starts it, for the length of a test and no longer.

Nothing of the network runs by itself: such a process is ended by who started it, and by itself
should nobody do that.
"""

from __future__ import annotations

import os
import select
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from . import files

if TYPE_CHECKING:
    from collections.abc import Callable

#: More than enough for a process that does nothing else when it is told to end.
_END_SECONDS = 5
#: What is done at the end of its time takes no longer.
_THEN_SECONDS = 60


def start(
    pid_file: Path,
    lifetime: float,
    work: Callable[[], object],
    then: Callable[[], object] | None = None,
) -> None:
    """Do ``work`` in a process of its own, which ends after ``lifetime`` seconds at most.

    :param pid_file: where :func:`stop` finds it.
    :param then: what it does at its end, where nobody has stopped it; None: nothing.
    """
    child = os.fork()
    if child:
        files.write(pid_file, f"{child} {_started(child)}".encode())
        return
    # The child is nobody's: no terminal, no pipe of the one who asks for it, no more than its time.
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    signal.signal(signal.SIGALRM, _end)
    signal.alarm(int(lifetime))
    os.chdir("/")
    try:
        try:
            work()
        except SystemExit:  # its time is up
            pid_file.unlink(missing_ok=True)
            if then:
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.alarm(_THEN_SECONDS)
                then()
    finally:
        os._exit(1)  # never back into the module


def _end(_number: int, _frame: object) -> None:
    raise SystemExit


def stop(pid_file: Path) -> bool:
    """Stop it; say whether it ran."""
    try:
        pid, started = pid_file.read_text().split()
    except (OSError, ValueError):
        return False
    pid_file.unlink(missing_ok=True)
    try:
        process = os.pidfd_open(int(pid))
    except ProcessLookupError:
        return False
    try:
        if _started(int(pid)) != started:
            return False  # it ended, and the number is another's by now
        signal.pidfd_send_signal(process, signal.SIGTERM)
        select.select([process], [], [], _END_SECONDS)  # it holds its ports until then
    finally:
        os.close(process)
    return True


def _started(pid: int) -> str:
    """Start time of a process, "" where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""
