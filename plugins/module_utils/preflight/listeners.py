# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which process of the node listens on which port, before anything is installed there."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine import protocols, sockdiag

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

PROTOCOLS = protocols.numbers("TCP", "UDP")
PROC = Path("/proc")
_SOCKET = "socket:["


def read() -> list[dict[str, Any]]:
    """Return each port once, with one of its processes: ``{"protocol": "TCP", "address": "0.0.0.0",
    "port": 22, "process": "sshd", "pid": 712}``, in the network namespace of this process.

    ``::`` is for IPv4 as well; of a socket of the kernel's own, and of one whose process has gone
    meanwhile, ``process`` and ``pid`` are None.
    """
    found: dict[tuple[str, str, int], int] = {}
    for word, number in PROTOCOLS.items():
        with contextlib.suppress(sockdiag.Unsupported):
            for one in sockdiag.listening(number):
                if not one.v6_only:
                    found[word, one.address, one.port] = one.inode
    processes = _processes({inode for inode in found.values() if inode})
    return [
        {"protocol": protocol, "address": address, "port": port, **processes.get(inode, _NOBODY)}
        for (protocol, address, port), inode in sorted(found.items())
    ]


_NOBODY: dict[str, Any] = {"process": None, "pid": None}


def _processes(inodes: Collection[int]) -> dict[int, dict[str, Any]]:
    """Return the process of each socket, by its inode. Those of pods are not looked at."""
    left = {f"{_SOCKET}{inode}]": inode for inode in inodes}
    found: dict[int, dict[str, Any]] = {}
    here = _link("self/ns/net")
    for pid in sorted(int(each.name) for each in PROC.iterdir() if each.name.isdigit()):
        if not left:
            break
        if _link(f"{pid}/ns/net") != here:
            continue
        for target in _files(pid):
            inode = left.pop(target, None)
            if inode is not None:
                found[inode] = {"process": _name(pid), "pid": pid}
    return found


def _files(pid: int) -> Iterator[str]:
    with contextlib.suppress(OSError):  # it ends while we look
        for entry in (PROC / str(pid) / "fd").iterdir():
            yield _link(f"{pid}/fd/{entry.name}")


def _link(path: str) -> str:
    try:
        return os.readlink(f"{PROC}/{path}")  # noqa: PTH115 - of thousands of files
    except OSError:
        return ""


def _name(pid: int) -> str | None:
    try:
        return (PROC / str(pid) / "comm").read_text().strip()
    except OSError:
        return None
