"""Network policies in the plan of a cluster: from variables and manifests to tables."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.engine import addresses
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.plan import files
from ansible_collections.podnet.fabric.plugins.module_utils.plan.planner import Plan, plan
from ansible_collections.podnet.fabric.plugins.module_utils.plan.policy import blocks, tables
from ansible_collections.podnet.fabric.plugins.module_utils.plan.policy.verdict import Judge
from ansible_collections.podnet.fabric.plugins.module_utils.policy import wanted, wire
from ansible_collections.podnet.fabric.plugins.module_utils.reports import status
from planning import NODES, fresh, inventory, pods
from test_policy_tables import ROLES, WRITE_UP

APPS = [
    {"name": role, "replicas": 6, "labels": {"app": "myapp", "role": role}, "command": ["nginx"]}
    for role in ROLES
]
MANIFESTS = [
    {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": each["name"]},
        "spec": each["spec"],
    }
    for each in WRITE_UP
]


def cluster(**given: Any) -> dict[str, dict[str, Any]]:
    return inventory(**{"podnet_deployments": APPS, **given})


def planned(seen: Any = None, **given: Any) -> Plan:
    return plan(cluster(**given), fresh(NODES) if seen is None else seen)


def refused(seen: Any = None, **given: Any) -> list[str]:
    with pytest.raises(Failure) as failure:
        planned(seen, **given)
    problems = failure.value.details["problems"]
    assert isinstance(problems, list)
    return problems


def standing(result: Plan, names: Any) -> dict[str, Any]:
    """Return what nodes are observed to hold once a plan is applied."""
    held = result.policies["demo"].classes.entries
    return {
        name: {
            "pod_cidr": own["pod_cidr"],
            "peers": {each["pod_cidr"]: each["node_ip"] for each in result.node(name)["peers"]},
            "endpoints": {each["name"]: each["ip"] for each in own["endpoints"]},
            "policy_classes": {str(block): number for block, number in held.items()},
        }
        for name in names
        if (own := result.own[name])
    }


def test_the_plan_has_the_tables_of_variables_and_manifests():
    result = planned(podnet_network_policies=WRITE_UP)
    held = result.policies["demo"]
    judge = Judge(held)
    at = {name: blocks.address(ip) for name, (_node, ip) in pods(result).items()}
    allowed = {
        (one, other)
        for one in ROLES
        for other in ROLES
        if judge.allows((f"{one}-1", at[f"{one}-1"]), (f"{other}-2", at[f"{other}-2"]), 6, 80)
    }
    assert allowed == {
        *(("web", "web"), ("backend", "web"), ("db", "web")),
        *(("web", "backend"), ("backend", "db")),
    }
    assert planned(podnet_manifests=MANIFESTS).policies["demo"] == held


def test_a_node_knows_which_of_its_pods_a_policy_selects():
    result = planned(podnet_network_policies=WRITE_UP)
    assert result.cluster["warnings"] == []
    assert result.cluster["policies"] == 2
    assert "Network policies:       2" in status.render(result.cluster).splitlines()
    selected = set()
    for name in NODES:
        node = result.node(name)
        assert node["policies"] == 2
        mine = {one["name"] for one in node["endpoints"] if one["isolated"]}
        assert node["isolation"] == bool(mine)
        selected |= mine
    assert {name.rpartition("-")[0] for name in selected} == {"backend", "db"}
    assert len(selected) == 12
    without = planned()
    assert without.policies == {}
    for name in NODES:
        node = without.node(name)
        assert (node["policies"], node["isolation"]) == (0, False)
        assert not any(one["isolated"] for one in node["endpoints"])


def test_a_node_gets_the_classes_of_its_cluster_and_the_sets_of_its_own_pods(tmp_path):
    result = planned(podnet_network_policies=WRITE_UP)
    files.write(result, str(tmp_path))
    held = result.policies["demo"]
    for name in NODES:
        found = wanted.read(wire.unpack(files.read_policies(str(tmp_path), name)))
        assert found.partition == held.classes.number
        assert len(found.classes) == len(held.classes.entries)
        own = [one for one in result.node(name)["endpoints"] if one["isolated"]]
        assert {addresses.text(ip): [*numbers][1:] for ip, numbers in found.pods.items()} == {
            one["ip"]: [*held.pods[one["name"]]] for one in own
        }
        assert set(found.sets) == set(held.of_node(one["name"] for one in own))
        for number, each in found.sets.items():
            assert len(each.entries) == len(held.sets[number].entries)
            assert each.name == " ".join((each.direction, *held.sets[number].policies))
    assert "default/db-access-ingress ingress[0]" in found.rules.values()
    without = tmp_path / "without"
    without.mkdir()
    files.write(planned(), str(without))
    assert files.read_policies(str(without), next(iter(NODES))) == []


def test_with_limit_the_pods_of_other_nodes_keep_their_classes():
    given = {"podnet_network_policies": WRITE_UP}
    whole = planned(**given)
    for asked in NODES:
        part = planned(standing(whole, [asked]), **given).policies["demo"]
        assert part.classes.entries == whole.policies["demo"].classes.entries
        assert part.classes.lost == ()


def test_with_limit_policies_that_tell_other_pods_apart_are_refused():
    whole = planned(podnet_network_policies=WRITE_UP)
    peer = {"podSelector": {"matchLabels": {"role": "db"}}}
    other = {"name": "other", "spec": {"podSelector": {}, "ingress": [{"from": [peer]}]}}
    given = {"podnet_network_policies": [*WRITE_UP, other]}
    (sentence,) = refused(standing(whole, ["node-63344"]), **given)
    assert sentence == (
        "The policies tell pods in 10.111.160.0/25, 10.111.161.0/25 apart (the labels {'app': "
        "'myapp', 'role': 'db'}), and no node that this run asked knows their addresses; valid is "
        "a run that asks all nodes, or the policies of the last one that did."
    )
    down = {**standing(whole, ["node-63344"]), "node-e6e4d": None, "node-39206": None}
    assert planned(down, **given).cluster["warnings"][-1] == (
        "The policies tell pods in 10.111.160.0/25, 10.111.161.0/25 apart (the labels {'app': "
        "'myapp', 'role': 'db'}), and no node that answered knows their addresses; rules that mean "
        "them do not let them through until their node answers."
    )
    assert planned(standing(whole, NODES), **given).policies["demo"].classes.lost == ()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"podnet_network_policies": [*WRITE_UP, WRITE_UP[0]]},
            "podnet_network_policies default/backend-access-ingress is given twice, as "
            "podnet_network_policies default/backend-access-ingress before; each policy is valid "
            "once.",
        ),
        (
            {"podnet_network_policies": WRITE_UP[:1], "podnet_manifests": MANIFESTS[:1]},
            "podnet_manifests[0]: NetworkPolicy default/backend-access-ingress is given twice, as "
            "podnet_network_policies default/backend-access-ingress before; each policy is valid "
            "once.",
        ),
        (
            {"podnet_manifests": [{**MANIFESTS[0], "ingress": []}]},
            "podnet_manifests[0]: NetworkPolicy default/backend-access-ingress has a key that is "
            "'ingress'; valid is apiVersion, kind, metadata, spec or status as its keys.",
        ),
        (
            {"podnet_network_policies": "deny"},
            "podnet_network_policies is 'deny'; valid is a list.",
        ),
    ],
)
def test_what_is_refused(given, sentence):
    assert refused(**given) == [sentence]


def test_what_does_not_fit_fails_the_plan(monkeypatch):
    monkeypatch.setattr(tables, "RULE_ENTRIES", 1)
    (first, *_others) = refused(podnet_network_policies=WRITE_UP)
    assert first.startswith("The policies of pods of node-e6e4d make 2 entries: ")


@pytest.mark.parametrize(
    ("spec", "namespace", "said"),
    [
        ({"podSelector": {}}, "dta", "dta/mine: it selects no pod of the namespace dta."),
        (
            {"podSelector": {"matchLabels": {"rloe": "db"}}},
            "default",
            "default/mine: it selects no pod of the namespace default.",
        ),
        (
            {"ingress": [{}, {"from": [{"podSelector": {"matchLabels": {"role": "bd"}}}]}]},
            "default",
            "default/mine ingress[1]: its peers are no pod of the cluster.",
        ),
        (
            {"egress": [{"to": [{"namespaceSelector": {"matchLabels": {"team": "x"}}}]}]},
            "default",
            "default/mine egress[0]: its peers are no pod of the cluster.",
        ),
        (
            {"ingress": [{"ports": [{"port": "htpp"}]}]},
            "default",
            "default/mine ingress[0]: none of the pods has a port htpp of TCP.",
        ),
        ({"ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]}, "default", None),
        ({"ingress": [{"from": [{"podSelector": {}}]}], "egress": [{}]}, "default", None),
    ],
)
def test_what_means_nobody_is_said(spec, namespace, said):
    policy = {"name": "mine", "namespace": namespace, "spec": spec}
    found = planned(podnet_network_policies=[policy]).clusters["demo"]["warnings"]
    about = [one for one in found if one.startswith("podnet_network_policies")]
    assert about == ([] if said is None else [f"podnet_network_policies {said}"])
