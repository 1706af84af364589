# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs as they were compiled, kept on the node: a boot needs no compiler and no controller.

Nothing of the kernel goes into an object, so one serves every kernel that the node may boot.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import names
from ..engine import files

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from ..engine.change import Changes

    Made = Callable[[str], Mapping[str, Any]]

FOLDER = Path(names.STATE_DIR) / "objects"


def missing(keys: Iterable[str]) -> set[str]:
    """Return those of which nothing is kept."""
    return {key for key in keys if not _file(key).exists()}


def read(keys: Iterable[str]) -> dict[str, Any]:
    """Return by their keys the objects that are kept; who loads one checks it.

    One that a hand has spoiled is as good as not there.
    """
    found = {}
    for key in keys:
        try:
            found[key] = json.loads(_file(key).read_bytes())
        except (FileNotFoundError, ValueError):
            continue
    return found


def plan(wanted: Mapping[str, str], made: Made, changes: Changes) -> None:
    """Keep what is not kept yet.

    :param wanted: program -> key of its object.
    :param made: returns an object by its key.
    """
    lacking = missing(wanted.values())
    for name, key in sorted(wanted.items()):
        before: dict[str, Any] | None = None if key in lacking else {}
        changes.add(f"compiled program {name}", before, {}, partial(_keep, key, made))


def plan_removal(changes: Changes, but: Collection[str] = ()) -> None:
    """Remove what is kept, but for some keys."""
    gone = [file for file in sorted(FOLDER.glob("*.json")) if file.stem not in but]
    if gone:
        unused = {"count": len(gone)}
        changes.add("unused compiled programs", unused, None, partial(_remove, gone))


def _keep(key: str, made: Made) -> None:
    if not _file(key).exists():  # several programs are of one source
        files.write(_file(key), json.dumps(made(key), sort_keys=True).encode())


def _remove(gone: Iterable[Path]) -> None:
    for file in gone:
        files.remove(file, folder=True)


def _file(key: str) -> Path:
    return FOLDER / f"{key}.json"
