# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The machine part of a lab host: its cgroup folder, its namespaces, its root file system.

Its keeper is a process that does nothing but hold them. It was put into the host's cgroup folder
before it made its cgroup namespace, so that the host sees that folder as the root; its root is
the machine's with a layer of its own on top, so that what is written there stays in the host.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

from . import cgroups, syscalls
from .spawn import spawn
from .syscalls import MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_PRIVATE, MS_REC

if TYPE_CHECKING:
    from .places import HostPlace

_PLAIN = MS_NOSUID | MS_NODEV | MS_NOEXEC

#: What a booted host has mounted: source, target, type, flags, data. No bpffs: a role's job.
#: sysfs shows the network devices, and cgroup2 the folder, of whoever mounts it.
MOUNTS = (
    ("proc", "/proc", "proc", _PLAIN, ""),
    ("sysfs", "/sys", "sysfs", _PLAIN, ""),
    ("cgroup2", "/sys/fs/cgroup", "cgroup2", _PLAIN, ""),
    ("/dev", "/dev", "", MS_BIND | MS_REC, ""),
    ("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755"),
)


#: A killed host's mounts go a moment after its last process.
RELEASE_SECONDS = 10

#: What lies on other file systems of the machine is laid over like its root; not so below these.
OWN = ("/proc", "/sys", "/dev", "/run")
#: Laid over even where it is a tmpfs: a checkout there is to be seen, as it is anywhere else.
SEEN = "/tmp"  # noqa: S108


def start(place: HostPlace) -> None:
    """Boot a host. What it wrote to its disk before is still there, as after a crash."""
    stop(place)
    place.cgroup.mkdir(parents=True)
    (place.folder / "root").mkdir(parents=True, exist_ok=True)
    pid = spawn(
        f"Host {place.host!r} of lab {place.lab!r}",
        ["sleep", "infinity"],
        lambda: _become(place),
        name=f"podnet-lab:{place.lab}/{place.host}",
        log=str(place.folder / "log"),
    )
    place.remember_keeper(pid)


def stop(place: HostPlace) -> None:
    """Pull the plug: nothing of the host runs after this."""
    cgroups.end(place.cgroup)


def _become(place: HostPlace) -> None:
    cgroups.join(place.cgroup)
    syscalls.unshare(
        syscalls.CLONE_NEWNS
        | syscalls.CLONE_NEWNET
        | syscalls.CLONE_NEWUTS
        | syscalls.CLONE_NEWCGROUP
    )
    socket.sethostname(place.host)
    syscalls.mount("none", "/", "", MS_REC | MS_PRIVATE)
    root = place.folder / "root"
    _lay_over("/", root, place.folder / "disks" / "+")
    for disk in _further_disks():
        # Some, such as an EFI partition, cannot be laid over; a host can do without those.
        with contextlib.suppress(OSError):
            _lay_over(
                disk, Path(f"{root}{disk}"), place.folder / "disks" / disk[1:].replace("/", "+")
            )
    for source, target, fstype, flags, data in MOUNTS:
        syscalls.mount(source, f"{root}{target}", fstype, flags, data)
    syscalls.change_root(str(root))
    Path("/etc/hostname").write_text(f"{place.host}\n")


def _lay_over(disk: str, target: Path, layer: Path) -> None:
    """Mount what the machine has at ``disk``, with a layer on top that takes what is written."""
    for part in ("upper", "work"):
        (layer / part).mkdir(mode=0o755, parents=True, exist_ok=True)
    # With an index, the kernel refuses a layer that the host before a reboot has not let go of yet,
    # instead of sharing it, which nobody knows the end of.
    data = f"index=on,lowerdir={disk},upperdir={layer}/upper,workdir={layer}/work"
    end = time.monotonic() + RELEASE_SECONDS
    while True:
        try:
            return syscalls.mount("podnet-lab", str(target), "overlay", 0, data)
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)


def _further_disks() -> list[str]:
    """Where the machine has other file systems from disks, such as ``/home``."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        mount, _dash, filesystem = line.partition(" - ")
        target, source = mount.split()[4], filesystem.split()[1]
        if (
            (source.startswith("/dev/") or target == SEEN)
            and target != "/"
            and not any(f"{target}/".startswith(f"{own}/") for own in OWN)
            and Path(target).is_dir()
        ):
            found.append(target)
    return found
