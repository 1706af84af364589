"""Namespaces: pods of one name in several, services that see their own, and clusters without."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils import names
from ansible_collections.podnet.fabric.plugins.module_utils.endpoints import wanted
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.plan import inventory as variables
from ansible_collections.podnet.fabric.plugins.module_utils.plan import namespaces
from ansible_collections.podnet.fabric.plugins.module_utils.plan.planner import plan
from planning import NODES, World, fresh, inventory, pods
from service_planning import WEB_1, WEB_2, planned, services

NODE = wanted.Node("10.111.160.126", "0e:58:0a:6f:a0:7e", [], 1500, "/pin", "auto")
APPS = [
    {"name": "web", "replicas": 2, "labels": {"app": "web"}, "command": ["nginx"]},
    {"name": "web", "namespace": "shop", "replicas": 3, "labels": {"app": "web"}},
]
SHOP = {"name": "shop", "labels": {"team": "a"}}


def cluster(**given: Any) -> dict[str, dict[str, Any]]:
    return inventory(**{"podnet_deployments": APPS, **given})


def labels(name: str, **given: Any) -> Any:
    (read,) = variables.read(cluster(**given))
    return namespaces.labels(read, name)


def refused(nodes: Any) -> list[str]:
    with pytest.raises(Failure) as failure:
        plan(nodes, fresh(nodes))
    problems = failure.value.details["problems"]
    assert isinstance(problems, list)
    return problems


# Pods


def test_pods_of_one_name_in_two_namespaces_are_two_pods():
    nodes = cluster()
    nodes["node-63344"]["podnet_pods"] = [{"name": "db"}, {"name": "db", "namespace": "shop"}]
    found = pods(plan(nodes, fresh(nodes)))
    assert set(found) == {
        *("web-1", "web-2", "shop_web-1", "shop_web-2", "shop_web-3"),
        *("db", "shop_db"),
    }
    assert len({ip for _node, ip in found.values()}) == 7
    assert found["db"][0] == found["shop_db"][0] == "node-63344"


def test_no_two_pods_share_the_name_of_a_device_or_of_a_network_namespace():
    result = plan(cluster(), fresh(NODES))
    for own in result.own.values():
        words = ("name", "ip", "mac")
        listed = [wanted.Endpoint(*(e[word] for word in words)) for e in own["endpoints"]]
        wanted.check(listed, NODE)
        assert len({one.device for one in listed}) == len(listed)
        assert len({one.namespace for one in listed}) == len(listed)
        assert [names.parse_alias(one.alias) for one in listed] == [
            ("endpoint", one.name) for one in listed
        ]


def test_the_namespace_default_is_that_of_who_names_none():
    named = [{**APPS[0], "namespace": "default"}]
    before = plan(cluster(podnet_deployments=APPS[:1]), fresh(NODES))
    after = plan(cluster(podnet_deployments=named), fresh(NODES))
    assert (after.own, after.common) == (before.own, before.common)
    for own in after.own.values():
        assert not [each for each in own["endpoints"] if "_" in each["name"]]


def test_a_standing_cluster_keeps_its_pods_when_namesakes_join():
    world = World(cluster(podnet_deployments=APPS[:1]))
    before = pods(world.run())
    world.nodes = cluster()
    after = pods(world.run())
    assert before.items() <= after.items()
    assert len(after) == 5
    assert pods(world.run()) == after


def test_the_containers_keep_their_short_name():
    nodes = cluster(podnet_deployments=[{**APPS[0], "namespace": "shop", "replicas": 1}])
    (pod,) = [
        each
        for own in plan(nodes, fresh(nodes)).own.values()
        for each in own["endpoints"]
        if each["kind"] == "pod"
    ]
    assert (pod["name"], pod["containers"][0]["name"]) == ("shop_web-1", "web")


def test_the_name_of_the_health_endpoint_is_free_in_other_namespaces():
    nodes = cluster()
    nodes["node-63344"]["podnet_pods"] = [{"name": "podnet-health", "namespace": "shop"}]
    assert "shop_podnet-health" in pods(plan(nodes, fresh(nodes)))


# Labels


def test_labels_of_namespaces():
    given = {"podnet_namespaces": [SHOP]}
    name = "kubernetes.io/metadata.name"
    assert labels("shop", **given) == {"team": "a", name: "shop"}
    assert labels("default", **given) == {name: "default"}
    assert labels("gone") == {name: "gone"}
    same = {"name": "shop", "labels": {name: "shop"}}
    assert labels("shop", podnet_namespaces=[same]) == {name: "shop"}


def test_a_namespace_that_the_list_lacks_is_a_warning():
    result = plan(cluster(podnet_namespaces=[{"name": "shpo"}]), fresh(NODES))
    assert result.cluster["warnings"] == [
        "podnet_namespaces does not have shop, the namespace of shop_web-2, shop_web-3, "
        "shop_web-1; it has no label but its name."
    ]
    for given in ({}, {"podnet_namespaces": [SHOP]}):
        assert plan(cluster(**given), fresh(NODES)).cluster["warnings"] == []


# Services


WEB = {"selector": {"app": "webpod"}, "ports": [{"port": 80}]}
OTHER = {"k8s-s": [{"name": "web", "namespace": "shop", "labels": {"app": "webpod"}}]}


def backends(*items: dict[str, Any], **given: Any) -> dict[str, list[Any]]:
    result = services(planned(*items, **given))
    return {name: each["ports"][0]["backends"] for name, each in result.items()}


def test_a_service_selects_pods_of_its_own_namespace():
    items = [{"name": "web", **WEB}, {"name": "web", "namespace": "shop", **WEB}]
    found = backends(*items, pods=OTHER)
    assert found["default/web"] == [WEB_1, WEB_2]
    assert [each["node"] for each in found["shop/web"]] == ["k8s-s"]


def test_a_service_without_pods_in_its_namespace_says_so():
    item = {"name": "web", "namespace": "bank", **WEB}
    assert planned(item, pods=OTHER).cluster["warnings"] == [
        "podnet_services bank/web has no backends: its selector app=webpod matches no pod of the "
        "namespace bank."
    ]


def test_where_nothing_names_a_namespace_services_select_all_pods_as_before():
    item = {"name": "web", "namespace": "shop", **WEB}
    assert backends(item)["shop/web"] == [WEB_1, WEB_2]
    assert backends(item, podnet_namespaces=[SHOP])["shop/web"] == []


# What is refused


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"podnet_namespaces": [SHOP, {"name": "shop"}]},
            "podnet_namespaces has the name 'shop' twice; each name is valid once.",
        ),
        (
            {"podnet_namespaces": [{"name": "a.b"}]},
            "podnet_namespaces[0].name is 'a.b'; valid is a DNS-1123 label: lower-case letters, "
            "digits and '-', letters or digits at both ends, at most 63 characters.",
        ),
        (
            {
                "podnet_namespaces": [
                    {"name": "shop", "labels": {"kubernetes.io/metadata.name": "bank"}}
                ]
            },
            "podnet_namespaces[0].labels.kubernetes.io/metadata.name is 'bank'; valid is shop, its "
            "name, or none.",
        ),
        (
            {"podnet_deployments": [{"name": "web", "namespace": "Shop"}]},
            "podnet_deployments[0].namespace is 'Shop'; valid is a DNS-1123 label: lower-case "
            "letters, digits and '-', letters or digits at both ends, at most 63 characters.",
        ),
        (
            {"podnet_deployments": [APPS[1], APPS[1]]},
            "podnet_deployments has the name 'shop_web' twice; each name is valid once.",
        ),
        (
            {"podnet_pods": [{"name": f"{'a' * 63}.{'a' * 63}.{'a' * 63}", "namespace": "b" * 63}]},
            f"podnet_pods[0].name of node-e6e4d is '{'a' * 63}.{'a' * 12}...; valid is a name that "
            "has with its namespace at most 238 characters.",
        ),
    ],
    ids=["twice", "no label", "another name", "no namespace", "namesakes", "too long"],
)
def test_what_is_refused(given, sentence):
    assert refused(cluster(**given))[0] == sentence
