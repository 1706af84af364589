# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The playbook site in batches of nodes: one plan for all, and a node that fails stops the rest."""

from __future__ import annotations

import json
import re

import pytest

from .cluster import Cluster, Run, inventory

FIRST, SECOND = "node-1", "node-2"


@pytest.fixture(scope="module")
def cluster(make_module_cluster) -> Cluster:
    made: Cluster = make_module_cluster(inventory(2, pods=4))
    return made


def order(run: Run) -> list[str]:
    """Return whose changes there were, one after the other."""
    hosts = [event.host for event in run.of("changed")]
    return [host for i, host in enumerate(hosts) if i == 0 or host != hosts[i - 1]]


def mtu(cluster: Cluster, pod: str) -> int:
    (link,) = cluster.json(pod, "ip", "-j", "link", "show", "dev", "eth0")
    return int(link["mtu"])


def test_one_node_after_the_other_by_one_plan(cluster):
    cluster.variables["podnet_serial"] = "1, 100%"
    run = cluster.play("site").ok()
    assert order(run) == [FIRST, SECOND]
    pods = cluster.pods()
    assert [sum(pod.startswith(name) for pod in pods) for name in (FIRST, SECOND)] == [2, 2]
    planned = [event for event in run.events if event.task.endswith("Plan the network")]
    assert len(planned) == 1
    # A pod that comes goes to the second node, though the first is changed alone at first.
    cluster.variables["podnet_deployments"][0]["replicas"] = 6
    under_traffic = cluster.play("site_under_traffic").ok()
    assert order(under_traffic) == [FIRST, SECOND]
    assert re.search(r"Messages: +\d{3,} sent, 0 lost", under_traffic.output)
    more = cluster.pods()
    assert len(more) == 6
    assert pods.items() < more.items()
    assert cluster.play("site").ok().changed == {}
    del cluster.variables["podnet_serial"]


def test_a_canary_that_fails_keeps_the_rest_as_it_was(cluster):
    pods = {name: next(pod for pod in cluster.pods(name)) for name in (FIRST, SECOND)}
    before = {name: mtu(cluster, pod) for name, pod in pods.items()}
    cluster.nodes[FIRST]["podnet_pods"] = [{"name": "ghost", "netns": "/run/netns/nobodys"}]
    cluster.variables["podnet_mtu"] = 1400
    run = cluster.play("site", "-e", json.dumps({"podnet_serial": [1]}))
    assert run.status != 0
    assert list(run.changed) == [FIRST]
    assert {name: mtu(cluster, pod) for name, pod in pods.items()} == {
        FIRST: 1400,
        SECOND: before[SECOND],
    }
    assert before[SECOND] != 1400
    del cluster.nodes[FIRST]["podnet_pods"]
    assert SECOND in cluster.play("site", "-e", "podnet_serial=1").ok().changed
    assert mtu(cluster, pods[SECOND]) == 1400
