# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a host has for the way back: the command, systemd's units, hooks of network managers.

No daemon waits for events. systemd-networkd rewrites a file with each change of a link, and a path
unit looks at that; ifupdown, NetworkManager and dhclient run what lies in a folder. All of them
start the same command.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from .. import names
from ..engine import files
from ..installed import files as ours
from ..installed.command import COMMAND
from ..installed.systemd import BOOTED
from . import systemd

if TYPE_CHECKING:
    from ..engine.change import Changes

#: Folders whose files are run after an event, and the name of ours there.
HOOKS = (
    Path("/etc/network/if-up.d/podnet"),
    Path("/etc/NetworkManager/dispatcher.d/50-podnet"),
    Path("/etc/dhcp/dhclient-exit-hooks.d/podnet"),
)

#: It is sourced by dhclient, so it neither exits nor becomes another program.
_HOOK = f"""#!/bin/sh
# Made by {names.MARK}: what an event of the host's network takes from the pod network comes back.
if [ -d {BOOTED} ]; then
    systemctl --no-block start {systemd.SERVICE}
else
    {COMMAND} restore </dev/null >/dev/null 2>&1 &
fi
"""

#: What earlier versions told systemd-networkd; nothing depends on it any more.
OLD = Path("/etc/systemd/networkd.conf.d/50-podnet.conf")


def plan(device: int | None, changes: Changes) -> None:
    """Have all of it; the command itself is the matter of ``installed/``.

    :param device: number of the device whose changes by systemd-networkd matter.
    """
    for hook in HOOKS:
        if hook.parent.is_dir():
            ours.plan(hook, _HOOK.encode(), 0o755, changes)
    for path, text in systemd.units(COMMAND, device).items():
        ours.plan(path, text.encode(), 0o644, changes)
    systemd.plan(changes)
    _plan_old_removal(changes)


def plan_removal(changes: Changes) -> None:
    """Have nothing of it; first nothing starts the command any more."""
    systemd.plan_removal(changes)
    for path in (*systemd.UNITS, *HOOKS):
        ours.plan_removal(path, changes)
    systemd.plan_reload(changes)
    _plan_old_removal(changes)


def _plan_old_removal(changes: Changes) -> None:
    ours.plan_removal(OLD, changes, partial(files.remove, OLD, folder=True))
