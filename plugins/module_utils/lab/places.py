# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where a lab, its hosts and their pods are on this machine, and how one enters them.

Files of a lab lie in ``/run/podnet-lab/<lab>/<host>/``, its processes in the cgroup2 folder
``podnet-lab/<lab>/<host>``. A host is up while its keeper lives, the process that holds its
namespaces.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..engine import namespaces
from ..engine.failure import Failure
from . import cgroups, spec, syscalls

if TYPE_CHECKING:
    from collections.abc import Iterable

STATE = Path("/run/podnet-lab")
CGROUP = "podnet-lab"

#: Below a host's cgroup root: a folder a pod, and in it one a container, which holds what runs.
POD_CGROUPS = "podnet-pods"

HOST_NAMESPACES = (
    ("cgroup", syscalls.CLONE_NEWCGROUP),
    ("uts", syscalls.CLONE_NEWUTS),
    ("net", syscalls.CLONE_NEWNET),
    ("mnt", syscalls.CLONE_NEWNS),
)


@dataclass(frozen=True)
class HostPlace:
    """Folders of one lab host."""

    lab: str
    host: str

    @property
    def folder(self) -> Path:
        """Its files: what it wrote, its description, the number of its keeper."""
        return STATE / self.lab / self.host

    @property
    def cgroup(self) -> Path:
        """Its cgroup2 folder, which it sees as the root."""
        return cgroups.mount_point() / CGROUP / self.lab / self.host

    def keeper(self) -> int | None:
        """Number of the living process that holds the namespaces, None when the host is down."""
        try:
            pid, started = (self.folder / "keeper").read_text().split()
        except (OSError, ValueError):
            return None
        # The number alone may by now be another process's.
        return int(pid) if started == _started(pid) else None

    def is_up(self) -> bool:
        """Say whether the host runs."""
        return self.keeper() is not None

    def pid(self) -> int:
        """Return the keeper's number; Failure when the host is down."""
        keeper = self.keeper()
        if keeper is None:
            raise Failure(
                f"Host {self.host!r} of lab {self.lab!r} is not up: its keeper does not live. "
                "./lab up -i INVENTORY builds it again."
            )
        return keeper

    def remember_keeper(self, pid: int) -> None:
        """Write down which process is the keeper."""
        (self.folder / "keeper").write_text(f"{pid} {_started(str(pid))}\n")

    def remember(self, host: spec.Host) -> None:
        """Write down what the host was built as."""
        (self.folder / "host.json").write_text(json.dumps(asdict(host)))

    def recall(self) -> spec.Host:
        """Return what the host was built as; one killed before that has no more than a name."""
        try:
            saved = json.loads((self.folder / "host.json").read_text())
        except (OSError, ValueError):
            return spec.Host(self.host)
        return spec.Host(
            saved["name"],
            tuple(spec.Link(**link) for link in saved["links"]),
            tuple(spec.Route(**route) for route in saved["routes"]),
            tuple((key, value) for key, value in saved["sysctls"]),
        )


@dataclass(frozen=True)
class Place:
    """A place to run a command in: a cgroup folder, and files of namespaces."""

    cgroup: Path
    namespaces: tuple[tuple[str, int], ...]

    def enter(self) -> None:
        """Move this process there, for good; it must have one thread alone."""
        files = [(os.open(path, os.O_RDONLY), kind) for path, kind in self.namespaces]
        # First: from inside, the folder of the pod or the host cannot be named any more.
        cgroups.join(self.cgroup)
        for file, kind in files:
            syscalls.setns(file, kind)
            os.close(file)
        os.chdir("/root")


def labs() -> list[str]:
    """Names of the labs that are up or half way up, sorted."""
    parents = (STATE, cgroups.mount_point() / CGROUP)
    return sorted({name for parent in parents for name in _folders(parent)})


def hosts(lab: str) -> list[str]:
    """Names of the hosts of a lab, up or down, sorted."""
    return sorted(_folders(STATE / lab))


def pods(place: HostPlace) -> list[str]:
    """Names of the network namespaces that a host has, which are its pods."""
    keeper = place.keeper()
    if keeper is None:
        return []
    return sorted(file.name for file in _netns_files(keeper) if namespaces.exists(str(file)))


def find(lab: str, target: str) -> Place:
    """Return the place that ``HOST``, ``HOST/POD`` or ``HOST/POD/CONTAINER`` means.

    ``HOST`` may be an address of it. Raises Failure where the lab, the host, the pod or the
    container is not up.
    """
    name, _slash, rest = target.partition("/")
    host = HostPlace(lab, _host_name(lab, name))
    keeper = host.pid()
    pod, _slash, container = rest.partition("/")
    return _pod(host, keeper, pod, container) if pod else Place(host.cgroup, _namespaces(keeper))


def _pod(host: HostPlace, keeper: int, pod: str, container: str) -> Place:
    netns = f"/proc/{keeper}/root{namespaces.NETNS_DIR}/{pod}"
    if not namespaces.exists(netns):
        raise Failure(
            f"Pod {pod!r} is not on {host.host!r} of lab {host.lab!r}: "
            f"no network namespace has this name; {_known(pods(host))}."
        )
    running = _containers(host.cgroup / POD_CGROUPS / pod)
    if container and container not in running:
        raise Failure(
            f"Container {container!r} does not run in {pod!r} on {host.host!r} of lab "
            f"{host.lab!r}; {_known(running)}."
        )
    # Any one of them will do; and a pod in which nothing runs has no more than its network.
    owner, folder = running[container or next(iter(running))] if running else (keeper, host.cgroup)
    files = {kind: path for path, kind in _namespaces(owner)}
    files[syscalls.CLONE_NEWNET] = netns
    return Place(folder, tuple((path, kind) for kind, path in files.items()))


def _containers(folder: Path) -> dict[str, tuple[int, Path]]:
    """By name, a process and the cgroup folder of each container of a pod in which one lives."""
    found = {name: cgroups.processes(folder / name) for name in sorted(_folders(folder))}
    return {name: (pids[0], folder / name) for name, pids in found.items() if pids}


def _host_name(lab: str, name: str) -> str:
    known = hosts(lab)
    if not known:
        raise Failure(f"Lab {lab!r} is not up; {_known(labs())}.")
    if name in known:
        return name
    for host in known:
        links = HostPlace(lab, host).recall().links
        if name in (str(link.interface.ip) for link in links):
            return host
    raise Failure(f"Lab {lab!r} has no host {name!r}; {_known(known)}.")


def _known(names: Iterable[str]) -> str:
    return f"there is {', '.join(names) or 'none'}"


def _namespaces(pid: int) -> tuple[tuple[str, int], ...]:
    return tuple((f"/proc/{pid}/ns/{name}", kind) for name, kind in HOST_NAMESPACES)


def _netns_files(keeper: int) -> Iterable[Path]:
    try:
        return list(Path(f"/proc/{keeper}/root{namespaces.NETNS_DIR}").iterdir())
    except FileNotFoundError:
        return []


def _folders(parent: Path) -> list[str]:
    try:
        return [entry.name for entry in parent.iterdir() if entry.is_dir()]
    except FileNotFoundError:
        return []


def _started(pid: str) -> str | None:
    # Field 22 of proc_pid_stat(5); the second, the command's name, may hold spaces itself.
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return fields[19] if fields[0] not in "ZX" else None
