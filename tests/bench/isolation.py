"""Namespaces without a name: they live as long as this process, and leave nothing behind.

A namespace is known by the path of an open file of this process. When the process ends, by
whatever end, the kernel closes the file and with the last one takes the namespace, its devices,
its mounts and its pins away: there is no teardown that a Ctrl-C could interrupt.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.podnet.fabric.plugins.module_utils import names
from ansible_collections.podnet.fabric.plugins.module_utils.engine import namespaces

if TYPE_CHECKING:
    from collections.abc import Iterator

CLONE_NEWNS = 0x00020000
MS_REC, MS_PRIVATE = 0x4000, 0x40000

_libc = ctypes.CDLL(None, use_errno=True)


def new_network() -> str:
    """Make a network namespace with IPv6 off, so that only what is measured is on the wire.

    :returns: the path by which it can be entered.
    """
    with _home("net"):
        _call("unshare", namespaces.CLONE_NEWNET)
        for scope in ("all", "default"):
            Path(f"/proc/sys/net/ipv6/conf/{scope}/disable_ipv6").write_text("1")
        netns = _keep("net")
    run("ip", "link", "set", "lo", "up", netns=netns)
    return netns


def new_mounts() -> str:
    """Make a mount namespace in which ``/sys/fs/bpf`` is an empty bpffs of its own."""
    with _home("mnt"):
        _call("unshare", CLONE_NEWNS)
        _call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
        _call("mount", b"bpf", names.BPFFS.encode(), b"bpf", 0, None)
        return _keep("mnt")


def private_folder(folder: str) -> None:
    """Lay an empty file system over a folder, in the mount namespace where we are."""
    _call("mount", b"none", folder.encode(), b"tmpfs", 0, None)


@contextlib.contextmanager
def inside_mounts(mounts: str) -> Iterator[None]:
    """See the mounts of a namespace for the length of a ``with`` block."""
    with _home("mnt"):
        with Path(mounts).open("rb") as target:
            _call("setns", target.fileno(), CLONE_NEWNS)
        yield


def run(*argv: str, netns: str | None = None, stdin: str = "") -> str:
    """Run a command in a network namespace and return what it prints; it has to succeed."""
    with namespaces.inside(netns):
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr + done.stdout).strip()
        raise RuntimeError(f"{' '.join(argv)} failed: {said}\n{stdin[:2000]}")
    return done.stdout


def ip(netns: str, *lines: str) -> None:
    """Do lines of iproute2, such as ``link set eth0 up``, in a network namespace."""
    run("ip", "-batch", "-", netns=netns, stdin="\n".join(lines) + "\n")


@contextlib.contextmanager
def _home(kind: str) -> Iterator[None]:
    """Come back to the namespace that we are in now."""
    flag = {"net": namespaces.CLONE_NEWNET, "mnt": CLONE_NEWNS}[kind]
    with Path(f"/proc/self/ns/{kind}").open("rb") as home:
        folder = Path.cwd()
        try:
            yield
        finally:
            _call("setns", home.fileno(), flag)
            os.chdir(folder)  # entering a mount namespace moves us to its root


def _keep(kind: str) -> str:
    """Keep the namespace that we are in now until this process ends."""
    fd = os.open(f"/proc/self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC)
    return f"/proc/{os.getpid()}/fd/{fd}"


def _call(function: str, *arguments: object) -> None:
    if getattr(_libc, function)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{function}: {os.strerror(number)}")
