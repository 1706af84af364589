# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Real hosts that a run shuts its controller out of: they undo it by themselves, to the byte.

The order of the tests is that of the cluster's life.
"""

from __future__ import annotations

import pytest

from . import lockout
from .hosts import everybody_is_reached
from .machines import ONE
from .trace import left, traces

#: What a run changes, and what happens to a node of it before that is undone.
CASES = [
    (lockout.program, "sshd is stopped"),
    (lockout.sysctl, "the clock is set back"),
    (lockout.route, "the power is cut"),
]


@pytest.fixture(scope="module")
def fresh(machines):
    """What the machines were before we came."""
    return traces(machines)


@pytest.fixture(scope="module")
def whole(machines, fresh):
    """A cluster that stands, and how it is."""
    machines.play("site").ok()
    return lockout.Whole(machines)


def test_a_run_that_shuts_its_controller_out_fails_and_is_undone(machines, whole):
    with lockout.office(machines), lockout.route(machines):
        whole.watch()
        done = machines.play("site")
    assert done.status != 0
    whole.is_back()
    everybody_is_reached(machines)


@pytest.mark.parametrize(("change", "meanwhile"), CASES)
def test_it_is_undone_without_a_controller_whatever_else_happens(
    machines, whole, change, meanwhile
):
    with lockout.office(machines), change(machines):
        whole.watch()
        lockout.until_shut_out(machines)
        lockout.MEANWHILE[meanwhile](machines, ONE)
    booted = ONE if meanwhile == "the power is cut" else ""
    whole.is_back(booted=booted)
    everybody_is_reached(machines)


def test_a_run_after_it_changes_nothing_and_teardown_leaves_no_trace(machines, whole, fresh):
    assert machines.play("site").ok().changed == {}
    machines.play("teardown").ok()
    assert left(fresh, machines) == {}
