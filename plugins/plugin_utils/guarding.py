# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller's side of a change that is undone unless it is confirmed."""

from __future__ import annotations

import getpass
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.plugins.connection import ConnectionBase

from ..module_utils.plan import files

if TYPE_CHECKING:
    from collections.abc import Mapping

#: A variable of a play that ends with the part that confirms: without it nothing would.
CONFIRMS = "site_confirms"
#: Where forks are fewer than nodes, a node waits for others between its parts: seconds a turn.
TURN = 5
#: How long a new connection may take at least, and until the next is tried, seconds.
PATIENCE, PAUSE = 30, 1
#: What keeps SSH from going through a connection that stands.
ALONE = "-o ControlMaster=no -o ControlPath=none"


def wanted(path: str, node: Mapping[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the modules of a run take as ``_guard``; nothing in a play that confirms nothing.

    :param path: the folder of the plan.
    """
    if not task_vars.get(CONFIRMS):
        return {}
    forks = max(1, int(task_vars.get("ansible_forks") or 1))
    turns = (len(task_vars.get("ansible_play_batch") or ()) + forks - 1) // forks
    seconds = int(node["confirm_timeout"])
    return {
        "run": "/".join(Path(path).parts[-2:]),
        "by": f"{_user()}@{socket.gethostname()}",
        "seconds": seconds and seconds + TURN * max(0, turns - 1),
        "armed": files.armed(path, node["name"]),
    }


def connect_anew(connection: Any) -> None:
    """Let a connection share nothing with those of before.

    One that stands outlives what shuts new ones out.
    """
    if connection.transport == "ssh":
        given = (connection.get_option("ssh_args") or "").removeprefix(ALONE).strip()
        connection.set_option("ssh_args", f"{ALONE} {given}")
        connection.set_option("timeout", max(PATIENCE, int(connection.get_option("timeout") or 0)))
    elif type(connection).reset is not ConnectionBase.reset:
        connection.reset()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "somebody"
