# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compile what comes out of a zip file once and not in every run: a third of a module's time.

Ansible sends a module and all that it imports as a zip file without bytecode. Here the bytecode of
each text is kept, by the text itself: what runs is what was sent.
"""

from __future__ import annotations

import contextlib
import hashlib
import marshal
import os
import sys
import zipimport
from _imp import _fix_co_filename
from pathlib import Path

FOLDER = Path(__file__).parents[4] / ".build" / "bytecode"

# For this process, and not for those that it starts.
os.environ.pop("PYTHONPATH", None)


def remembered(path, source, compiled=zipimport._compile_source):
    """Take the place of zipimport's own, which compiles."""
    name = f"{sys.version}{sys.flags.optimize}".encode() + source
    file = FOLDER / hashlib.sha256(name).hexdigest()
    try:
        code = marshal.loads(file.read_bytes())
    except (OSError, EOFError, ValueError):
        code = compiled(path, source)
        with contextlib.suppress(OSError):
            FOLDER.mkdir(parents=True, exist_ok=True)
            part = FOLDER / f"{file.name}.{os.getpid()}"
            part.write_bytes(marshal.dumps(code))
            part.replace(file)  # whole or not at all: runs are killed, and side by side
    else:
        _fix_co_filename(code, path)
    return code


zipimport._compile_source = remembered
