# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files of ours that lie on a node among those of others: put, recognised by our mark, removed."""

from __future__ import annotations

import contextlib
import hashlib
import os
from functools import partial
from typing import TYPE_CHECKING, Any

from .. import names
from ..engine import files
from ..engine.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ..engine.change import Changes

#: A mark that root alone can give, of folders that are made here.
_MADE = "trusted.podnet.made"


def plan(path: Path, data: bytes, mode: int, changes: Changes) -> None:
    """Have a file with this content; the mark stands somewhere in it.

    :raises Failure: where somebody else's file is there.
    """
    found = read(path)
    refuse_others(path, found)
    before = None if found is None else _state(found, mode_of(path))
    changes.add(f"file {path}", before, _state(data, mode), partial(write, path, data, mode))


def plan_removal(path: Path, changes: Changes, do: Callable[[], object] | None = None) -> None:
    """Remove a file, if it is ours."""
    found = read(path)
    if found is not None and names.MARK.encode() in found:
        changes.add(f"file {path}", {"file": True}, None, do or partial(remove, path))


def refuse_others(path: Path, found: bytes | None) -> None:
    """Refuse to write over what was found there, if it is not ours."""
    if found is not None and names.MARK.encode() not in found:
        raise Failure(
            f"The file {path} is there and is not ours; remove it or give it another name."
        )


def write(path: Path, data: bytes, mode: int) -> None:
    """Put a file in one step; folders that are missing are made, for everybody to enter."""
    for folder in reversed([one for one in path.parents if not one.exists()]):
        folder.mkdir(mode=0o755)
        with contextlib.suppress(OSError):  # a file system may have no room for a mark
            os.setxattr(folder, _MADE, b"")
    files.write(path, data, mode)


def remove(path: Path) -> None:
    """Remove a file, and folders that were made for it and have nothing else."""
    files.remove(path)
    with contextlib.suppress(OSError):
        for folder in path.parents:
            os.getxattr(folder, _MADE)
            folder.rmdir()


def read(path: Path) -> bytes | None:
    """Return what is in a file; None where it is not there."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def mode_of(path: Path) -> int:
    """Return the permissions of a file."""
    return path.stat().st_mode & 0o7777


def _state(data: bytes, mode: int) -> Mapping[str, Any]:
    return {"sha256": hashlib.sha256(data).hexdigest(), "mode": f"{mode:04o}"}
