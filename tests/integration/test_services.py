"""services: the maps by which programs balance connections, on a node as the roles leave it."""

from __future__ import annotations

import pytest
from ansible_collections.podnet.fabric.plugins.filter.datapath import datapath
from node_support import bare_node, plan
from running import four_runs, run

WEB = [
    {"ip": "172.16.1.235", "port": 80, "node": "k8s-w1"},
    {"ip": "172.16.2.253", "port": 80, "node": "k8s-w2"},
]
SVC = {
    "name": "default/svc",
    "cluster_ip": "10.10.252.131",
    "ports": [{"name": "svc-webport", "port": 80, "backends": WEB}],
}
NAME = "service default/svc:svc-webport/TCP 10.10.252.131:80"


@pytest.fixture(scope="module")
def node():
    """One node with all maps for all tests of this file."""
    with bare_node():
        run("bpf_map", maps=datapath(plan())["maps"])
        yield


@pytest.fixture(autouse=True)
def empty(node):
    yield
    run("services", services=[], purge=True)


def test_one_service_comes_and_goes():
    done = four_runs("services", services=[SVC])
    assert done["changes"] == [f"create {NAME}"]
    assert done["diff"]["after"][NAME]["backends"] == (
        "172.16.1.235:80 (active), 172.16.2.253:80 (active)"
    )
    done = four_runs("services", services=[], purge=True)
    assert done["changes"] == [f"remove {NAME}"]
