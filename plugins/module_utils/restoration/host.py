# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a host has for the way back: the command, systemd's units, hooks of network managers.

No daemon waits for events. systemd-networkd rewrites a file with each change of a link, and a path
unit looks at that; ifupdown, NetworkManager and dhclient run what lies in a folder. All of them
start the same command.
"""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import names
from ..engine import files
from ..engine.failure import Failure
from . import systemd

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..engine.change import Changes

COMMAND = Path("/usr/local/sbin/podnet")

#: Folders whose files are run after an event, and the name of ours there.
HOOKS = (
    Path("/etc/network/if-up.d/podnet"),
    Path("/etc/NetworkManager/dispatcher.d/50-podnet"),
    Path("/etc/dhcp/dhclient-exit-hooks.d/podnet"),
)

#: It is sourced by dhclient, so it neither exits nor becomes another program.
_HOOK = f"""#!/bin/sh
# Made by {names.MARK}: what an event of the host's network takes from the pod network comes back.
if [ -d {systemd.BOOTED} ]; then
    systemctl --no-block start {systemd.SERVICE}
else
    {COMMAND} restore </dev/null >/dev/null 2>&1 &
fi
"""

#: What earlier versions told systemd-networkd; nothing depends on it any more.
OLD = Path("/etc/systemd/networkd.conf.d/50-podnet.conf")


def plan(command: bytes, device: int | None, changes: Changes) -> None:
    """Have all of it.

    :param command: the file that the node's command is, see ``command/archive.py``.
    :param device: number of the device whose changes by systemd-networkd matter.
    """
    _plan_file(COMMAND, command, 0o755, changes)
    for hook in HOOKS:
        if hook.parent.is_dir():
            _plan_file(hook, _HOOK.encode(), 0o755, changes)
    for path, text in systemd.units(COMMAND, device).items():
        _plan_file(path, text.encode(), 0o644, changes)
    systemd.plan(changes)
    _plan_old_removal(changes)


def plan_removal(changes: Changes) -> None:
    """Have nothing of it; first nothing starts the command any more."""
    systemd.plan_removal(changes)
    for path in (*systemd.UNITS, *HOOKS, COMMAND):
        _plan_file_removal(path, changes, partial(files.remove, path))
    systemd.plan_reload(changes)
    _plan_old_removal(changes)


def _plan_file_removal(path: Path, changes: Changes, do: Callable[[], object]) -> None:
    """Remove a file, if it is ours."""
    found = _read(path)
    if found is not None and names.MARK.encode() in found:
        changes.add(f"file {path}", {"file": True}, None, do)


def _plan_old_removal(changes: Changes) -> None:
    _plan_file_removal(OLD, changes, _remove_old)


def _remove_old() -> None:
    files.remove(OLD, folder=True)


def _plan_file(path: Path, data: bytes, mode: int, changes: Changes) -> None:
    found = _read(path)
    if found is not None and names.MARK.encode() not in found:
        raise Failure(
            f"The file {path} is there and is not ours; remove it or give it another name."
        )
    before = None if found is None else _state(found, path.stat().st_mode & 0o7777)
    changes.add(f"file {path}", before, _state(data, mode), partial(_write, path, data, mode))


def _write(path: Path, data: bytes, mode: int) -> None:
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    files.write(path, data, mode)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _state(data: bytes, mode: int) -> Mapping[str, Any]:
    return {"sha256": hashlib.sha256(data).hexdigest(), "mode": f"{mode:04o}"}
