# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The node's own command ``podnet`` as a file, and what completes its words in a shell."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from . import files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Optional

    from ..engine.change import Changes

    Digest = Callable[[bytes], Optional[str]]

COMMAND = Path("/usr/local/sbin/podnet")
#: What it answers is for root, and so is it.
MODE = 0o700

#: By shell, where an administrator's completions lie.
COMPLETIONS = {
    "bash": Path("/usr/local/share/bash-completion/completions/podnet"),
    "zsh": Path("/usr/local/share/zsh/site-functions/_podnet"),
}


def plan(wanted: str, digest: Digest, build: Callable[[], bytes], changes: Changes) -> None:
    """Have the command: it is made only where it is not there, or is another one.

    :param wanted: its digest, see ``command/archive.py``.
    :param digest: tells that of a file that is there.
    :param build: makes it.
    """
    found = files.read(COMMAND)
    files.refuse_others(COMMAND, found)
    changes.warnings += _warnings(Path(sys.executable))
    before = None
    if found is not None:
        before = {"code": digest(found), "mode": f"{files.mode_of(COMMAND):04o}"}
    after = {"code": wanted, "mode": f"{MODE:04o}"}
    changes.add(f"file {COMMAND}", before, after, partial(_write, build))


def plan_completions(texts: Mapping[str, str], changes: Changes) -> None:
    """Have the completions, by shell."""
    for shell, path in COMPLETIONS.items():
        files.plan(path, texts[shell].encode(), 0o644, changes)


def plan_removal(changes: Changes) -> None:
    """Have none of it."""
    for path in (*COMPLETIONS.values(), COMMAND):
        files.plan_removal(path, changes)


def _warnings(interpreter: Path) -> list[str]:
    """Say who else than root can change what the command runs under, at each boot as well."""
    others = [part for part in (interpreter, *interpreter.parents) if part.stat().st_uid != 0]
    return [
        f"{COMMAND} runs under {interpreter}, Ansible's interpreter on this node, and {part} "
        f"belongs to the user {part.stat().st_uid}, who can have root run anything by that; valid "
        "is an ansible_python_interpreter that root alone can change."
        for part in others[-1:]
    ]


def _write(build: Callable[[], bytes]) -> None:
    files.write(COMMAND, build(), MODE)
