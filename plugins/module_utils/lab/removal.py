# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Take a lab down, whatever state it is in, without touching another one."""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING, Any

from ..engine.change import Changes
from . import cgroups, places, spec, syscalls

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Keep other runs from changing labs; the lock leaves no file and ends with its holder."""
    lock = os.open(places.STATE.parent, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def absent(lab: str, *, check_mode: bool = False) -> dict[str, Any]:
    """Have nothing of a lab; return ``changed``, ``changes`` and ``diff``."""
    spec.parse_name(lab)
    with alone():
        changes = Changes()
        if lab in places.labs():
            changes.add(f"lab {lab}", {"hosts": places.hosts(lab)}, None, lambda: _remove(lab))
        changes.apply(check_mode=check_mode)
        return changes.result()


def _remove(lab: str) -> None:
    # By cgroup and not by the keepers' numbers: one that was killed half way up has not written
    # them all. With its last process a host's namespaces, mounts and devices go.
    cgroup = cgroups.mount_point() / places.CGROUP
    cgroups.end(cgroup / lab)
    folder = places.STATE / lab
    while folder.is_mount():
        syscalls.unmount(str(folder))
    for empty in (folder, places.STATE, cgroup):
        # The last two stay while there is another lab.
        with contextlib.suppress(OSError):
            empty.rmdir()
