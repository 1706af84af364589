# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check mode says what the run then does, and writes nothing."""

from __future__ import annotations

from .cluster import inventory
from .predictions import predicted_then_done
from .probes import everybody_reaches_everybody


def test_on_fresh_nodes_and_on_a_cluster_that_changes(make_cluster):
    cluster = make_cluster(inventory())
    changed = predicted_then_done(cluster).changed
    assert {len(tasks) for tasks in changed.values()} == {11}, changed
    everybody_reaches_everybody(cluster)

    cluster.variables["podnet_deployments"] = [
        {"name": "app", "replicas": 3},
        {"name": "web", "replicas": 2},
    ]
    cluster.exec("node-1", "ip", "route", "del", "10.111.160.128/25")
    changed = predicted_then_done(cluster).changed
    assert changed["node-1"]["Set routes to pods"] == ["create route 10.111.160.128/25"]
    pods = [what for tasks in changed.values() for task in tasks.values() for what in task]
    assert {what for what in pods if "endpoint " in what} == {
        "remove endpoint app-4",
        "create endpoint web-1",
        "create endpoint web-2",
    }
    everybody_reaches_everybody(cluster)
