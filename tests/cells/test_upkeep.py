# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A cluster of each cell that is broken, taken away, and killed as it comes up: its last tests."""

from __future__ import annotations

import re

import pytest

from tests.cluster.cluster import INTERNET
from tests.cluster.probes import differences, everybody_reaches_everybody, probe, snapshots
from tests.loss.kill import links, pods, run_and_kill
from tests.masquerade.flows import mirrors, seen
from tests.services.clients import Client

from .cells import NODE_IPS, SERVICES, WEB
from .drift import break_by_hand
from .servers import visitors
from .state import states
from .test_cells import visit
from .test_masquerade import MASQUERADE


def test_what_was_broken_by_hand_is_repaired_and_nothing_else(running):
    cluster = running.cluster
    expected = break_by_hand(cluster, running.cell)
    run = cluster.play("site").ok()
    told = {
        node: sorted(line for lines in tasks.values() for line in lines)
        for node, tasks in run.changed.items()
    }
    assert told == expected
    assert differences(running.fresh, states(cluster)) == {}
    everybody_reaches_everybody(cluster)


def test_teardown_leaves_nothing(running):
    running.cluster.play("teardown").ok()
    assert differences(running.before, snapshots(running.cluster)) == {}


def routes_to_pods(proc):
    """Count a node's routes within the range of the pods, as /proc shows them."""
    return len(re.findall(r"\t[0-9A-F]{2}A[0-9A-F]6F0A\t", (proc / "net/route").read_text()))


@pytest.mark.alike
def test_runs_that_are_killed_converge(running):
    cluster = running.cluster
    first = (links, 1) if running.cell.datapath == "ebpf" else (routes_to_pods, 2)
    for holds, number in (first, (pods, 3)):
        run_and_kill(cluster, holds, number)
    cluster.play("site").ok()
    assert differences(running.fresh, states(cluster)) == {}
    everybody_reaches_everybody(cluster)


def test_a_node_that_boots_has_all_of_it_back_before_any_run(running):
    cluster, pod = running.cluster, "node-1/app-1"
    cluster.variables.update({**SERVICES, **MASQUERADE})
    cluster.play("site").ok()
    before = states(cluster)
    cluster.reboot("node-1")
    assert differences(before, states(cluster)) == {}
    everybody_reaches_everybody(cluster)
    with mirrors(cluster, "internet"):
        assert seen(cluster, pod, INTERNET, "tcp") == NODE_IPS["node-1"]
    with visitors(cluster, [pod]):
        probe(cluster, ["node-2"], [], [cluster.pods()[pod]])  # it is there
        assert visit(Client(cluster, "node-2/app-2"), WEB) == cluster.pods()["node-2/app-2"]
    assert cluster.play("site").ok().changed == {}
