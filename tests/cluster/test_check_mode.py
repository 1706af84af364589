# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Check mode says what the run then does, and writes nothing."""

from __future__ import annotations

from .cluster import inventory
from .predictions import predicted_then_done
from .probes import everybody_reaches_everybody


def asked(run):
    """By node: the parts for which a module ran there."""
    found = {}
    for event in run.events:
        options = event.result.get("invocation", {}).get("module_args", {})
        if "look_ahead" in options and "skipped" not in event.status:
            found.setdefault(event.host, []).append(options["part"])
    return found


def test_on_fresh_nodes_and_on_a_cluster_that_changes(make_cluster):
    cluster = make_cluster(inventory())
    run = predicted_then_done(cluster)
    changed = run.changed
    assert {len(tasks) for tasks in changed.values()} == {11}, changed
    # The first run asked each node twice; what came of later parts it found along with these.
    assert asked(run) == {name: ["node", "datapath"] for name in cluster.nodes}
    everybody_reaches_everybody(cluster)

    cluster.variables["podnet_deployments"] = [
        {"name": "app", "replicas": 3},
        {"name": "web", "replicas": 2},
    ]
    cluster.exec("node-1", "ip", "route", "del", "10.111.160.128/25")
    run = predicted_then_done(cluster)
    changed = run.changed
    assert asked(run)["node-1"] == ["node", "peers", "endpoints", "settle"]
    assert changed["node-1"]["Set routes to pods"] == ["create route 10.111.160.128/25"]
    pods = [what for tasks in changed.values() for task in tasks.values() for what in task]
    assert {what for what in pods if "endpoint " in what} == {
        "remove endpoint app-4",
        "create endpoint web-1",
        "create endpoint web-2",
    }
    everybody_reaches_everybody(cluster)
