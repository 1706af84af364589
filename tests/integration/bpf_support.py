"""A host of its own for eBPF tests: network, mounts, bpffs and cgroup root of the test alone."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import subprocess
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils import bpf_sources
from running import do, four_runs, run_module

if TYPE_CHECKING:
    from collections.abc import Iterator

    from running import Run

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
        cgroup.rmdir()


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


def ping(count: int = 3) -> bool:
    """Say whether the peer's pings are answered by this host."""
    command = ["ip", "netns", "exec", "peer", "ping", "-q", "-i", "0.01", "-W", "1"]
    done = subprocess.run(
        [*command, "-c", str(count), "10.9.0.1"], capture_output=True, check=False
    )
    return done.returncode == 0


def sources(programs: list[dict[str, Any]]) -> dict[str, Any]:
    """What the action plugin would send."""
    return {
        "programs": {
            item["name"]: bpf_sources.read_sources(item, str, Path.cwd()) for item in programs
        },
        "standin": bpf_sources.standin(),
    }


def program(*programs: dict[str, Any], check: bool = False, **options: Any) -> Run:
    """Run bpf_program."""
    items = list(programs)
    return run_module(
        "bpf_program", check=check, programs=items, _sources=sources(items), **options
    )


def program_four(*programs: dict[str, Any], **options: Any) -> Run:
    """Run bpf_program four times, see conftest."""
    items = list(programs)
    return four_runs("bpf_program", programs=items, _sources=sources(items), **options)


def bpftool(*words: str) -> Any:
    """Ask bpftool for JSON."""
    return json.loads(do("bpftool", "-j", *words) or "[]")


def pins(folder: str = "/sys/fs/bpf/podnet") -> list[str]:
    """Names of all that is pinned."""
    found = Path(folder).rglob("*") if Path(folder).exists() else []
    return sorted(str(path.relative_to(folder)) for path in found if path.is_file())


def dump(path: str) -> dict[bytes, bytes]:
    """Entries of a pinned map as bpftool reads them."""

    def raw(listed: list[str]) -> bytes:
        return bytes(int(word, 16) for word in listed)

    return {
        raw(entry["key"]): raw(entry["value"]) for entry in bpftool("map", "dump", "pinned", path)
    }
