"""A host of its own for eBPF tests: network, mounts, bpffs and cgroup root of the test alone."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ansible_collections.podnet.fabric.tests.waiting import wait_for
from running import do

if TYPE_CHECKING:
    from collections.abc import Iterator

CGROUPS = Path("/sys/fs/cgroup/unified")
_NAMESPACES = {"mnt": 0x20000, "net": 0x40000000, "cgroup": 0x2000000}
_libc = ctypes.CDLL(None, use_errno=True)


def _call(function: str, *arguments: int) -> None:
    if getattr(_libc, function)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), f"{function}{arguments}")


@contextlib.contextmanager
def own_host() -> Iterator[None]:
    """Be on a host with nothing of anybody's for the length of a ``with`` block."""
    home = {name: os.open(f"/proc/self/ns/{name}", os.O_RDONLY) for name in _NAMESPACES}
    folder = Path.cwd()
    before = Path("/proc/self/cgroup").read_text().rpartition("0::")[2].strip()
    cgroup = CGROUPS / f"pt-{uuid.uuid4().hex[:10]}"
    cgroup.mkdir()
    (cgroup / "cgroup.procs").write_text(str(os.getpid()))
    try:
        _call("unshare", sum(_NAMESPACES.values()))
        do("mount", "--make-rprivate", "/")
        do("mount", "-t", "bpf", "bpf", "/sys/fs/bpf")
        do("umount", str(CGROUPS))
        do("mount", "-t", "cgroup2", "none", str(CGROUPS))
        Path("/run/netns").mkdir(exist_ok=True)
        do("mount", "-t", "tmpfs", "none", "/run/netns")
        do("ip", "link", "set", "lo", "up")
        yield
    finally:
        for name, kind in _NAMESPACES.items():
            _call("setns", home[name], kind)
            os.close(home[name])
        os.chdir(folder)
        (CGROUPS / before.lstrip("/") / "cgroup.procs").write_text(str(os.getpid()))
        wait_for("the processes of the host are dead", lambda: _removed(cgroup), 60)


def _removed(cgroup: Path) -> bool:
    """Remove a cgroup; say whether nobody was left in it."""
    try:
        cgroup.rmdir()
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return False
    return True


@pytest.fixture
def host() -> Iterator[None]:
    """Let the test, and what it starts, be on a host with nothing of anybody's."""
    with own_host():
        yield


@pytest.fixture
def pair(host: None) -> Iterator[None]:
    """Connect eth0 (10.9.0.1) to eth0 (10.9.0.2) of the namespace peer."""
    do("ip", "netns", "add", "peer")
    do("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", "peer")
    for netns, address in (([], "10.9.0.1/24"), (["-n", "peer"], "10.9.0.2/24")):
        do("ip", *netns, "addr", "add", address, "dev", "eth0")
        do("ip", *netns, "link", "set", "eth0", "up")
    return
