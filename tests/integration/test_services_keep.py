"""services: what a run knows nothing of stays, so that a run with --limit cuts no connection."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import tasks
from ansible_collections.podnet.fabric.plugins.module_utils.services import wire
from node_support import bare_node, plan
from running import run

HERE, THERE, BEYOND = "172.16.0.0/24", "172.16.1.0/24", "172.16.2.0/24"


@pytest.fixture(scope="module", autouse=True)
def _node():
    with bare_node():
        run("bpf_map", maps=tasks.build(plan())["maps"])
        yield


@pytest.fixture(autouse=True)
def _empty():
    yield
    run("services", services=[], purge=True)


def backend(ip: str, state: str = "active") -> dict[str, Any]:
    return {"ip": ip, "port": 80, "node": None, "state": state}


def web(*backends: dict[str, Any], keep: Any = (), **changed: Any) -> dict[str, Any]:
    return {
        "name": "default/web",
        "type": "NodePort",
        "cluster_ip": "10.10.0.7",
        "ports": [
            {"name": "", "protocol": "TCP", "port": 80, "node_port": 30080, "backends": [*backends]}
        ],
        "keep": [{"cidr": cidr, "state": state} for cidr, state in dict(keep).items()],
        **changed,
    }


def apply(*services: dict[str, Any]) -> Any:
    return run("services", _services=wire.pack(list(services)), node="here", purge=True)


def held() -> dict[str, str]:
    """State of each backend at the cluster IP."""
    (one,) = [each for each in run("services_info")["services"] if each["type"] == "ClusterIP"]
    return {each["address"].partition(":")[0]: each["state"] for each in one["backends"]}


ALL = [
    backend("172.16.0.5"),
    backend("172.16.1.4", "terminating"),
    backend("172.16.1.5"),
    backend("172.16.2.5"),
    backend("172.16.3.5"),
]


def test_backends_of_nodes_that_are_unknown_stay_and_others_do_not():
    apply(web(*ALL))
    done = apply(web(backend("172.16.0.9"), keep={THERE: "active", BEYOND: "terminating"}))
    assert done["changed"] is True
    assert held() == {
        "172.16.0.9": "active",
        "172.16.1.5": "active",
        "172.16.1.4": "terminating",
        "172.16.2.5": "terminating",
    }


def test_backends_of_a_node_that_does_not_answer_take_nothing_new_though_no_other_is_left():
    apply(web(ALL[2]))
    for _run in range(2):  # nor do they by the state that the first run left
        apply(web(keep={THERE: "terminating"}))
        assert held() == {"172.16.1.5": "terminating"}


def test_a_run_that_is_limited_changes_nothing_where_nothing_changed():
    everything = [ALL[0], ALL[1], ALL[2]]
    apply(web(*everything))
    assert apply(web(ALL[0], keep={THERE: "active"}))["changed"] is False
    assert apply(web(*everything))["changed"] is False


def test_what_is_listed_counts_and_not_what_is_held():
    apply(web(*ALL[:3]))
    apply(web(ALL[0], backend("172.16.1.5", "terminating"), keep={THERE: "active"}))
    assert held() == {
        "172.16.0.5": "active",
        "172.16.1.4": "terminating",
        "172.16.1.5": "terminating",
    }


def test_a_service_that_is_new_has_nothing_to_keep():
    apply(web(*ALL, name="default/other"))
    apply(web(ALL[0], keep={THERE: "active"}))
    assert held() == {"172.16.0.5": "active"}
