# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A cluster's life on real hosts, in short.

A first run, what networkd does, a change that shuts its controller out, a reboot, teardown. The
order of the tests is that of the life.
"""

from __future__ import annotations

import pytest

from tests.waiting import wait_for

from . import lockout
from .hosts import EVENTS, come_back, everybody_is_reached, happens, ways
from .machines import ONE
from .trace import left, traces


@pytest.fixture(scope="module")
def fresh(machines):
    """What the machines were before we came."""
    return traces(machines)


def test_a_first_run_leaves_a_network(machines, fresh):
    machines.play("site").ok()
    everybody_is_reached(machines)


@pytest.mark.parametrize("event", EVENTS)
def test_the_network_lives_through_what_happens_to_a_host(machines, event):
    before = ways(machines, ONE)
    happens(event, machines, ONE)
    come_back(machines, ONE, before)
    everybody_is_reached(machines)


def test_a_change_that_shuts_its_controller_out_is_undone(machines):
    whole = lockout.Whole(machines)
    with lockout.office(machines, timeout=30), lockout.route(machines):
        whole.watch()
        lockout.until_shut_out(machines)
    whole.is_back()


def test_a_reboot_brings_the_network_back_and_a_run_after_it_changes_nothing(machines):
    before, pods = ways(machines, ONE), machines.pods(ONE)
    machines.reboot(ONE)
    come_back(machines, ONE, before)
    assert pods != {}
    wait_for("its pods are there", lambda: machines.pods(ONE) == pods)
    everybody_is_reached(machines)
    assert machines.play("site").ok().changed == {}


def test_teardown_leaves_no_trace(machines, fresh):
    machines.play("teardown").ok()
    assert left(fresh, machines) == {}
