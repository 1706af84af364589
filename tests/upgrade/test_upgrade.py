# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A cluster that the last release made is brought to this checkout, live, in cells of each kind.

Everything that is open goes on, what begins meanwhile is answered, and afterwards a node holds what
it would hold had it never known another version. ``make test-upgrade`` does it in all six cells,
and in two of them with policies that come by it.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

import pytest

from tests.cells.cells import CELLS
from tests.cells.scope import CHOSEN
from tests.cells.state import shapes, states
from tests.cluster.cluster import INTERNET, inventory, node
from tests.cluster.probes import PYTHON, differences, snapshots
from tests.loss.traffic import PORT, Flow, Loss, nothing_is_lost
from tests.masquerade.flows import flow, mirrors
from tests.masquerade.vpc import MIRROR
from tests.masquerade.vpc import THERE as SCRIPTS
from tests.scope import WHOLE

from .release import collection

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from tests.cluster.cluster import Cluster
    from tests.cluster.probes import Snapshot

#: Where policies come by the upgrade, and where it brings nothing but itself.
WITH_POLICIES = [CELLS[0], CELLS[-1]] if WHOLE else CELLS[:1]
PLAIN = CHOSEN if WHOLE else CELLS[-1:]

NODE = "10.111.0.11"

#: Pods by ``NODE/POD``; the service is that of the one on the other node.
HERE, BESIDE, THERE = "node-1/here", "node-1/beside", "node-2/there"
IPS = {HERE: "10.111.160.10", BESIDE: "10.111.160.11", THERE: "10.111.160.140"}
SERVICE, NODE_PORT, NODE_PORT_MIRROR = "10.10.0.80", 30080, 30081

#: New connections a second of each that opens some.
RATE = 20

VARIABLES = {
    "podnet_deployments": [],
    "podnet_masquerade": True,
    "podnet_non_masquerade_cidrs": ["10.0.0.0/8"],
    "podnet_service_cidr": "10.10.0.0/16",
    "podnet_services": [
        {
            "name": "app",
            "type": "NodePort",
            "cluster_ip": SERVICE,
            "ports": [
                {"name": "stream", "port": int(PORT), "node_port": NODE_PORT},
                {"name": "mirror", "port": MIRROR, "node_port": NODE_PORT_MIRROR},
                {
                    "name": "datagrams",
                    "port": MIRROR,
                    "protocol": "UDP",
                    "node_port": NODE_PORT_MIRROR,
                },
            ],
            "backends": [{"ip": IPS[THERE]}],
        }
    ],
}


ANY = [
    *({"port": int(port)} for port in (PORT, MIRROR)),
    {"port": MIRROR, "protocol": "UDP"},
]


def policy(app: str, *ingress: dict[str, Any]) -> dict[str, Any]:
    """Return a policy that isolates a pod in both directions, and lets it send what it likes."""
    spec = {"podSelector": {"matchLabels": {"app": app}}, "policyTypes": ["Ingress", "Egress"]}
    return {"name": app, "spec": {**spec, "ingress": list(ingress), "egress": [{}]}}


#: What ``here`` sends passes, and what the service is for; nobody else reaches a pod.
OF_HERE = {"from": [{"podSelector": {"matchLabels": {"app": "here"}}}]}
POLICIES = [policy("here"), policy("beside", OF_HERE), policy("there", OF_HERE, {"ports": ANY})]
#: An echo whose answer is on its way when its pod is selected is not known: see docs/policy.md.
ON_ITS_WAY = Loss(echoes=1, segments=0, stall=100)


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """Where ansible-playbook finds the last release."""
    return {"ANSIBLE_COLLECTIONS_PATH": str(collection(tmp_path_factory.mktemp("release")))}


@pytest.fixture(scope="module")
def lab(make_module_cluster):
    """A lab of two nodes."""
    pods = {name: [] for name in ("node-1", "node-2")}
    for place, ip in IPS.items():
        name, _slash, pod = place.partition("/")
        pods[name].append({"name": pod, "ip": ip, "labels": {"app": pod}})
    nodes = {
        name: node(number, podnet_pods=pods[name]) for number, name in enumerate(pods, start=11)
    }
    return make_module_cluster(inventory(nodes, outside=True, **VARIABLES))


@pytest.fixture
def bare(lab):
    """The lab, and what its nodes hold before anything is run."""
    return lab, snapshots(lab)


STREAMS = {
    "pod to pod on one node": Flow(HERE, BESIDE, IPS[BESIDE]),
    "pod to pod across nodes": Flow(HERE, THERE, IPS[THERE]),
    "pod to service": Flow(HERE, THERE, SERVICE, PORT, IPS[THERE]),
    "pod to outside": Flow(HERE, "internet", INTERNET),
    "outside to node port": Flow("internet", THERE, NODE, str(NODE_PORT), NODE),
}

#: By its name: which place opens one to which address and port.
OPENED = {
    "pod to outside": (HERE, INTERNET, MIRROR),
    "pod to service": (HERE, SERVICE, MIRROR),
    "outside to node port": ("internet", NODE, NODE_PORT_MIRROR),
}


@contextlib.contextmanager
def openers_succeed(cluster: Cluster) -> Iterator[None]:
    """Open and close flows all the time: none may fail, none need a segment twice."""
    takers = ("internet", THERE)
    with mirrors(cluster, *takers), contextlib.ExitStack() as stack:
        for place in takers:
            # Who hung up first waits for nothing: a node's port at random may be one that had that.
            cluster.exec(place, "sysctl", "-q", "net.ipv4.tcp_max_tw_buckets=0")
        processes = {}
        for name, (place, address, port) in OPENED.items():
            command = (*PYTHON, str(SCRIPTS / "churn.py"), address, str(port), str(RATE))
            processes[name] = stack.enter_context(cluster.start(place, *command))
            stack.callback(processes[name].kill)
        yield
        for name, process in processes.items():
            report = json.loads(process.communicate()[0])
            print(f"{name}: {report}")
            assert report["errors"] == {}, name
            assert report["resent"] == [], name
            assert sum(report["counts"].values()) > RATE, name


@pytest.mark.parametrize("cell", PLAIN, ids=str)
def test_an_upgrade_loses_nothing_and_leaves_nothing(cell, bare, release):
    cluster, before = bare
    cluster.variables.update(cell.variables)
    cluster.play("site", **release).ok()
    with (
        nothing_is_lost(cluster, of=STREAMS),
        openers_succeed(cluster),
        flow(cluster, HERE, "udp", INTERNET) as datagrams,
    ):
        told = datagrams.seen()
        assert told[0] == NODE
        assert cluster.play("site").ok().changed.keys() == cluster.nodes.keys()
        assert datagrams.seen() == told
    nothing_is_left(cluster, before)


def nothing_is_left(cluster: Cluster, before: dict[str, Snapshot]) -> None:
    """Fail unless nodes hold what a fresh install holds, and a teardown takes it away."""
    upgraded = states(cluster), shapes(cluster)
    cluster.play("teardown").ok()
    assert differences(before, snapshots(cluster)) == {}
    cluster.play("site").ok()
    assert differences(states(cluster), upgraded[0]) == {}
    assert shapes(cluster) == upgraded[1]
    # That a teardown takes this away, too, is shown in tests/cells and tests/cluster.
    cluster.down()
    cluster.up()


def echoes(cluster: Cluster, sender: str, receiver: str) -> bool:
    """Say whether a pod hears another one."""
    words = ("ping", "-n", "-c", "1", "-W", "1", IPS[receiver])
    return cluster.try_exec(sender, *words).returncode == 0


@pytest.mark.parametrize("cell", WITH_POLICIES, ids=str)
def test_an_upgrade_brings_policies_and_loses_nothing_that_they_allow(cell, bare, release):
    cluster, before = bare
    cluster.variables.update(cell.variables)
    cluster.play("site", **release).ok()
    assert echoes(cluster, BESIDE, THERE)
    with (
        nothing_is_lost(cluster, ON_ITS_WAY, of=STREAMS),
        openers_succeed(cluster),
        flow(cluster, HERE, "udp", INTERNET) as datagrams,
    ):
        told = datagrams.seen()
        cluster.variables["podnet_network_policies"] = POLICIES
        assert cluster.play("site").ok().changed.keys() == cluster.nodes.keys()
        assert datagrams.seen() == told
        assert [echoes(cluster, HERE, pod) for pod in (BESIDE, THERE)] == [True, True]
        assert [echoes(cluster, *pods) for pods in ((BESIDE, THERE), (THERE, HERE))] == [False] * 2
    assert cluster.play("site").ok().changed == {}
    nothing_is_left(cluster, before)
    del cluster.variables["podnet_network_policies"]
