# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Units of systemd by which a node's metrics get out: by a socket, by a file, or both.

Nothing runs in between: systemd starts the command for one request that comes to the socket, or
for one file when the timer says so.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import names
from ..engine import files as own
from . import files
from .command import COMMAND
from .systemd import FOLDER, hiding, is_used, systemctl

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..engine.change import Changes

#: The file in node_exporter's folder.
FILE = "podnet.prom"

SOCKET, ANSWER = "podnet-metrics.socket", "podnet-metrics@.service"
TIMER, WRITE = "podnet-metrics.timer", "podnet-metrics.service"
UNITS = (SOCKET, ANSWER, TIMER, WRITE)
#: Those of them that wait, and the unit that each starts.
_WAITING = {SOCKET: ANSWER, TIMER: WRITE}

#: What reading maps and devices takes, and asking peers by ICMP, and no more.
_BOUNDS = """CapabilityBoundingSet=CAP_BPF CAP_NET_ADMIN CAP_NET_RAW CAP_SYS_ADMIN
CapabilityBoundingSet=CAP_DAC_READ_SEARCH{more}
NoNewPrivileges=yes
ProtectSystem=strict
{hiding}
RestrictAddressFamilies=AF_NETLINK AF_UNIX AF_INET AF_INET6
MemoryMax=512M
TasksMax=8
Nice=5
LogLevelMax=warning
"""

_TEXTS = {
    # A client that sends nothing holds one of its own four places for two seconds at most.
    SOCKET: """# Made by {mark}.
[Unit]
Description=Metrics of the pod network, for Prometheus

[Socket]
ListenStream={listen}
Accept=yes
Backlog=16
MaxConnections=16
MaxConnectionsPerSource=4
TriggerLimitIntervalSec=0
FreeBind=yes

[Install]
WantedBy=sockets.target
""",
    ANSWER: """# Made by {mark}.
[Unit]
Description=One answer with metrics of the pod network
CollectMode=inactive-or-failed

[Service]
ExecStart=-{command} metrics --http{options}
StandardInput=socket
StandardOutput=socket
StandardError=journal
RuntimeMaxSec=30
{bounds}""",
    TIMER: """# Made by {mark}.
[Unit]
Description=Metrics of the pod network for node_exporter, every 15 seconds

[Timer]
OnBootSec=15
OnUnitActiveSec=15
AccuracySec=1

[Install]
WantedBy=timers.target
""",
    WRITE: """# Made by {mark}.
[Unit]
Description=Write metrics of the pod network for node_exporter

[Service]
Type=oneshot
ExecStart={command} metrics --textfile {textfile}{options}
TimeoutStartSec=10
ReadWritePaths={textfile}
{bounds}""",
}


def texts(wanted: Mapping[str, Any]) -> dict[str, str]:
    """Return the units that a node needs, by their names.

    :param wanted: of its slice of the plan: ``listen``, ``textfile``, either None, and
        ``cilium_names``.
    """
    listen, textfile = wanted.get("listen"), wanted.get("textfile")
    words = {
        "mark": names.MARK,
        "command": COMMAND,
        "listen": listen,
        "textfile": textfile,
        "options": " --cilium-names" if wanted.get("cilium_names") else "",
    }
    needed = (SOCKET, ANSWER) * bool(listen) + (TIMER, WRITE) * bool(textfile)
    return {
        unit: _TEXTS[unit].format(
            **words,
            bounds=_BOUNDS.format(
                more=" CAP_DAC_OVERRIDE" if unit == WRITE else "",
                hiding=hiding(str(textfile)) if unit == WRITE else hiding(),
            ),
        )
        for unit in needed
    }


def plan(wanted: Mapping[str, Any], changes: Changes) -> None:
    """Have the units that are wanted, and no others."""
    needed = texts(wanted)
    if needed and not is_used():
        changes.warnings.append(
            "There is no systemd here, so nothing starts the command for metrics; "
            f"{COMMAND} metrics writes them for whoever calls it."
        )
        needed = {}
    for path in _left(wanted.get("textfile")):
        files.plan_removal(path, changes)
    for unit in UNITS:
        if unit in needed:
            files.plan(FOLDER / unit, needed[unit].encode(), 0o644, changes)
        else:
            _plan_unit_removal(unit, changes)
    for unit in _WAITING:
        if unit in needed:
            _plan_waiting(unit, changes)


def plan_removal(changes: Changes) -> None:
    """Have nothing of it."""
    for unit in UNITS:
        _plan_unit_removal(unit, changes)
    for path in _left(None):
        files.plan_removal(path, changes)


def _left(textfile: str | None) -> Iterator[Path]:
    """Yield the files that units which are there have written, but for the one that is wanted."""
    for line in (files.read(FOLDER / WRITE) or b"").decode(errors="replace").splitlines():
        word, _equals, folder = line.partition("=")
        if word == "ReadWritePaths" and folder != textfile:
            yield Path(folder) / FILE


def _plan_unit_removal(unit: str, changes: Changes) -> None:
    path = FOLDER / unit
    if unit in _WAITING and path.exists() and is_used():
        changes.add(f"unit {unit}", {"active": True}, None, partial(_stop, unit))
    files.plan_removal(path, changes, partial(_remove, path))


def _plan_waiting(unit: str, changes: Changes) -> None:
    """Let a unit wait, by the files that there are now, and again after a boot."""
    files_of = {f"file {FOLDER / each}" for each in (unit, _WAITING[unit])}
    new = any(step.what in files_of for step in changes.steps)
    shown = "" if new else systemctl("show", "--property=ActiveState,UnitFileState", unit)
    waits = "ActiveState=active" in shown and "UnitFileState=enabled" in shown
    before = {"active": True} if waits else None
    changes.add(f"unit {unit}", before, {"active": True}, partial(_start, unit))


def _start(unit: str) -> None:
    systemctl("daemon-reload")
    systemctl("enable", unit)
    systemctl("restart", unit)


def _stop(unit: str) -> None:
    systemctl("disable", "--now", unit)


def _remove(path: Path) -> None:
    own.remove(path)
    if is_used():
        systemctl("daemon-reload")
