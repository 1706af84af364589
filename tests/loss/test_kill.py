# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A site run that is killed converges when it is run again.

What a module leaves that is killed is the matter of tests/integration/test_killed.py, change by
change. Here it is whole runs: playbook, workers and modules die at once, as soon as a node's kernel
holds something: at the end of a task and amid one; ``make test-loss`` has two more of each.
"""

from __future__ import annotations

import pytest

from tests.cluster.cluster import inventory
from tests.cluster.probes import differences, everybody_reaches_everybody, snapshots
from tests.scope import WHOLE

from .kill import count, devices, links, pods, run_and_kill

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

FIRST_POINTS = list(FIRST) if WHOLE else ["the first program attached", "the last pod"]
LATER_POINTS = list(LATER) if WHOLE else ["the first program that left tcx", "the first new pod"]


def converges(cluster, *, again=False):
    """Run again, which must succeed; then it must work.

    :param again: once more, which must find nothing to do. After each change at which a module can
        be killed that is shown in tests/integration/test_killed.py.
    """
    cluster.play("site").ok()
    if again:
        assert cluster.play("site").ok().changed == {}
    everybody_reaches_everybody(cluster)
    expected = {
        f"{one['name']}-{n + 1}" for one in deployments(cluster) for n in range(one["replicas"])
    }
    assert {place.split("/")[1] for place in cluster.pods()} == expected


def deployments(cluster):
    return cluster.variables["podnet_deployments"]


@pytest.fixture(scope="module")
def lab(make_module_cluster):
    """A node."""
    return make_module_cluster(inventory(1, pods=3))


@pytest.fixture
def fresh(lab):
    """A node on which nothing stands, and what it holds; made anew where a test leaves more."""
    before = snapshots(lab)
    yield lab, before
    if differences(before, snapshots(lab)) != {}:
        lab.down()
        lab.up()


@pytest.mark.parametrize("point", FIRST_POINTS)
def test_a_first_run(point, fresh):
    cluster, before = fresh
    run_and_kill(cluster, *FIRST[point])
    last = point == [*FIRST][-1]
    converges(cluster, again=last)
    if last:
        cluster.play("teardown").ok()
        assert differences(before, snapshots(cluster)) == {}


def test_a_first_run_that_nobody_completes(fresh):
    cluster, before = fresh
    run_and_kill(cluster, *FIRST["the last pod"])
    cluster.play("teardown").ok()
    assert differences(before, snapshots(cluster)) == {}


@pytest.mark.parametrize("point", LATER_POINTS)
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
    converges(pair, again=point == [*LATER][-1])


def test_health_after_all_of_it(pair):
    pair.play("health").ok()
