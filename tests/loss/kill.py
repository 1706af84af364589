# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kill a site run with all that it runs, as soon as a node's kernel holds something."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import time
import uuid
from pathlib import Path

from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf.grace import SWITCH
from ansible_collections.podnet.fabric.plugins.module_utils.lab import cgroups, places

PINS = "root/sys/fs/bpf/podnet"


def count(pattern):
    """Return what counts files below a node's keeper in /proc."""
    return lambda proc: len(list(proc.glob(pattern)))


def devices(proc):
    """Count our devices on a node."""
    return (proc / "net/dev").read_text().count("pn_")


pods = count("root/run/netns/*")
links = count(f"{PINS}/links/*")


def run_and_kill(cluster, holds, number):
    """Start a site run; kill all of it as soon as one of the nodes holds so many of something."""
    keepers = {node: places.HostPlace(cluster.lab, node).pid() for node in cluster.nodes}
    procs = [Path(f"/proc/{keeper}") for keeper in keepers.values()]
    assert all(holds(proc) < number for proc in procs), "it is there already: this kills nothing"
    expedited_by_the_machine()  # as it is before any run is killed
    process = cluster.start_play("site", journal=cluster.folder / f"journal-{uuid.uuid4().hex}")
    while process.poll() is None and all(holds(proc) < number for proc in procs):
        time.sleep(0.0005)
    assert process.poll() is None, process.communicate()[0]
    # Workers and what they run on the nodes are of sessions of their own: one after the other, the
    # parents first, so that nobody is told of the end of his child.
    for pid in [process.pid, *children(process.pid)]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.communicate()
    # Who brings back the machine's grace periods lives until he has done so.
    end = time.monotonic() + 30
    while any(len(running(cluster, node)) > 1 for node in cluster.nodes) or (
        expedited() and not expedited_by_the_machine()
    ):
        assert time.monotonic() < end, "the killed run left something that lives, or the switch on"
        time.sleep(0.001)


def expedited():
    return Path(SWITCH).read_text() != "0\n"


@functools.cache
def expedited_by_the_machine():
    """Say whether short grace periods are what the machine's owner wants, and nobody's leftover.

    A run that goes on beside this one has them for moments.
    """
    end = time.monotonic() + 5
    while time.monotonic() < end:
        if not expedited():
            return False
        time.sleep(0.001)
    return True


def running(cluster, node):
    return cgroups.processes(places.HostPlace(cluster.lab, node).cgroup)


def children(pid):
    """Return all that a process has started, and what those have, but for forks of modules."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            if not (in_a_lab(pid) and command(pid) == command(child)):
                found += [child, *children(child)]
    return found


def in_a_lab(pid):
    return "/podnet-lab/" in Path(f"/proc/{pid}/cgroup").read_text()


def command(pid):
    return Path(f"/proc/{pid}/cmdline").read_bytes()
