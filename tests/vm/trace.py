# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run leaves on a real host, told from what the host does by itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.cluster.probes import Snapshot, differences, snapshots

if TYPE_CHECKING:
    from .machines import Machines

#: By section of a snapshot, lines that a host writes and counts by itself.
BY_ITSELF = {
    # Units, sessions and devices as systemd keeps them; what is ours would stand in …/network.
    "files": re.compile(
        r"/run/(systemd/(?!network)|udev/|user/|log/|lock/|utmp|motd|sudo|mount/"
        r"|agetty|sshd|tmpfiles)"
        r"|/var/lib/(systemd/|private|sudo)"
    ),
    "mounts": re.compile(r"/run/(user|credentials)/|\S+ autofs "),
    # systemd's own programs, and the folders of units and sessions.
    "cgroups": re.compile(r"\s.* sd_|/\S+/(system|user)\.slice|\S+\.(mount|scope)$"),
    "sysctls": re.compile(r"\S*/(nf_conntrack_count|rt_cache|.*_secret)"),
}
#: A boot counts devices and programs anew.
NUMBERS = re.compile(r'"(ifindex|link_index|id|link_netnsid)": \d+,? ?')


def traces(machines: Machines) -> dict[str, Snapshot]:
    """Return by machine all that it holds, less what it changes by itself."""
    return {
        node: {
            section: [NUMBERS.sub("", line) for line in lines if not _own(section, line)]
            for section, lines in held.items()
        }
        for node, held in snapshots(machines).items()
    }


def _own(section: str, line: str) -> bool:
    return section in BY_ITSELF and bool(BY_ITSELF[section].match(line))


def left(before: dict[str, Snapshot], machines: Machines) -> dict[str, list[str]]:
    """Return by machine what came and went since; empty where all is as it was."""
    return differences(before, traces(machines))
