# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files that outlive a run: whole after a power cut, and for root alone."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, text: str) -> None:
    """Replace a file in one step: whoever reads it, after a power cut too, finds old or new text.

    Folders that are missing are made, for root alone.
    """
    for missing in reversed(
        [one for one in (path.parent, *path.parent.parents) if not one.exists()]
    ):
        missing.mkdir(mode=0o700)
        _sync(missing.parent)
    fresh = path.with_name(f"{path.name}.new")
    with contextlib.suppress(FileNotFoundError):  # of a run that was killed
        fresh.unlink()
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())  # else the name may be there before the text is
    os.replace(fresh, path)  # noqa: PTH105
    _sync(path.parent)


def remove(path: Path) -> None:
    """Remove a file, and its folder where nothing else is in it; one that is not there is fine."""
    path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # never made, or it holds something else
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
