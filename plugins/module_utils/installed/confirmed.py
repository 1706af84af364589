# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A node's part of the plan, written down on it by the run that brought it about: for its boot.

A power cut leaves the old one or the new one. It holds no secrets, and is root's alone.
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

PATH = Path(names.STATE_DIR) / "boot.json"
#: Raise it when a plan of before cannot be brought about any more.
FORMAT = 1


#: What a slice says of how a run found the node, and of the run.
_FOUND = (
    *("balances", "holds_policies", "planned_before", "fresh_cluster", "in_the_way"),
    "confirm_timeout",
)


def written(given: Mapping[str, Any], sources: Mapping[str, Any]) -> bytes:
    """Return a plan as it is written down.

    :param given: ``node``, ``sysctls``, ``services`` and ``policies``, as ``steps.given`` has them.
    :param sources: what its programs are recognised by, see ``bpf_sources.without_texts``.
    """
    # What a run found is not what the next one finds, and both write down the same.
    node = {word: value for word, value in given["node"].items() if word not in _FOUND}
    told = {word: value for word, value in sources.items() if word != "objects"}
    return _data({**given, "node": node, "sources": told, "format": FORMAT})


def plan(data: bytes, changes: Changes) -> None:
    """Write down a plan, as :func:`written` has it."""
    found = _read()
    before = None if found is None else _state(found)
    changes.add(f"file {PATH}", before, _state(data), partial(files.write, PATH, data))


def plan_removal(changes: Changes) -> None:
    """Forget it."""
    if PATH.exists():
        changes.add(f"file {PATH}", {"file": True}, None, partial(files.remove, PATH))


def services() -> str:
    """Return the services that were written down, packed; "" where none are."""
    try:
        found = read() or {}
    except Failure:  # it is written anew
        return ""
    return str(found.get("services") or "")


def read() -> dict[str, Any] | None:
    """Return what was written down, None where no run has ended here.

    :raises Failure: for what no run of this version wrote.
    """
    data = _read()
    if data is None:
        return None
    try:
        found = dict(json.loads(data))
    except ValueError:
        found = {}
    if found.pop("format", None) != FORMAT:
        raise Failure(
            f"{PATH} is not what this version of the command writes; run podnet.fabric.site, which "
            "writes both."
        )
    return found


def _read() -> bytes | None:
    try:
        return PATH.read_bytes()
    except FileNotFoundError:
        return None


def _data(plan: Mapping[str, Any]) -> bytes:
    return json.dumps(plan, separators=(",", ":"), sort_keys=True).encode()


def _state(data: bytes) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(data).hexdigest()}
