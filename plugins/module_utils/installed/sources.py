# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the node's programs are made of, on the node: ``podnet why`` loads them once more.

They are in no archive of modules: text for a compiler, each file once.
"""

from __future__ import annotations

import hashlib
import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import names
from ..engine import files
from ..engine.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..engine.change import Changes

PATH = Path(names.STATE_DIR) / "sources.json"


def fold(gathered: Mapping[str, Any]) -> str:
    """Return what ``bpf_sources.gather`` read as one text, in which each file stands once."""
    texts: list[str] = []
    places: dict[str, int] = {}

    def placed(written: Mapping[str, str]) -> dict[str, int]:
        for text in written.values():
            if text not in places:
                places[text] = len(texts)
                texts.append(text)
        return {name: places[text] for name, text in written.items()}

    folded = {
        **gathered,
        "sources": [{**one, "files": placed(one["files"])} for one in gathered["sources"]],
        "standin": placed(gathered["standin"]),
    }
    return json.dumps({**folded, "texts": texts}, separators=(",", ":"), sort_keys=True)


def unfold(text: str | bytes) -> dict[str, Any]:
    """Return what ``gather`` had read."""
    folded = json.loads(text)
    texts = folded.pop("texts")

    def filled(placed: Mapping[str, int]) -> dict[str, str]:
        return {name: texts[at] for name, at in placed.items()}

    sources = [{**one, "files": filled(one["files"])} for one in folded["sources"]]
    return {**folded, "sources": sources, "standin": filled(folded["standin"])}


def digest(text: str | bytes) -> str:
    """Return what tells a folded text from another one."""
    return hashlib.sha256(text if isinstance(text, bytes) else text.encode()).hexdigest()


def plan(sent: Mapping[str, str], changes: Changes) -> None:
    """Have the text there.

    :param sent: its ``digest``, and but where a run only looks the ``text`` itself.
    """
    before = {"sha256": digest(PATH.read_bytes())} if PATH.exists() else None
    changes.add(f"file {PATH}", before, {"sha256": sent["digest"]}, partial(_write, sent))


def plan_removal(changes: Changes) -> None:
    """Forget it."""
    if PATH.exists():
        changes.add(f"file {PATH}", {"file": True}, None, partial(files.remove, PATH))


def read() -> dict[str, Any] | None:
    """Return what ``gather`` had read; None where nothing is there, or nothing that is whole."""
    try:
        return unfold(PATH.read_bytes())
    except (FileNotFoundError, ValueError, KeyError, IndexError):
        return None


def _write(sent: Mapping[str, str]) -> None:
    if digest(sent.get("text", "")) != sent["digest"]:
        raise Failure("What the programs are made of did not come along whole; run it once more.")
    files.write(PATH, sent["text"].encode())
