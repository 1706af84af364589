# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the node's own command has compiled, kept for its next question."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import names
from ..engine import files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..engine.change import Changes

PATH = Path(names.STATE_DIR) / "objects.json"


def read(digest: str) -> dict[str, Any]:
    """Return key -> object of what was compiled of these sources."""
    try:
        found = json.loads(PATH.read_bytes())
        return dict(found["objects"]) if found["sources"] == digest else {}
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return {}


def keep(digest: str, objects: Mapping[str, Any]) -> None:
    """Keep what was compiled of these sources, and nothing of others."""
    files.write(PATH, json.dumps({"sources": digest, "objects": dict(objects)}).encode())


def plan_removal(changes: Changes) -> None:
    """Forget it."""
    if PATH.exists():
        changes.add(f"file {PATH}", {"file": True}, None, partial(files.remove, PATH))
