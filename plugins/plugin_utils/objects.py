# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What was compiled in this run, kept on the controller for the hosts that load it.

The folder is the run's own, of the user that runs it alone, and goes with the run. Every process
of the run sees the same.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
from typing import TYPE_CHECKING, Any

from ..module_utils.engine.bpf import objects
from . import run_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_FOLDER = "podnet-objects"
_KEY = re.compile(r"[0-9a-f]{64}")


def found(keys: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return by its key each object that was compiled in this run."""
    known = {key: _file(key) for key in keys if _KEY.fullmatch(key)}
    return {key: json.loads(path.read_text()) for key, path in known.items() if path.exists()}


def keep(made: Mapping[str, Any], wanted: Iterable[str], machine: str) -> None:
    """Keep the objects that a host made for hosts of a machine type.

    :raises Failure: for one that is wanted and is not what it should be.
    """
    for key in wanted:
        objects.read(made.get(key), key, machine)
        path = _file(key)
        new = path.with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps(made[key]))
        new.rename(path)  # nobody reads half of it


@contextlib.contextmanager
def alone(machine: str) -> Iterator[None]:
    """Be the one process of the run that compiles for a machine type; another one waits."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", machine)
    with (_folder() / f"lock-{name}").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # the kernel lets go of it, however this process ends
        yield


def _file(key: str) -> Path:
    return _folder() / f"{key}.json"


def _folder() -> Path:
    path = run_folder.here() / _FOLDER
    path.mkdir(mode=0o700, exist_ok=True)
    return path
