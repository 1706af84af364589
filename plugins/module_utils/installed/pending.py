# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A change that a run has begun and nobody has confirmed yet: what the way back from it needs.

All of it lies in one folder, for root alone: who changes since when, our files as they were, what
undoes it, and, once the run has made everything, what it leaves. The change is pending for as long
as there is :data:`RECORD`; that file comes last and goes first.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import names
from ..engine import files
from ..engine.boot_id import boot_id
from ..engine.failure import Failure
from . import compiled, metrics
from . import files as ours
from .command import COMMAND, COMPLETIONS
from .systemd import FOLDER as UNITS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

STATE = Path(names.STATE_DIR)
FOLDER = STATE / "pending"
RECORD = FOLDER / "change.json"
#: The record while it is being undone, from when our files are as they were.
UNDOING = FOLDER / "undoing.json"
#: What undoes it: a command of the code that changes the node.
UNDO = FOLDER / "podnet"
#: What the run leaves, as a boot reads it, from when all of it stands.
AFTER = FOLDER / "boot.json"
_BEFORE = FOLDER / "before"

#: Words of a change that are not written down, but found when it is read.
_FOUND = ("left", "undoing", "here")

#: What the last change came to that was undone; it goes with the next boot.
UNDONE = Path("/run/podnet-undo")


def begin(by: str, run: str, seconds: int, undo: bytes, peers: Collection[str]) -> None:
    """Write down that a change is pending, with all that the way back needs.

    :param by: who changes, for people and for their next run.
    :param run: tells this run from others.
    :param undo: the command that undoes it.
    :param peers: addresses that answer now.
    """
    shutil.rmtree(FOLDER, ignore_errors=True)  # of one that was killed before it had a record
    kept = {}
    for number, path in enumerate(_ours()):
        _keep(path, _BEFORE / str(number))
        kept[str(path)] = str(number)
    files.write(UNDO, undo, 0o700)
    clear_undone()
    record = {
        "by": by,
        "since": time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime()),
        "peers": sorted(peers),
        "files": kept,
        "objects": sorted(file.stem for file in compiled.FOLDER.glob("*.json")),
        **_until(run, seconds),
    }
    _write(RECORD, record)


def extend(change: Mapping[str, Any], run: str, seconds: int) -> None:
    """Give a change more time, in the name of a run."""
    told = {word: value for word, value in change.items() if word not in _FOUND}
    _write(RECORD, {**told, **_until(run, seconds)})


def read() -> dict[str, Any] | None:
    """Return the change that is pending, None where none is.

    It has ``left``, the seconds until it is undone, none where nothing waits any more, and
    ``undoing``, whether that has begun.
    """
    for path in (RECORD, UNDOING):
        try:
            found: dict[str, Any] = json.loads(path.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            continue
        except ValueError:  # somebody's hand; the copies are there
            found = {"by": "somebody", "since": "some time", "run": "", "seconds": 0, "peers": []}
        here = found.get("boot_id") == boot_id()
        left = found.get("deadline", 0.0) - time.monotonic() if here else 0.0
        return {**found, "left": max(0.0, left), "undoing": path == UNDOING, "here": here}
    return None


def keep_after(data: bytes, objects: Collection[str]) -> None:
    """Write down what the run leaves, now that all of it stands.

    :param objects: keys of the compiled programs that this needs.
    """
    files.write(AFTER, json.dumps({"data": data.decode(), "objects": sorted(objects)}).encode())


def after() -> tuple[bytes, list[str]]:
    """Return what was written.

    :raises Failure: where the run has not come so far.
    """
    try:
        found = json.loads(AFTER.read_bytes())
    except FileNotFoundError:
        raise Failure(
            "The run has not come to its end on this node, so there is no whole to confirm: let "
            "podnet.fabric.site run again, which goes on with it, or `podnet undo`."
        ) from None
    return found["data"].encode(), found["objects"]


def put_back(change: Mapping[str, Any]) -> None:
    """Let our files be as they were; a second time it changes nothing.

    What the kernel's settings were first is left to who restores these.
    """
    if "files" not in change:  # a record that a hand has spoiled says nothing
        return
    kept = {Path(path): _BEFORE / number for path, number in change["files"].items()}
    for path, copy in kept.items():
        if path not in _LEFT and _state(path) != _state(copy):
            _keep(copy, path)
    for path in _ours():
        if path not in kept and path not in _LEFT:
            files.remove(path)


def before(change: Mapping[str, Any], path: Path) -> Path | None:
    """Return the copy of one of our files as it was, None where there was none."""
    number = change.get("files", {}).get(str(path))
    return None if number is None else _BEFORE / number


def begin_undoing() -> None:
    """Write down that our files are as they were: a boot goes on from here."""
    if RECORD.exists():
        os.replace(RECORD, UNDOING)  # noqa: PTH105


def forget() -> None:
    """Let no change be pending: it is confirmed, or undone."""
    for record in (RECORD, UNDOING):
        files.remove(record)
    shutil.rmtree(FOLDER, ignore_errors=True)


def note_undone(change: Mapping[str, Any], sentence: str) -> None:
    """Write down what came of undoing a change, "" where all of it is undone."""
    told = {
        "at": time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime()),
        "by": change["by"],
        "since": change["since"],
        "reason": sentence,
    }
    files.write(UNDONE, json.dumps(told).encode())


def clear_undone() -> None:
    """Forget it."""
    files.remove(UNDONE)


def undone() -> dict[str, Any] | None:
    """Return what was written: ``at``, ``by``, ``since``, ``reason``; None where nothing was."""
    try:
        return dict(json.loads(UNDONE.read_bytes()))
    except (FileNotFoundError, ValueError):
        return None


def command_line(file: Path, *words: str) -> list[str]:
    """Return how a command's file is run where its folder may be mounted without execution."""
    first = file.open("rb").readline().decode(errors="replace").strip()
    return [*first.removeprefix("#!").split(), str(file), *words]


#: The settings' first values go back with the settings; what a host has for events, by a run.
_LEFT = (STATE / "sysctls.json", STATE / "entries.json")


def _ours() -> Iterator[Path]:
    """Yield the files that a run may write, of those that are there."""
    fixed = (COMMAND, *COMPLETIONS.values(), *(UNITS / unit for unit in metrics.UNITS))
    for path in (*sorted(STATE.glob("[!.]*.json")), *fixed):
        if path.is_file():
            yield path


def _keep(source: Path, target: Path) -> None:
    files.write(target, source.read_bytes(), ours.mode_of(source))


def _state(path: Path) -> tuple[bytes, int] | None:
    found = ours.read(path)
    return None if found is None else (found, ours.mode_of(path))


def _until(run: str, seconds: int) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    return {"run": run, "seconds": seconds, "deadline": deadline, "boot_id": boot_id()}


def _write(path: Path, record: Mapping[str, Any]) -> None:
    files.write(path, json.dumps(record, separators=(",", ":"), sort_keys=True).encode())
