"""Folders of cgroups: sockets by where programs are attached, and memory by who asked for it.

Folders do not end with a process as namespaces do. Here a shell of their own waits for the end of
this one, by whatever end, and takes them away.
"""

from __future__ import annotations

import contextlib
import functools
import os
import subprocess
from pathlib import Path

from ansible_collections.podnet.fabric.plugins.module_utils.lab import cgroups

_NAME = f"podnet-bench-{os.getpid()}"
#: Where version 1 has the controller of memory; version 2 has it beside the others.
_MEMORY_1 = Path("/sys/fs/cgroup/memory")

#: Ends when the pipe does. What is still in a folder has been killed, and is about to be gone.
_SWEEPER = """
trap '' INT TERM
read -r _
while :; do
  left=
  for folder; do
    find "$folder" -depth -type d -exec rmdir {} + 2>/dev/null
    [ -d "$folder" ] && left=1
  done
  [ "$left" ] || exit 0
  sleep 0.05
done
"""


@functools.cache
def _home() -> tuple[Path, Path | None]:
    """Make the folders that hold all others, and start what takes them away at the end."""
    sockets = cgroups.mount_point() / _NAME
    memory = next(
        (
            root / _NAME
            for root in (_MEMORY_1, cgroups.mount_point())
            if (root / "memory.stat").exists()
        ),
        None,
    )
    folders = {str(folder): None for folder in (sockets, memory) if folder}
    sweeper = subprocess.Popen(
        ["sh", "-c", _SWEEPER, "sweeper", *folders],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    # Open until this process ends. No command inherits it.
    _kept.append(sweeper)
    for folder in folders:
        Path(folder).mkdir()
    return sockets, memory


_kept: list[subprocess.Popen[bytes]] = []


def new(name: str) -> str:
    """Make a folder of cgroup2, for processes whose sockets programs see."""
    folder = _home()[0] / name
    folder.mkdir()
    return str(folder)


def new_memory(name: str) -> str | None:
    """Make a folder that counts the memory of processes; None where the kernel counts none."""
    memory = _home()[1]
    if memory is None:
        return None
    folder = memory / name
    folder.mkdir()
    return str(folder)


def kernel_memory(folder: str) -> int:
    """Return the bytes that the kernel holds for processes that are, or were, in a folder."""
    version_1 = Path(folder) / "memory.kmem.usage_in_bytes"
    if version_1.exists():
        return int(version_1.read_text())
    lines = (Path(folder) / "memory.stat").read_text().splitlines()
    return int(dict(line.split() for line in lines)["kernel"])


def peak_memory(folder: str) -> int | None:
    """Return the most bytes that processes in a folder had, the kernel's for them among them."""
    for name in ("memory.max_usage_in_bytes", "memory.peak"):  # version 1, and 2 since Linux 5.19
        with contextlib.suppress(FileNotFoundError):
            return int((Path(folder) / name).read_text())
    return None


def inside(folder: str | None, argv: list[str]) -> list[str]:
    """Return a command that is the same, in a folder."""
    if folder is None:
        return argv
    return ["sh", "-c", 'echo 0 > "$0"/cgroup.procs && exec "$@"', folder, *argv]
