# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A cluster on real hosts in trouble: a node that is off, a controller that is killed.

The order of the tests is that of the cluster's life.
"""

from __future__ import annotations

import os
import signal

import pytest

from tests.waiting import wait_for

from .hosts import come_back, everybody_is_reached, ways
from .machines import ONE, TWO
from .trace import left, traces


@pytest.fixture(scope="module")
def fresh(machines):
    """What the machines were before we came."""
    return traces(machines)


def killed(machines, until):
    """Start a run, and kill the controller's processes once the kernel of a node says so."""
    run = machines.start_play("site", journal=machines.folder / "killed")

    def seen():
        assert run.poll() is None, run.communicate()[0]
        return until()

    wait_for("the run has come so far", seen)
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()


def test_a_run_after_a_controller_was_killed_completes_the_network(machines, fresh):
    killed(machines, lambda: "podnet" in machines.exec(ONE, "ls", "/sys/fs/bpf"))
    machines.play("site").ok()
    everybody_is_reached(machines)
    assert machines.play("site").ok().changed == {}


def test_a_node_that_is_off_stops_nobody_else(machines):
    pods, before = machines.pods(), ways(machines, TWO)
    machines.switch_off(TWO)
    machines.exec(ONE, "ip", "netns", "delete", next(iter(machines.pods(ONE))).split("/")[1])
    run = machines.play("site")
    assert {event.host for event in run.of("unreachable")} == {TWO}
    assert run.of("failed") == []
    assert machines.pods(ONE) == {
        place: address for place, address in pods.items() if place.startswith(ONE)
    }
    machines.switch_on(TWO)
    assert set(machines.play("site").ok().changed) == {TWO}
    come_back(machines, TWO, before)
    assert machines.pods() == pods
    everybody_is_reached(machines)


def test_teardown_leaves_no_trace(machines, fresh):
    machines.play("teardown").ok()
    assert left(fresh, machines) == {}
