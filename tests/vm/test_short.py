# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A cluster's life with a real host, in short: site, networkd, a lock-out, a reboot, teardown.

One node is a virtual machine, which takes the most of the time; the other one is a host of the lab.
Two machines live longer in the other files. The order of the tests is that of the life.
"""

from __future__ import annotations

import pytest

from tests.waiting import wait_for

from . import lockout
from .conftest import booted
from .hosts import EVENTS, come_back, everybody_is_reached, happens, ways
from .machines import ONE, TWO, described
from .trace import left, traces


@pytest.fixture(scope="module")
def machines():
    """A machine that has booted, and a host of the lab: both know nothing of us."""
    with booted(described(virtual=[ONE])) as both:
        yield both


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
    with lockout.office(machines), lockout.sysctl(machines):
        whole.watch()
        lockout.until_shut_out(machines)
    whole.is_back()
    # The lab's host has no systemd, and so nothing that undoes. A setting of the host that nobody
    # names any more is given back by teardown.
    machines.exec(TWO, "sysctl", "-q", "net.ipv4.ip_default_ttl=64")


def test_a_reboot_brings_the_network_back_and_a_run_after_it_changes_nothing(machines):
    before, pods = ways(machines, ONE), machines.pods(ONE)
    machines.reboot(ONE)
    come_back(machines, ONE, before)
    assert pods != {}
    wait_for("its pods are there", lambda: machines.pods(ONE) == pods)
    everybody_is_reached(machines)
    # What the run before last has changed on the other one is still there.
    assert machines.play("site").ok().changed.keys() <= {TWO}


def test_teardown_leaves_no_trace(machines, fresh):
    machines.play("teardown").ok()
    assert left(fresh, machines) == {}
