# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What kernel settings were before us, as it is written down; or what we added to one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Union

from ..engine import files
from ..names import STATE_DIR
from . import ranges as number_ranges

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..engine.change import Changes

    #: What a setting was, or of a set of numbers under :data:`ADDED` what we added.
    First = Union[str, dict[str, str]]
    Numbers = frozenset[int]

RECORD = Path(STATE_DIR) / "sysctls.json"
ADDED = "added"
#: What reading a record raises that is empty, cut off, or not of this form.
_MALFORMED = (ValueError, TypeError, KeyError, AttributeError)


def recorded() -> dict[str, First]:
    """Return what is written down; nothing where that cannot be read (:func:`unreadable`)."""
    try:
        return _parsed(RECORD.read_text())
    except (FileNotFoundError, *_MALFORMED):
        return {}


def _parsed(text: str) -> dict[str, First]:
    found: dict[str, First] = json.loads(text)
    for first in found.values():
        if not isinstance(first, str):
            number_ranges.numbers(first[ADDED])
    return found


def unreadable() -> str:
    """Say in a sentence that the record cannot be read, "" where it can, or is not there."""
    try:
        _parsed(RECORD.read_text())
    except FileNotFoundError:
        return ""
    except _MALFORMED as error:
        return (
            f"{RECORD} cannot be read ({error}), so the first values of the settings that it held "
            f"are lost: a teardown leaves those settings as they are now."
        )
    return ""


def plan_new(changes: Changes) -> None:
    """Begin a record anew where the one that is there cannot be read."""
    lost = unreadable()
    if lost:
        changes.warnings.append(lost)
        # What this run has written down before its steps is there already.
        changes.add(str(RECORD), {"readable": False}, {"readable": True}, lambda: write(recorded()))


def remember(first: Mapping[str, First]) -> None:
    """Write down what settings are, as far as nothing is written down of them."""
    # What was written down first is the state before us, and stays.
    write({**first, **recorded()})


def remember_added(name: str, ours: Numbers) -> None:
    """Write down which numbers of a set are ours."""
    first = recorded()
    if not isinstance(first.get(name), str):  # else its whole first value is known
        write({**first, name: {ADDED: number_ranges.text(ours)}})


def write(first: Mapping[str, First]) -> None:
    """Replace the record; an empty one goes, with its folder."""
    if first:
        files.write(RECORD, json.dumps(first, indent=1, sort_keys=True).encode())
    else:
        files.remove(RECORD, folder=True)
