# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files that outlive a run: a power cut leaves them as they were, or as they shall be."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Put a file in the place of the one that is there, in one step, or make it.

    Folders that are missing are made, for root alone.
    """
    for missing in reversed(
        [one for one in (path.parent, *path.parent.parents) if not one.exists()]
    ):
        missing.mkdir(mode=0o700)
        _sync(missing.parent)
    fresh = path.with_name(f".{path.name}.new")
    with contextlib.suppress(FileNotFoundError):  # of a run that was killed
        fresh.unlink()
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
        os.fchmod(file.fileno(), mode)
        file.flush()
        os.fsync(file.fileno())  # else the name may be there before the data is
    os.replace(fresh, path)  # noqa: PTH105
    _sync(path.parent)


def remove(path: Path, *, folder: bool = False) -> None:
    """Remove a file; one that is not there is fine.

    :param folder: its folder, too, where nothing else is in it.
    """
    path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # never made, or it holds something else
        if folder:
            path.parent.rmdir()
    with contextlib.suppress(FileNotFoundError):
        _sync(path.parent)


def _sync(folder: Path) -> None:
    """Bring the names of a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
