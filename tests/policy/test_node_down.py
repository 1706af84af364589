# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A node loses its power while policies change; it comes back, and the next run mends it."""

from __future__ import annotations

from tests.cluster.cluster import inventory, node
from tests.cluster.conftest import make_cluster

__all__ = ["make_cluster"]

PODS = {"db": "10.111.160.10", "near": "10.111.160.11", "web": "10.111.160.140"}
NODES = {"node-1": ("db", "near"), "node-2": ("web",)}


def policies(app: str):
    """Return the policy by which pods of one app reach the pod ``db``, and no others."""
    peers = [{"podSelector": {"matchLabels": {"app": app}}}]
    spec = {"podSelector": {"matchLabels": {"app": "db"}}, "ingress": [{"from": peers}]}
    return [{"name": "db", "spec": spec}]


def reach_db(cluster, *pods: str) -> set[str]:
    """Return those of the pods of whom ``db`` hears."""
    found = set()
    for name, listed in NODES.items():
        for pod in (each for each in listed if each in pods):
            words = ("ping", "-n", "-c", "1", "-W", "2", PODS["db"])
            if cluster.try_exec(f"{name}/{pod}", *words).returncode == 0:
                found.add(pod)
    return found


def test_it_comes_back_under_the_policies_that_were_written_meanwhile(make_cluster):
    nodes = {
        name: node(
            11 + at,
            podnet_pods=[{"name": pod, "ip": PODS[pod], "labels": {"app": pod}} for pod in listed],
        )
        for at, (name, listed) in enumerate(NODES.items())
    }
    cluster = make_cluster(inventory(nodes, podnet_deployments=[]))
    cluster.variables["podnet_network_policies"] = policies("web")
    cluster.play("site").ok()
    assert reach_db(cluster, "near", "web") == {"web"}

    cluster.kill("node-2")
    cluster.variables["podnet_network_policies"] = policies("near")
    run = cluster.play("site")
    assert {event.host for event in run.of("unreachable")} == {"node-2"}
    assert run.of("failed") == []
    assert reach_db(cluster, "near") == {"near"}

    cluster.up()
    cluster.play("site").ok()
    assert reach_db(cluster, "near", "web") == {"near"}
