# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The folder that Ansible makes for one run where it runs, and removes when the run ends.

A run that is killed leaves it. The next run takes away what is ours in it.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from pathlib import Path

from ansible import constants

#: As Ansible names it: the number of its process, and eight characters of Python's choice.
_NAME = re.compile(r"ansible-local-(\d+)[a-z0-9_]{8}")
_OURS = "podnet-*"
_OWNER = "podnet-owner"


def here() -> Path:
    """Return the folder of this run."""
    folder = Path(constants.DEFAULT_LOCAL_TMP)
    owner = folder / _OWNER
    if not owner.exists():
        owner.write_text(_numbering())
    return folder


def sweep() -> None:
    """Remove what runs left whose process has ended."""
    for other in here().parent.iterdir():
        named = _NAME.fullmatch(other.name)
        if named is None or Path("/proc", named[1]).exists():
            continue
        with contextlib.suppress(OSError):  # none of ours, or another user's
            # A process of another machine or container, with the same home, may well live.
            if (other / _OWNER).read_text() == _numbering():
                for left in other.glob(_OURS):
                    if left.is_dir():
                        shutil.rmtree(left)
                    elif left.name != _OWNER:
                        left.unlink()
                (other / _OWNER).unlink()
                other.rmdir()  # unless somebody else's things are in it


def _numbering() -> str:
    """Say within what a number stands for one process."""
    namespace = Path("/proc/self/ns/pid").readlink()
    return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {namespace}"
