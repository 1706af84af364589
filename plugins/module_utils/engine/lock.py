# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One run at a time changes a node: a lock that ends with the process that holds it.

It is a record lock of the kernel: no child has it, and what a killed run leaves is a file without
one. The file, for root alone, says which process holds it, and its time since when.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import struct
import time
from pathlib import Path
from typing import TYPE_CHECKING

from .failure import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = Path("/run/podnet.lock")

#: How long a run waits for another one, seconds: one that compiles on a slow node takes minutes.
WAIT = 300.0

#: How long who cannot wait lets another one go on, seconds: most have ended by then.
GRACE = 1.0

#: As ``struct flock`` of the kernel: kind, whence, start, length, process.
_FLOCK = "hhqqi"

#: Whether the holder lives is looked at so often, seconds, where its end cannot be waited for.
_LOOK = 0.05


@contextlib.contextmanager
def held(what: str, *, ends_others: bool = False) -> Iterator[None]:
    """Hold the lock for the length of a ``with`` block.

    :param what: name of the module, for those who wait.
    :param ends_others: kill who holds it for longer than :data:`GRACE`: for who cannot wait.
    :raises Failure: another run holds it for longer than :data:`WAIT`.
    """
    descriptor = _locked(time.monotonic() + (GRACE if ends_others else WAIT), ends_others)
    try:
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()} {what}".encode(), 0)
        yield
    finally:
        FILE.unlink(missing_ok=True)  # while it is ours
        os.close(descriptor)


def _locked(end: float, ends_others: bool) -> int:
    while True:
        descriptor = os.open(FILE, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            _wait(descriptor, end, ends_others)
            if _has_its_name(descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # the last holder has taken this file away


def _has_its_name(descriptor: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), FILE.stat())
    return False


def _wait(descriptor: int, end: float, ends_others: bool) -> None:
    while True:
        with contextlib.suppress(BlockingIOError, PermissionError):
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        pid, _blank, what = os.pread(descriptor, 256, 0).decode(errors="replace").partition(" ")
        left = end - time.monotonic()
        if left <= 0 and ends_others:
            _end_holder(descriptor)
            left = GRACE
        if left <= 0:
            since = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(os.fstat(descriptor).st_mtime))
            raise Failure(
                f"Another run changes this node: process {pid} ({what}), since {since}. It did not "
                f"end within {WAIT:g} s; run again when it has."
            )
        _until_it_ends(pid, left)


def _end_holder(descriptor: int) -> None:
    """Kill the process that holds the lock: the kernel says which, and not what a file says."""
    asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    kind, *_place, pid = struct.unpack(_FLOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))
    if kind != fcntl.F_UNLCK and pid > 1:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _until_it_ends(pid: str, seconds: float) -> None:
    try:
        process = os.pidfd_open(int(pid))
    except (OSError, ValueError):  # it ends at this moment, or begins, or cannot be seen from here
        time.sleep(_LOOK)
        return
    try:
        # It may give the lock back and live on.
        select.select([process], [], [], min(seconds, 1))
    finally:
        os.close(process)
