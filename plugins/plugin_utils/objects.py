# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What was compiled, kept on the controller for the hosts that load it.

The folder is the run's own, of the user that runs it alone, and goes with the run. Every process
of the run sees the same. With the environment variable PODNET_OBJECT_CACHE it is that folder, which
stays for later runs.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..module_utils.engine.bpf import objects
from ..module_utils.engine.failure import Failure
from . import run_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

#: Names a folder that outlives the run: a setting of the place where Ansible runs, not of hosts.
CACHE = "PODNET_OBJECT_CACHE"
_FOLDER = "podnet-objects"
_KEY = re.compile(r"[0-9a-f]{64}")


def found(keys: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return by its key each object that was compiled and kept."""
    folder = _folder()
    known = {key: _intact(key, folder) for key in keys if _KEY.fullmatch(key)}
    return {key: data for key, data in known.items() if data is not None}


def _intact(key: str, folder: Path) -> dict[str, Any] | None:
    """Read an object; what a power cut or somebody spoiled is as good as not there."""
    try:
        data: dict[str, Any] = json.loads(_file(key, folder).read_text())
        objects.read(data, key, data["machine"])
    except (OSError, ValueError, TypeError, KeyError, Failure):
        return None
    return data


def keep(made: Mapping[str, Any], wanted: Iterable[str], machine: str) -> None:
    """Keep the objects that a host made for hosts of a machine type.

    :raises Failure: for one that is wanted and is not what it should be.
    """
    folder = _folder()
    for key in wanted:
        objects.read(made.get(key), key, machine)
        path = _file(key, folder)
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


def _file(key: str, folder: Path) -> Path:
    return folder / f"{key}.json"


def _folder() -> Path:
    named = os.environ.get(CACHE)
    if named:
        return _cache(Path(named).expanduser())
    path = run_folder.here() / _FOLDER
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def _cache(path: Path) -> Path:
    """Return the folder that the user has named, which others may not write to."""
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.stat()
    except OSError as error:
        raise Failure(f"{CACHE} is {str(path)!r}: {error.strerror}.") from error
    if found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise Failure(
            f"{CACHE} is {str(path)!r}, a folder that others may write to. Nodes run the programs "
            "in it: it must belong to the user that runs Ansible, who alone may write to it "
            "(chmod 700)."
        )
    return path
