# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The two filesystems that eBPF needs: bpffs for pins, cgroup2 for socket programs.

What we mount has ``podnet`` as its source, which ``/proc/self/mountinfo`` shows: that is how it is
recognised when it is to go.
"""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..engine.change import Changes
from ..engine.failure import Failure
from ..names import BPFFS, PIN_ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..engine.spec import Call

SOURCE = "podnet"
#: Where cgroup2 is mounted if it is nowhere: beside the v1 controllers of a hybrid host.
CGROUP2 = "/sys/fs/cgroup/unified"

#: Pins that the kernel itself puts into the first bpffs that is mounted.
_KERNELS_OWN = frozenset({"maps.debug", "progs.debug"})

MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8


@dataclass(frozen=True)
class Mount:
    """One line of ``/proc/self/mountinfo``."""

    path: str
    kind: str
    source: str


def mounted() -> list[Mount]:
    """Return what is mounted, in the order in which it was."""
    mounts = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        head, _dash, tail = line.partition(" - ")
        kind, source = tail.split()[:2]
        # proc(5): blanks in a path are written as octal escapes.
        mounts.append(Mount(head.split()[4].encode().decode("unicode_escape"), kind, source))
    return mounts


def cgroup2_root() -> str | None:
    """Where the cgroup2 hierarchy is mounted, None where it is not."""
    return next((mount.path for mount in mounted() if mount.kind == "cgroup2"), None)


def bpffs_mounted() -> bool:
    """Say whether pins can be made below ``/sys/fs/bpf``."""
    return any(mount.kind == "bpf" and mount.path == BPFFS for mount in mounted())


def _on_bpffs(path: str, mounts: Iterable[Mount]) -> bool:
    """Say whether a path, there or not, lies on a mounted bpffs."""
    real = f"{os.path.realpath(path)}/"
    below = [mount for mount in mounts if real.startswith(f"{mount.path.rstrip('/')}/")]
    # Of mounts at one place the last one is seen.
    return max(enumerate(below), key=lambda one: (len(one[1].path), one[0]))[1].kind == "bpf"


def must_be_pinned(paths: Iterable[str], call: Call) -> None:
    """Refuse pins where none can be; in check mode say so, for an earlier task may mount a bpffs.

    :raises Failure: for the first path that lies on no bpffs.
    """
    mounts = mounted()  # once: a node has one of each pod
    for path in paths:
        if not _on_bpffs(path, mounts):
            said = f"{path} lies on no bpffs; mount one (mount -t bpf bpf {BPFFS})"
            if not call.check_mode:
                raise Failure(f"{said}.")
            # The roles mount theirs first.
            if not Path(path).is_relative_to(PIN_ROOT):
                call.warn(f"{said}: the task fails unless an earlier one mounts it.")
            return


def converge(*, check_mode: bool) -> Changes:
    """Mount what is not mounted yet."""
    changes = Changes()
    if not bpffs_mounted():
        # Pins are readable by root alone.
        changes.add(
            f"mount {BPFFS}", None, {"type": "bpf"}, partial(_mount, "bpf", BPFFS, "mode=0700")
        )
    if cgroup2_root() is None:
        changes.add(
            f"mount {CGROUP2}", None, {"type": "cgroup2"}, partial(_mount, "cgroup2", CGROUP2, "")
        )
    changes.apply(check_mode=check_mode)
    return changes


def remove(*, check_mode: bool) -> Changes:
    """Unmount what was mounted by :func:`converge` and holds nothing more."""
    changes = Changes()
    # In check mode the pins that a run would have removed by now are still there.
    nothing = _KERNELS_OWN | ({Path(PIN_ROOT).name} if check_mode else set())
    for mount in mounted():
        if mount.source == SOURCE and (
            mount.kind != "bpf" or {pin.name for pin in Path(mount.path).iterdir()} <= nothing
        ):
            changes.add(
                f"mount {mount.path}",
                {"type": mount.kind},
                None,
                partial(_unmount, mount.path),
            )
    changes.apply(check_mode=check_mode)
    return changes


_libc = ctypes.CDLL(None, use_errno=True)


def _mount(kind: str, path: str, options: str) -> None:
    Path(path).mkdir(parents=True, exist_ok=True)
    flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
    arguments = (SOURCE.encode(), path.encode(), kind.encode(), flags, options.encode() or None)
    if _libc.mount(*arguments) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise Failure(
            f"{kind} cannot be mounted at {path}: {reason}. "
            f"The kernel needs {kind} and the task needs root."
        )


def _unmount(path: str) -> None:
    if _libc.umount2(path.encode(), 0) != 0:
        raise Failure(f"{path} cannot be unmounted: {os.strerror(ctypes.get_errno())}.")
