# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compiled objects that lie on the node: read where nobody but root can have written them."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

from ..engine.bpf.compiler import Source
from ..engine.failure import Failure


def read(path: str, program: str) -> Source:
    """Read an object.

    :param path: its absolute path.
    :param program: name of the program, for the message.
    :raises Failure: for a path that is not there, or that somebody else than root can change.
    """
    what = f"program {program}: object {path!r}"
    if not Path(path).is_absolute():
        raise Failure(f"{what} lies on the node (remote_src); valid is an absolute path.")
    try:
        real = Path(path).resolve(strict=True)
        for part in dict.fromkeys([Path(path), *Path(path).parents, real, *real.parents]):
            _check(part, what)
        data = real.read_bytes()
    except OSError as error:
        raise Failure(f"{what} cannot be read on the node: {error.strerror}.") from error
    return Source(real.name, {real.name: base64.b64encode(data).decode()}, dialect="object")


def _check(part: Path, what: str) -> None:
    found = part.lstat()
    if found.st_uid != 0:
        reason = f"belongs to the user {found.st_uid}"
    elif not stat.S_ISLNK(found.st_mode) and found.st_mode & 0o022:
        reason = "may be written by others than root"
    else:
        return
    raise Failure(
        f"{what}: {part} {reason}. The kernel runs the object: it and all folders above it must be "
        "root's, who alone may write to them."
    )
