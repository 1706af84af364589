# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What runs in the pods of a lab node: commands, in containers of the plainest kind.

A container runs in its pod's network namespace, which it shares with the pod's other containers, in
a cgroup folder of its own, and with mounts of its own, so that many copies of one program do not
meet. Which command a folder was filled with stands in an extended attribute of the folder: the
kernel keeps it exactly as long.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..engine import namespaces
from ..engine.change import Changes
from ..engine.failure import Failure
from . import cgroups, syscalls
from .places import POD_CGROUPS
from .spawn import spawn
from .syscalls import MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_PRIVATE, MS_REC

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

COMMAND_ATTRIBUTE = "trusted.podnet.command"
LOGS = Path("/run/podnet-pods")

#: What a program that cannot work, such as one with a wrong configuration, needs to notice it.
FIRST_SECONDS = 0.2

#: What a container does not share with its node: source, target, type, flags, data.
MOUNTS = (
    ("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755"),
    ("tmpfs", "/var/log", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755"),
    ("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, ""),
)


class Container(NamedTuple):
    """One container: its pod and its own name, which are its folder's."""

    pod: str
    name: str

    def __str__(self) -> str:
        """Return it as ``POD/CONTAINER``."""
        return f"{self.pod}/{self.name}"

    @property
    def folder(self) -> Path:
        """Its cgroup2 folder."""
        return cgroups.mount_point() / POD_CGROUPS / self.pod / self.name

    @property
    def log(self) -> Path:
        """What its command prints."""
        return LOGS / self.pod / f"{self.name}.log"


def converge(
    wanted: Sequence[Mapping[str, Any]], *, purge: bool, check_mode: bool
) -> dict[str, Any]:
    """Have the containers of each pod run, and no others in it; one does not touch another.

    :param wanted: each with ``pod``, ``state`` (present or absent) and either ``containers``, each
        with ``name`` and ``command``, or ``command``: one container, named like the pod.
    :param purge: end what runs in pods that are not listed.
    :returns: ``changed``, ``changes``, ``diff``.
    """
    pods = [item["pod"] for item in wanted]
    commands = dict(_commands(wanted))
    _check(pods, wanted, commands, must_exist=not check_mode)

    changes = Changes()
    for container in _known():
        if container not in commands and (purge or container.pod in pods):
            found = _running(container) or {"command": None}
            changes.add(f"workload {container}", found, None, partial(_end, container))
    for container, command in commands.items():
        after = {"command": command, "netns": _namespace(namespaces.path(container.pod))}
        start = partial(_start, container, command)
        changes.add(f"workload {container}", _running(container), after, start)
    changes.apply(check_mode=check_mode)
    if not check_mode:
        started = {step.what.partition(" ")[2] for step in changes.steps}
        _see_them_live([container for container in commands if str(container) in started])
        _remove_if_empty(cgroups.mount_point() / POD_CGROUPS)
    return changes.result()


def _containers(item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if item["state"] == "absent":
        return []
    if item.get("command") is not None:
        return [{"name": item["pod"], "command": item["command"]}]
    return list(item.get("containers") or [])


def _commands(wanted: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Container, list[str]]]:
    for item in wanted:
        for one in _containers(item):
            yield Container(item["pod"], one["name"]), list(one["command"])


def _check(
    pods: Sequence[str],
    wanted: Sequence[Mapping[str, Any]],
    commands: Mapping[Container, Sequence[str]],
    *,
    must_exist: bool,
) -> None:
    for pod in pods:
        if not _is_file_name(pod):
            raise Failure(f"workloads: pod {pod!r} is not valid; it is a network namespace's name.")
        if pods.count(pod) > 1:
            raise Failure(f"workloads: pod {pod!r} is given twice; list its containers instead.")
    for item in wanted:
        names = [one["name"] for one in _containers(item)]
        for name in names:
            if not _is_file_name(name):
                raise Failure(f"workloads: container {name!r} is not valid; it is a file's name.")
            if names.count(name) > 1:
                raise Failure(f"workloads: pod {item['pod']!r} has container {name!r} twice.")
    for container, command in commands.items():
        if not command:
            raise Failure(f"workloads: the command of {container} is empty; it is a list of words.")
        # In check mode, the pod may be yet to come.
        if must_exist and not namespaces.exists(container.pod):
            raise Failure(
                f"workloads: pod {container.pod!r} is not on this node; ip netns list shows those "
                "that are."
            )


def _is_file_name(name: str) -> bool:
    return bool(name) and "/" not in name and name not in (".", "..")


def _running(container: Container) -> dict[str, Any] | None:
    """Return what runs in a container; None where nothing does."""
    folder = container.folder
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


def _start(container: Container, command: Sequence[str]) -> None:
    _end(container)
    container.folder.mkdir(parents=True)
    os.setxattr(container.folder, COMMAND_ATTRIBUTE, json.dumps(command).encode())
    LOGS.mkdir(mode=0o700, exist_ok=True)
    container.log.parent.mkdir(exist_ok=True)
    spawn(
        f"The command of {container}",
        command,
        partial(_become, container),
        name=command[0],
        log=str(container.log),
    )


def _become(container: Container) -> None:
    netns = os.open(namespaces.path(container.pod), os.O_RDONLY)
    cgroups.join(container.folder)
    syscalls.unshare(syscalls.CLONE_NEWNS | syscalls.CLONE_NEWUTS)
    syscalls.setns(netns, syscalls.CLONE_NEWNET)
    socket.sethostname(container.pod)
    syscalls.mount("none", "/", "", MS_REC | MS_PRIVATE)
    for source, target, fstype, flags, data in MOUNTS:
        syscalls.mount(source, target, fstype, flags, data)
    os.chdir("/")


def _see_them_live(started: Sequence[Container]) -> None:
    """Raise for a command that was just started and ended again."""
    ends = select.poll()
    pids = [pid for container in started for pid in cgroups.processes(container.folder)]
    files = [os.pidfd_open(pid) for pid in pids]
    for file in files:
        ends.register(file, select.POLLIN)
    if files:
        ends.poll(FIRST_SECONDS * 1000)
    for file in files:
        os.close(file)
    for container in started:
        if not cgroups.populated(container.folder):
            lines = container.log.read_text(errors="replace").strip()
            raise Failure(
                f"The command of {container} ended at once; "
                f"it said: {lines.splitlines()[-1] if lines else 'nothing'}",
                log=lines,
            )


def _end(container: Container) -> None:
    cgroups.end(container.folder)
    _remove_if_empty(container.folder.parent)
    container.log.unlink(missing_ok=True)
    _remove_if_empty(container.log.parent)


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):  # it stays while there is something in it
        folder.rmdir()


def _known() -> list[Container]:
    """Return the containers that have a folder, whether or not something runs there."""
    parent = cgroups.mount_point() / POD_CGROUPS
    return [Container(pod, name) for pod in _folders(parent) for name in _folders(parent / pod)]


def _folders(parent: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in parent.iterdir() if entry.is_dir())
    except FileNotFoundError:
        return []
