# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A folder for the length of a ``with`` block that ends with its process, however that ends."""

from __future__ import annotations

import contextlib
import ctypes
import os
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The same on every architecture.
_FSOPEN, _FSCONFIG, _FSMOUNT = 430, 431, 432
_CLOEXEC, _SET_STRING, _CREATE = 1, 1, 6
_NOSUID, _NODEV, _NOEXEC = 2, 4, 8

_libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def folder(prefix: str) -> Iterator[str]:
    """Make an empty folder, for root alone; yield its path.

    It is a filesystem in memory that is mounted nowhere, and is reached by a descriptor of this
    process: a run that is killed leaves nothing of it. Where the kernel refuses that, it is an
    ordinary temporary folder, and its name begins with ``prefix``.
    """
    try:
        mount = _mount()
    except OSError:  # before Linux 5.2, or in a container that may not
        with tempfile.TemporaryDirectory(prefix=prefix) as path:
            yield path
        return
    try:
        yield f"/proc/{os.getpid()}/fd/{mount}"
    finally:
        os.close(mount)


def _mount() -> int:
    context = _call(_FSOPEN, b"tmpfs", _CLOEXEC)
    try:
        _call(_FSCONFIG, context, _SET_STRING, b"mode", b"0700", 0)
        _call(_FSCONFIG, context, _CREATE, None, None, 0)
        return _call(_FSMOUNT, context, _CLOEXEC, _NOSUID | _NODEV | _NOEXEC)
    finally:
        os.close(context)


def _call(number: int, *arguments: int | bytes | None) -> int:
    result = int(_libc.syscall(number, *arguments))
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result
