# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the last run made, written down for the node's own command, which knows no plan."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import names
from ..engine import files
from ..engine.boot_id import boot_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..engine.change import Changes

    Entries = dict[str, list[dict[str, Any]]]

PATH = Path(names.STATE_DIR) / "entries.json"


def plan(entries: Mapping[str, Any], changes: Changes) -> None:
    """Write entries down as those of this boot."""
    wanted = {"boot_id": boot_id(), **entries}
    found = _read()
    before = None if found is None else _state(found)
    changes.add(f"file {PATH}", before, _state(wanted), partial(_write, wanted))


def plan_removal(changes: Changes) -> None:
    """Forget them."""
    if PATH.exists():
        changes.add(f"file {PATH}", {"file": True}, None, partial(files.remove, PATH))


def read() -> Entries | None:
    """Return the entries; None where there are none, or where the host has booted since.

    A boot takes all that they lead to: devices, maps, programs.
    """
    found = _read()
    if found is None or found.pop("boot_id", None) != boot_id():
        return None
    return found


def _read() -> dict[str, Any] | None:
    try:
        return dict(json.loads(PATH.read_bytes()))
    except FileNotFoundError:
        return None
    except ValueError:  # somebody's hand
        return {}


def _write(entries: Mapping[str, Any]) -> None:
    files.write(PATH, _text(entries).encode())


def _state(entries: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a diff shows: a node of a large cluster has thousands of entries."""
    counts = {kind: len(items) for kind, items in entries.items() if isinstance(items, list)}
    return {**counts, "sha256": hashlib.sha256(_text(entries).encode()).hexdigest()}


def _text(entries: Mapping[str, Any]) -> str:
    return json.dumps(entries, separators=(",", ":"), sort_keys=True)
