# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A site run that is killed converges when it is run again.

What a module leaves that is killed is the matter of tests/integration/test_killed.py, change by
change. Here it is whole runs: playbook, workers and modules die at once, as soon as a node's kernel
holds something.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
import uuid
from pathlib import Path

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf.grace import SWITCH
from ansible_collections.podnet.fabric.plugins.module_utils.lab import cgroups, places

from tests.cluster.cluster import inventory
from tests.cluster.probes import differences, everybody_reaches_everybody, snapshots

PINS = "root/sys/fs/bpf/podnet"


def count(pattern):
    """Return what counts files below a node's keeper in /proc."""
    return lambda proc: len(list(proc.glob(pattern)))


def devices(proc):
    """Count our devices on a node."""
    return (proc / "net/dev").read_text().count("pn_")


pods = count("root/run/netns/*")
links = count(f"{PINS}/links/*")

#: In a first run: as soon as a node holds so many of these. At the end of a task, or amid it.
FIRST = {
    "the door": (devices, 2),
    "the first program attached": (links, 1),
    "the first pod": (pods, 1),
    "the last pod": (pods, 4),
}
#: In a run that changes attach mode and pods: the mode, and so many that have come or, negative,
#: are left. Each starts where the one before it ended.
LATER = {
    "the first program that left tcx": ("clsact", lambda proc: -links(proc), -4),
    "the first program that left clsact": ("tcx", links, 1),
    "the last program that left tcx": ("clsact", lambda proc: -links(proc), 0),
    "the first new pod": ("tcx", count("root/run/netns/new-3-*"), 1),
}


def run_and_kill(cluster, holds, number):
    """Start a site run; kill all of it as soon as one of the nodes holds so many of something."""
    keepers = {node: places.HostPlace(cluster.lab, node).pid() for node in cluster.nodes}
    procs = [Path(f"/proc/{keeper}") for keeper in keepers.values()]
    assert all(holds(proc) < number for proc in procs), "it is there already: this kills nothing"
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
    while any(len(running(cluster, node)) > 1 for node in cluster.nodes) or expedited():
        assert time.monotonic() < end, "the killed run left something that lives, or the switch on"
        time.sleep(0.001)


def expedited():
    return Path(SWITCH).read_text() != "0\n"


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


def converges(cluster):
    """Run again, which must succeed; once more, which must find nothing to do; and it must work."""
    cluster.play("site").ok()
    assert cluster.play("site").ok().changed == {}
    everybody_reaches_everybody(cluster)
    expected = {
        f"{one['name']}-{n + 1}" for one in deployments(cluster) for n in range(one["replicas"])
    }
    assert {place.split("/")[1] for place in cluster.pods()} == expected


def deployments(cluster):
    return cluster.variables["podnet_deployments"]


@pytest.fixture(scope="module")
def fresh(make_module_cluster):
    """A node on which nothing stands, and what it holds."""
    cluster = make_module_cluster(inventory(1, pods=3))
    return cluster, snapshots(cluster)


@pytest.mark.parametrize("point", FIRST)
def test_a_first_run(point, fresh):
    cluster, before = fresh
    run_and_kill(cluster, *FIRST[point])
    converges(cluster)
    cluster.play("teardown").ok()
    assert differences(before, snapshots(cluster)) == {}


def test_a_first_run_that_nobody_completes(fresh):
    cluster, before = fresh
    run_and_kill(cluster, *FIRST["the last pod"])
    cluster.play("teardown").ok()
    assert differences(before, snapshots(cluster)) == {}


@pytest.mark.parametrize("point", LATER)
def test_a_run_that_changes_what_stands(point, pair):
    mode, holds, number = LATER[point]
    other = "tcx" if mode == "clsact" else "clsact"
    if pair.variables.get("podnet_attach_mode", "tcx") != other:
        pair.variables["podnet_attach_mode"] = other
        pair.play("site").ok()
    pair.variables["podnet_attach_mode"] = mode
    pair.variables["podnet_deployments"] = [
        {"name": name, "replicas": 2} for name in ("app", f"new-{list(LATER).index(point)}")
    ]
    run_and_kill(pair, holds, number)
    converges(pair)


def test_health_after_all_of_it(pair):
    pair.play("health").ok()
