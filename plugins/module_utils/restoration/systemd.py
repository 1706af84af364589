# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""systemd's side of the way back: a unit that runs the command, and one that waits for networkd."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import names
from ..engine import lock
from ..installed.systemd import FOLDER, hiding, is_used, systemctl

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ..engine.change import Changes

SERVICE, PATH = "podnet-restore.service", "podnet-restore.path"
UNITS = (FOLDER / SERVICE, FOLDER / PATH)

#: A file for each link, which systemd-networkd puts anew with each change of it.
NETWORKD_LINKS = "/run/systemd/netif/links"

_SERVICE = """# Made by {mark}.
[Unit]
Description=Bring back what the host's network took from the pod network
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart={command} restore
CapabilityBoundingSet=CAP_NET_ADMIN
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths={run}
{hiding}
RestrictAddressFamilies=AF_NETLINK AF_UNIX
"""

_PATH = """# Made by {mark}.
[Unit]
Description=Changes by systemd-networkd of the link that pods reach other nodes by

[Path]
PathChanged={links}/{device}
"""

#: What the path unit is where nothing is to be done.
_WAITING = {"active": True, "loaded": "as it is on disk"}


def units(command: Path, device: int | None) -> dict[Path, str]:
    """Return the units by their paths; none where systemd does not run.

    :param device: number of the link that is looked at; None where the node has none.
    """
    if not is_used() or device is None:
        return {}
    texts = (_SERVICE, _PATH)
    words = {
        "mark": names.MARK,
        "command": command,
        "run": lock.FILE.parent,
        "links": NETWORKD_LINKS,
        "device": device,
        "hiding": hiding(),
    }
    return {path: text.format(**words) for path, text in zip(UNITS, texts)}


def plan(changes: Changes) -> None:
    """Let the path unit wait, by the files that there are now."""
    if is_used():
        # A file that this run puts is not the one that systemd has read.
        same = not any(step.what == f"file {path}" for step in changes.steps for path in UNITS)
        found = _state() if same else None
        changes.add(f"unit {PATH}", found, _WAITING, _start)


def plan_removal(changes: Changes) -> None:
    """Let no unit run."""
    if is_used() and any(path.exists() for path in UNITS):
        changes.add(f"unit {PATH}", _WAITING, None, _stop)


def plan_reload(changes: Changes) -> None:
    """Let systemd forget the units that are gone."""
    if is_used() and any(path.exists() for path in UNITS):
        changes.add(f"unit {SERVICE}", {"loaded": _WAITING["loaded"]}, None, _reload)


def _state() -> Mapping[str, Any]:
    asked = ["--property=ActiveState,NeedDaemonReload", SERVICE, PATH]
    shown = systemctl("show", *asked)
    return {
        "active": "ActiveState=active" in shown.rpartition("\n\n")[2],
        "loaded": "as before" if "NeedDaemonReload=yes" in shown else _WAITING["loaded"],
    }


def _start() -> None:
    _reload()
    systemctl("restart", PATH)


def _stop() -> None:
    systemctl("stop", PATH, SERVICE)


def _reload() -> None:
    systemctl("daemon-reload")
