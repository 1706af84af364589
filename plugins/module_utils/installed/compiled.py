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

FOLDER = Path(names.STATE_DIR) / "objects"
_WHAT = "compiled programs on disk"


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


def plan(
    wanted: Mapping[str, str],
    made: Callable[[Collection[str]], Mapping[str, Any]],
    changes: Changes,
) -> None:
    """Keep what is not kept yet.

    :param wanted: program -> key of its object.
    :param made: returns objects by their keys.
    """
    lacking = missing(wanted.values())
    before = sorted(name for name, key in wanted.items() if key not in lacking)
    changes.add(_WHAT, {"kept": before}, {"kept": sorted(wanted)}, partial(_keep, lacking, made))


def plan_removal(changes: Changes, but: Collection[str] = ()) -> None:
    """Remove what is kept, but for some keys."""
    gone = [file for file in sorted(FOLDER.glob("*.json")) if file.stem not in but]
    if gone:
        changes.add(f"unused {_WHAT}", {"count": len(gone)}, None, partial(_remove, gone))


def _keep(keys: Collection[str], made: Callable[[Collection[str]], Mapping[str, Any]]) -> None:
    objects = made(keys)
    for key in keys:
        files.write(_file(key), json.dumps(objects[key], sort_keys=True).encode())


def _remove(gone: Iterable[Path]) -> None:
    for file in gone:
        files.remove(file, folder=True)


def _file(key: str) -> Path:
    return FOLDER / f"{key}.json"
