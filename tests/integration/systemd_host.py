"""A bare node whose systemd runs: the real one, in a namespace of processes of its own."""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.podnet.fabric.tests.waiting import wait_for
from bpf_host import _call
from node_support import bare_node
from running import do

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Units of a test; those that modules make lie in /etc/systemd/system.
UNITS = Path("/run/units")
_NEWPID, _DETACH = 0x20000000, 2
#: What systemd says; so many lines of it are shown where a test fails.
LOG, _SHOWN = Path("/run/kmsg"), 40


@contextlib.contextmanager
def booted_node() -> Iterator[None]:
    """Be on a bare node with systemd; what is started there has it as the first process."""
    with bare_node(), _systemd():
        yield


@contextlib.contextmanager
def _systemd() -> Iterator[None]:
    UNITS.mkdir()
    for target in ("basic", "sysinit", "sockets", "timers", "paths", "shutdown", "default"):
        (UNITS / f"{target}.target").write_text("[Unit]\nDefaultDependencies=no\n")
    home = os.open("/proc/self/ns/pid", os.O_RDONLY)
    LOG.touch()
    do("mount", "--bind", str(LOG), "/dev/kmsg")  # the first process writes there or to a terminal
    # In the test's own mounts, or it would not see namespaces that pods get later. What is started
    # from here on finds itself in /proc.
    words = ("unshare", "--fork", "--pid", "--kill-child", "sh", "-c")
    process = subprocess.Popen(
        [
            *words,
            "mount -t proc none /proc && exec /lib/systemd/systemd --system --log-target=kmsg",
        ],
        env={
            "PATH": os.environ["PATH"],
            "container": "test",
            "SYSTEMD_UNIT_PATH": f"{UNITS}:/etc/systemd/system:/run/systemd/transient",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for("there is a systemd", Path("/run/systemd/private").exists)
        with Path("/proc/1/ns/pid").open() as theirs:
            _call("setns", theirs.fileno(), _NEWPID)
        wait_for("systemd answers", _answers)
        yield
    except BaseException as error:
        lines = LOG.read_text(errors="replace").splitlines()[-_SHOWN:]
        error.add_note("\n".join(["systemd said at last:", *lines]))
        raise
    finally:
        _call("setns", home, _NEWPID)
        os.close(home)
        process.kill()
        process.wait()
        ctypes.CDLL(None).umount2(b"/proc", _DETACH)  # no process of ours is in it
        wait_for("nobody is left", _groups_are_gone)


def _groups_are_gone() -> bool:
    """Remove the cgroups that systemd has made, as far as nobody is in them any more."""
    groups = [path for path in Path("/sys/fs/cgroup").rglob("*") if path.is_dir()]
    for group in sorted(groups, reverse=True):
        with contextlib.suppress(OSError):
            group.rmdir()
    # It makes none any more when it has gone itself.
    return not groups and len(Path("/sys/fs/cgroup/cgroup.procs").read_text().split()) == 1


def _answers() -> bool:
    done = subprocess.run(["systemctl", "list-units"], capture_output=True, check=False)
    return done.returncode == 0


def timers() -> str:
    """Return what systemd says of the timers that wait."""
    return do("systemctl", "list-timers", "--no-legend")
