# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A change is confirmed: a boot brings back what it left, and nothing undoes it any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine import files, icmp
from ..engine.change import Changes
from ..engine.failure import Failure
from . import compiled, confirmed, pending, runs, timer, unit

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

#: So many seconds the peers that answered before have for an answer.
SECONDS = 5.0


def plan(data: bytes, objects: Collection[str], changes: Changes) -> None:
    """Have a boot bring back a network.

    :param data: its plan, as ``confirmed.written`` has it.
    :param objects: keys of the compiled programs that it needs.
    """
    confirmed.plan(data, changes)
    compiled.plan_removal(changes, but=set(objects))
    unit.plan(changes)


def confirm(change: Mapping[str, Any]) -> None:
    """Confirm a change.

    A power cut leaves it pending, and undone with the next boot, or confirmed.

    :raises Failure: where the run has not come to its end; nothing is done then.
    """
    if change["undoing"]:
        raise Failure("The change is being undone already.")
    data, objects = pending.after()
    files.write(confirmed.PATH, data)
    pending.forget()
    timer.stop()
    changes = Changes()
    plan(data, objects, changes)
    changes.apply(check_mode=False)
    runs.note(runs.CONFIRMED)


def silent(change: Mapping[str, Any]) -> list[str]:
    """Return the addresses that answered before the change and do not answer now."""
    before = change.get("peers", [])
    return sorted({*before} - icmp.answering(before, SECONDS)) if before else []
