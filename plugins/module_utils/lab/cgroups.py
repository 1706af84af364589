# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""cgroup2 folders: what holds the processes of a lab host or a pod, and how they are ended.

A folder is given by its path. All that is told here is what the kernel says of it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from ..engine.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What is killed is gone at once; a process that hangs in the kernel longer than this is told.
KILL_SECONDS = 10


def mount_point() -> Path:
    """Where cgroup2 is mounted: ``/sys/fs/cgroup``, or elsewhere beside version 1."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        mount, _dash, filesystem = line.partition(" - ")
        if filesystem.startswith("cgroup2 "):
            return Path(mount.split()[4])
    raise Failure("cgroup2 is not mounted: mount -t cgroup2 cgroup2 /sys/fs/cgroup.")


def processes(folder: Path) -> list[int]:
    """Numbers of the processes that are in the folder itself."""
    with contextlib.suppress(FileNotFoundError, OSError):
        return [int(line) for line in (folder / "cgroup.procs").read_text().split()]
    return []


def populated(folder: Path) -> bool:
    """Say whether a process lives in the folder or below it."""
    try:
        return "populated 1" in (folder / "cgroup.events").read_text()
    except OSError:
        return False


def join(folder: Path) -> None:
    """Move this process into a folder."""
    (folder / "cgroup.procs").write_text("0")


def end(folder: Path) -> None:
    """Kill every process in and below a folder, then remove it; none there is well, too."""
    if not folder.is_dir():
        return
    try:
        (folder / "cgroup.kill").write_text("1")
    except FileNotFoundError:  # before Linux 5.14
        _kill_one_by_one(folder)
    _wait_until_empty(folder)
    for below in _deepest_first(folder):
        with contextlib.suppress(FileNotFoundError):
            below.rmdir()


def _deepest_first(folder: Path) -> Iterator[Path]:
    for path, _folders, _files in os.walk(folder, topdown=False):
        yield Path(path)


def _kill_one_by_one(folder: Path) -> None:
    # Until none is left: a process may have forked between the reading and the killing.
    while populated(folder):
        for below in _deepest_first(folder):
            for pid in processes(below):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def _wait_until_empty(folder: Path) -> None:
    with (folder / "cgroup.events").open() as events:
        changed = select.poll()
        changed.register(events, select.POLLPRI)
        while "populated 1" in events.read():
            if not changed.poll(KILL_SECONDS * 1000):
                raise Failure(f"Processes in {folder} do not end although they were killed.")
            events.seek(0)
