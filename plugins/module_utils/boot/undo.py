# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A change that nobody has confirmed is undone: the node is as its last confirmed run left it.

Our files come back first, the command among them; then that command brings back the network that
was confirmed, as at a boot: the old code with the old programs. Where no run was ever confirmed,
all that is ours goes. What cuts this off leaves what goes on with it: a boot, or the same word.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

from ..engine import lock
from ..engine.change import Changes
from ..engine.failure import Failure, Unfinished
from ..installed import compiled, confirmed, metrics, pending, plan, timer
from ..installed.command import COMMAND
from ..steps.converge import run, spec_of
from .restore import call_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Say = Callable[[str], None]

#: How long the command waits for the node's address, seconds: it was there before the change.
WAIT = 2
_SYSCTLS = pending.STATE / "sysctls.json"
#: What takes all of it away, with its options: modules as the role ``teardown`` runs them.
_TEARDOWN = {"teardown": {}, "sysctls": {"state": "restored"}, "mounts": {"state": "absent"}}


def undo(say: Say, seconds: float = WAIT) -> bool:
    """Undo the change that is pending; say whether the node is wholly as before it.

    A run that is changing the node meanwhile is ended. Whoever calls runs as :data:`pending.UNDO`:
    the node's own command is replaced meanwhile.

    :param say: called with a line for each thing that a person should know.
    :param seconds: how long the node's address is waited for.
    :raises Failure: what kept the network of before from coming back.
    """
    with lock.held("undo", ends_others=True):
        change = pending.read()
        if change is None:
            say("no change is pending: there is nothing to undo")
            return True
        say(f"undo the change by {change['by']} of {change['since']}, which nobody has confirmed")
        before = pending.before(change, confirmed.PATH)
        if before is None:
            return _undone(change, _take_away(say), say)
        _put_back(change, before, say)
        pending.begin_undoing()
    # The command takes the lock itself. A run that comes in between is refused.
    reason, failed = _brought_back(say, seconds)
    with lock.held("undo", ends_others=True):
        changes = Changes()
        if "objects" in change:
            compiled.plan_removal(changes, but=change["objects"])
        changes.apply(check_mode=False)
        whole = _undone(change, reason, say)
    if failed:
        raise Failure(
            f"The network of before is not brought back: {reason} `podnet boot` does it when that "
            "is mended, and so does podnet.fabric.site."
        )
    return whole


def _undone(change: Mapping[str, Any], reason: str, say: Say) -> bool:
    """Let the change be pending no more."""
    pending.forget()
    timer.stop()
    if pending.STATE.is_dir() and confirmed.PATH.exists():
        pending.note_undone(change, reason)
    else:
        shutil.rmtree(pending.STATE, ignore_errors=True)
    say("undone" if not reason else f"undone but for this: {reason}")
    return not reason


def _put_back(change: Mapping[str, Any], before: Path, say: Say) -> None:
    """Let what lies on the host be as it was."""
    slice_of = json.loads(before.read_bytes())["node"]
    _restore_settings(change)
    pending.put_back(change)
    changes = Changes()
    # A run writes this before it has changed anything that is guarded.
    plan.plan(slice_of, changes)
    metrics.plan(slice_of.get("metrics") or {}, changes)
    changes.apply(check_mode=False)
    for warning in changes.warnings:
        say(warning)


def _restore_settings(change: Mapping[str, Any]) -> None:
    """Give settings of the host that the change was the first to set their first values."""
    before = pending.before(change, _SYSCTLS)
    known = json.loads(before.read_bytes()) if before else {}
    now = json.loads(_SYSCTLS.read_bytes()) if _SYSCTLS.exists() else {}
    fresh = sorted(set(now) - set(known))
    if fresh:
        run(spec_of("sysctls"), {"restore": fresh, "remember": True}, call_of(_ignore))


def _brought_back(say: Say, seconds: float) -> tuple[str, bool]:
    """Run the command as it was before; return what it could not do, and whether that is all."""
    done = subprocess.run(
        pending.command_line(COMMAND, "boot", "--wait", f"{seconds:g}"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    for line in lines:
        say(line)
    return "" if done.returncode == 0 else " ".join(lines), done.returncode not in (0, 1)


def _take_away(say: Say) -> str:
    """Take away all that is ours, as the role ``teardown`` does; return what is left of it."""
    left = []
    specs = {module: spec_of(module) for module in _TEARDOWN}  # before our own file goes
    for module, options in _TEARDOWN.items():
        try:
            changes = run(specs[module], options, call_of(say))["changes"]
        except Unfinished as failure:
            changes = failure.result["changes"]
            left.append(failure.message)
        say(f"{module}: {len(changes)}")
    return " ".join(left)


def _ignore(_sentence: str) -> None:
    """Pass over what a run has said already."""
