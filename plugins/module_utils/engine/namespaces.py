# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Network namespaces: name them, enter them, open netlink sockets in them.

A namespace is given as the name that ``ip netns`` shows, as a path of a namespace file (it
starts with ``/``), such as ``/proc/4711/ns/net`` for that of a process, or as None: the one that
this process is in. A name of digits is a name, and never the number of a process.

Not by pyroute2.netns, which costs modules without other need of pyroute2 0.1 s, makes a namespace
that is missing when it is entered, and lists names whose namespace is gone.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from pathlib import Path
from typing import TYPE_CHECKING

from .failure import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator

NETNS_DIR = "/run/netns"
CLONE_NEWNET = 0x40000000
MS_BIND, MS_REC, MS_SHARED, MNT_DETACH = 0x1000, 0x4000, 0x100000, 2

_libc = ctypes.CDLL(None, use_errno=True)


def path(netns: str | None) -> str:
    """File of a namespace."""
    if netns is None:
        return "/proc/self/ns/net"
    if netns.startswith("/"):
        return netns
    return f"{NETNS_DIR}/{netns}"


def of_process(pid: int) -> str:
    """Namespace that a process is in."""
    return f"/proc/{pid}/ns/net"


def names() -> list[str]:
    """Return the names that ``ip netns list`` shows, sorted."""
    try:
        return sorted(entry.name for entry in Path(NETNS_DIR).iterdir() if exists(entry.name))
    except FileNotFoundError:
        return []


def living() -> list[str]:
    """Return a path of each namespace that a process is in, or that has a name, each once.

    Any of them may be gone when it is used.
    """
    found: dict[int, str] = {}
    processes = (entry for entry in Path("/proc").iterdir() if entry.name.isdigit())
    paths = [*(entry / "ns/net" for entry in processes), *(Path(path(name)) for name in names())]
    for each in paths:
        with contextlib.suppress(OSError):  # it has just ended
            found.setdefault(each.stat().st_ino, str(each))
    return list(found.values())


def exists(netns: str) -> bool:
    """Say whether the name stands for a live namespace, not for an empty file left behind."""
    try:
        # A name whose bind mount is gone is a plain file of the tmpfs and not of nsfs.
        return Path(path(netns)).stat().st_dev == Path("/proc/self/ns/net").stat().st_dev
    except OSError:
        return False


def inode(netns: str) -> int:
    """Number that no other living namespace has, 0 where there is none."""
    return Path(path(netns)).stat().st_ino if exists(netns) else 0


@contextlib.contextmanager
def inside(netns: str | None) -> Iterator[None]:
    """Be in a namespace for the length of a ``with`` block; sockets opened there stay there."""
    if netns is None:
        yield
        return
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            target = os.open(path(netns), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            meant = f", and that of a process is /proc/{netns}/ns/net" if netns.isdigit() else ""
            raise Failure(
                f"netns {netns!r} does not exist; ip netns list shows the names that do{meant}."
            ) from None
        try:
            _call("setns", target, CLONE_NEWNET)
        except OSError as error:
            raise Failure(f"netns {netns!r} cannot be entered: {error.strerror}.") from error
        finally:
            os.close(target)
        try:
            yield
        finally:
            _call("setns", home, CLONE_NEWNET)
    finally:
        os.close(home)


def create(netns: str) -> None:
    """Make a named namespace as ``ip netns add`` does; one that exists is left alone.

    Its loopback device is brought up by nobody here: a caller does that through netlink.
    """
    if exists(netns):
        return
    _prepare_directory()
    file = Path(path(netns))
    file.touch(mode=0o000, exist_ok=True)
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _call("unshare", CLONE_NEWNET)
        try:
            _call("mount", b"/proc/self/ns/net", bytes(file), b"none", MS_BIND, None)
        finally:
            _call("setns", home, CLONE_NEWNET)
    except OSError:
        file.unlink(missing_ok=True)
        raise
    finally:
        os.close(home)


def delete(netns: str) -> None:
    """Remove a name, and with it the namespace once no process and no socket is in it."""
    file = Path(path(netns))
    with contextlib.suppress(OSError):
        while True:  # as often as it was mounted
            _call("umount2", bytes(file), MNT_DETACH)
    file.unlink(missing_ok=True)


def _prepare_directory() -> None:
    # A shared mount, as iproute2 makes it: a namespace removed in one mount namespace then goes
    # away in all of them.
    directory = Path(NETNS_DIR)
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    with contextlib.suppress(OSError):
        _call("mount", b"", bytes(directory), b"none", MS_SHARED | MS_REC, None)
        return
    _call("mount", bytes(directory), bytes(directory), b"none", MS_BIND | MS_REC, None)
    _call("mount", b"", bytes(directory), b"none", MS_SHARED | MS_REC, None)


def _call(function: str, *arguments: object) -> None:
    if getattr(_libc, function)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
