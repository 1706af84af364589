# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What runs in the pods of a lab node: a command each, in a container of the plainest kind.

A command runs in its pod's network namespace, in a cgroup folder of the pod's own, and with mounts
and a host name of its own, so that many copies of one program do not meet. Which command a folder
was filled with stands in an extended attribute of the folder: the kernel keeps it exactly as long.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine import namespaces
from ..engine.change import Changes
from ..engine.failure import Failure
from . import cgroups, syscalls
from .places import POD_CGROUPS
from .spawn import spawn
from .syscalls import MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_PRIVATE, MS_REC

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COMMAND_ATTRIBUTE = "trusted.podnet.command"
LOGS = Path("/run/podnet-pods")

#: What a program that cannot work, such as one with a wrong configuration, needs to notice it.
FIRST_SECONDS = 0.2

#: What a pod does not share with its node: source, target, type, flags, data.
MOUNTS = (
    ("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755"),
    ("tmpfs", "/var/log", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755"),
    ("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, ""),
)


def converge(
    wanted: Sequence[Mapping[str, Any]], *, purge: bool, check_mode: bool
) -> dict[str, Any]:
    """Have each command run in its pod.

    :param wanted: each with ``pod``, ``state`` (present or absent) and ``command``, a list.
    :param purge: end what runs in pods that are not listed.
    :returns: ``changed``, ``changes``, ``diff``.
    """
    parent = cgroups.mount_point() / POD_CGROUPS
    commands = {item["pod"]: list(item["command"]) for item in wanted if item["state"] == "present"}
    ended = [item["pod"] for item in wanted if item["state"] == "absent"]
    _check([item["pod"] for item in wanted], commands, must_exist=not check_mode)
    if purge:
        ended += [pod for pod in _folders(parent) if pod not in commands and pod not in ended]

    changes = Changes()
    for pod in ended:
        if (parent / pod).is_dir():
            found = _running(parent / pod) or {"command": None}
            changes.add(f"workload {pod}", found, None, partial(_end, parent / pod))
    for pod, command in commands.items():
        after = {"command": command, "netns": _namespace(namespaces.path(pod))}
        start = partial(_start, parent / pod, command)
        changes.add(f"workload {pod}", _running(parent / pod), after, start)
    changes.apply(check_mode=check_mode)
    if not check_mode:
        _see_them_live([parent / pod for pod in commands], changes)
        with contextlib.suppress(OSError):  # it stays while there is a workload
            parent.rmdir()
    return changes.result()


def _check(pods: Sequence[str], commands: Mapping[str, Sequence[str]], *, must_exist: bool) -> None:
    for pod in pods:
        if not pod or "/" in pod or pod in (".", ".."):
            raise Failure(f"workloads: pod {pod!r} is not valid; it is a network namespace's name.")
        if pods.count(pod) > 1:
            raise Failure(f"workloads: pod {pod!r} is given twice; a pod runs one command.")
    for pod, command in commands.items():
        if not command:
            raise Failure(f"workloads: the command of pod {pod!r} is empty; it is a list of words.")
        # In check mode, the pod may be yet to come.
        if must_exist and not namespaces.exists(pod):
            raise Failure(
                f"workloads: pod {pod!r} is not on this node; ip netns list shows those that are."
            )


def _running(folder: Path) -> dict[str, Any] | None:
    """Return what runs in a pod; None where nothing does."""
    if not cgroups.populated(folder):
        return None
    try:
        command = json.loads(os.getxattr(folder, COMMAND_ATTRIBUTE))
    except OSError:  # filled by somebody else
        command = None
    owner = next(iter(cgroups.processes(folder)), None)
    # A pod that was made anew has another namespace than the command was started in.
    return {"command": command, "netns": owner and _namespace(f"/proc/{owner}/ns/net")}


def _namespace(file: str) -> int | None:
    try:
        return Path(file).stat().st_ino
    except OSError:
        return None


def _start(folder: Path, command: Sequence[str]) -> None:
    _end(folder)
    folder.mkdir(parents=True)
    os.setxattr(folder, COMMAND_ATTRIBUTE, json.dumps(command).encode())
    LOGS.mkdir(mode=0o700, exist_ok=True)
    spawn(
        f"The command of pod {folder.name!r}",
        command,
        partial(_become, folder),
        name=command[0],
        log=str(_log(folder)),
    )


def _become(folder: Path) -> None:
    netns = os.open(namespaces.path(folder.name), os.O_RDONLY)
    cgroups.join(folder)
    syscalls.unshare(syscalls.CLONE_NEWNS | syscalls.CLONE_NEWUTS)
    syscalls.setns(netns, syscalls.CLONE_NEWNET)
    socket.sethostname(folder.name)
    syscalls.mount("none", "/", "", MS_REC | MS_PRIVATE)
    for source, target, fstype, flags, data in MOUNTS:
        syscalls.mount(source, target, fstype, flags, data)
    os.chdir("/")


def _see_them_live(folders: Sequence[Path], changes: Changes) -> None:
    """Raise for a command that was just started and ended again."""
    started = {step.what.partition(" ")[2] for step in changes.steps}
    folders = [folder for folder in folders if folder.name in started]
    ends = select.poll()
    files = [os.pidfd_open(pid) for folder in folders for pid in cgroups.processes(folder)]
    for file in files:
        ends.register(file, select.POLLIN)
    if files:
        ends.poll(FIRST_SECONDS * 1000)
    for file in files:
        os.close(file)
    for folder in folders:
        if not cgroups.populated(folder):
            lines = _log(folder).read_text(errors="replace").strip()
            raise Failure(
                f"The command of pod {folder.name!r} ended at once; "
                f"it said: {lines.splitlines()[-1] if lines else 'nothing'}",
                log=lines,
            )


def _end(folder: Path) -> None:
    cgroups.end(folder)
    _log(folder).unlink(missing_ok=True)


def _log(folder: Path) -> Path:
    return LOGS / f"{folder.name}.log"


def _folders(parent: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in parent.iterdir() if entry.is_dir())
    except FileNotFoundError:
        return []
