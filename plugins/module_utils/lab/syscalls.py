# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The system calls that make and enter namespaces; Python has most of them from 3.12 on only."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWNET = 0x40000000

MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
MNT_DETACH = 2

_libc = ctypes.CDLL(None, use_errno=True)


def unshare(kinds: int) -> None:
    """Leave the namespaces of these kinds (``CLONE_NEW…``, ored) for new ones."""
    _call("unshare", kinds)


def setns(file: int, kind: int) -> None:
    """Enter the namespace that an open file stands for."""
    _call("setns", file, kind)


def mount(source: str, target: str, fstype: str, flags: int = 0, data: str = "") -> None:
    """Mount; an empty ``fstype`` is for binds and changes of propagation."""
    _call(
        "mount",
        source.encode(),
        os.fsencode(target),
        fstype.encode() or None,
        ctypes.c_ulong(flags),
        data.encode() or None,
    )


def unmount(target: str) -> None:
    """Take a mount and all below it out of the tree now; it goes away with its last user."""
    _call("umount2", os.fsencode(target), MNT_DETACH)


def change_root(root: str) -> None:
    """Make a mount point the root of this mount namespace and let go of the old root."""
    os.chdir(root)
    # Both at one place: the old root lies on top of the new one, and is taken off again.
    _call("pivot_root", b".", b".")
    unmount(".")
    os.chdir("/")


def is_in_chroot() -> bool:
    """Say whether this process has another root than its mount namespace.

    Whoever enters a namespace gets the namespace's root, and would leave a chroot by that.
    """
    child = os.fork()
    if child == 0:
        before = after = _root()
        try:
            with Path("/proc/self/ns/mnt").open("rb") as namespace:
                setns(namespace.fileno(), CLONE_NEWNS)
            after = _root()
        finally:
            os._exit(after != before)
    return os.waitpid(child, 0)[1] != 0


def _root() -> tuple[str, int]:
    """Return what tells one root from another: its mount, and its inode there."""
    root = os.open("/", os.O_PATH)
    try:
        about = Path(f"/proc/self/fdinfo/{root}").read_text(encoding="ascii").splitlines()
        mount = next(line for line in about if line.startswith("mnt_id:"))
        return mount, os.fstat(root).st_ino
    finally:
        os.close(root)


def _call(function: str, *arguments: object) -> None:
    if getattr(_libc, function)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{function}: {os.strerror(number)}")
