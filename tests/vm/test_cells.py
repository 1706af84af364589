# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All six cells on real hosts, one after the other by live switches, with services.

The order of the tests is that of the cluster's life.
"""

from __future__ import annotations

import pytest

from tests.cells.cells import CELLS
from tests.cluster.predictions import predicted_then_done

from .clients import (
    VARIABLES,
    cease,
    held_open,
    pods_go_out_as_their_nodes,
    serve,
    services_are_reached,
)
from .hosts import come_back, everybody_is_reached, happens, ways
from .machines import ONE
from .trace import left, traces


@pytest.fixture(scope="module")
def cluster(machines):
    """The machines, with variables of a cluster with services."""
    before = dict(machines.variables)
    machines.variables.update(VARIABLES)
    yield machines
    machines.variables.clear()
    machines.variables.update(before)


@pytest.fixture(scope="module")
def fresh(cluster):
    """What the machines were before we came."""
    return traces(cluster)


def test_a_first_run_does_what_a_check_says(cluster, fresh):
    cluster.variables.update(CELLS[0].variables)
    predicted_then_done(cluster, held=traces)
    serve(cluster)


@pytest.mark.parametrize("cell", CELLS, ids=str, scope="class")
class TestCell:
    """One cell, to which the cluster switches while it runs."""

    def test_switch(self, cluster, cell):
        cluster.variables.update(cell.variables)
        pods = cluster.pods()
        with held_open(cluster):
            cluster.play("site").ok()
        assert cluster.pods() == pods
        everybody_is_reached(cluster)

    def test_rerun(self, cluster, cell):
        assert cluster.play("site").ok().changed == {}

    def test_status_and_health(self, cluster, cell):
        seen = cluster.play("status").ok().result(ONE, "Read the node's status")["status"]
        assert {one["state"] for one in seen["endpoints"]} == {"ready"}
        cluster.play("health").ok()

    def test_services_and_masquerading(self, cluster, cell):
        services_are_reached(cluster)
        pods_go_out_as_their_nodes(cluster)

    @pytest.mark.parametrize("event", ["reconfigure", "restart", "a link that flaps"])
    def test_event(self, cluster, cell, event):
        before = ways(cluster, ONE)
        happens(event, cluster, ONE)
        come_back(cluster, ONE, before)
        everybody_is_reached(cluster)


def test_teardown_leaves_no_trace(cluster, fresh):
    cease(cluster)
    with held_open(cluster):
        cluster.play("teardown").ok()
    assert left(fresh, cluster) == {}
