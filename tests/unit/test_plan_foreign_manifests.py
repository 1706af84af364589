"""Files of other people's: each object is planned, or passed over by name, and nothing stops."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.plan.kubernetes import (
    manifests as all_kinds,
)
from ansible_collections.podnet.fabric.plugins.module_utils.plan.prefix import text as address
from ansible_collections.podnet.fabric.plugins.module_utils.plan.services import manifests
from ansible_collections.podnet.fabric.plugins.plugin_utils import service_files
from foreign_manifests import ODD, SHAPES, STYLES, Shape, read
from service_planning import planned, services

SHOP = "kind: Service\nmetadata: {name: shop}\nspec: {selector: {app: webpod}, ports: [{port: 80}]}"


def found_in(given: list[Any]) -> tuple[dict[str, list[str]], list[str]]:
    problems: list[str] = []
    found = manifests.read([{"source": "f.yaml", "documents": given}], [], problems)
    assert problems == []
    backends = {
        each.name: [address(backend.ip) for backend in each.backends or ()]
        for each in found.services
    }
    return backends, found.warnings


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_manifest_is_planned_or_passed_over_by_name(tmp_path, shape, style):
    wanted: Shape = SHAPES[shape]
    written = STYLES[style](list(yaml.safe_load_all(wanted.text)))
    backends, warnings = found_in(read(written, tmp_path))
    assert backends == wanted.planned
    for name in wanted.passed:
        assert any(name in said for said in warnings), warnings
    if not wanted.planned:
        assert wanted.passed  # nothing goes without a word


def test_there_are_a_few_hundred():
    assert len(SHAPES) * len(STYLES) > 300


@pytest.mark.parametrize("style", STYLES)
def test_all_of_them_in_one_plan(tmp_path, style):
    """Each in a namespace of its own, beside a service of ours."""
    documents: list[Any] = []
    for number, shape in enumerate(SHAPES.values()):
        for document in yaml.safe_load_all(shape.text):
            about = document.get("metadata") or {}
            document["metadata"] = {**about, "namespace": f"n{number}"}
            for key in ("clusterIP", "clusterIPs", "externalIPs"):
                if "None" not in str((document.get("spec") or {}).get(key)):
                    (document.get("spec") or {}).pop(key, None)
            document.pop("status", None)
            documents.append(document)
    files = [
        {"source": "f.yaml", "documents": read(STYLES[style](documents), tmp_path)},
        {"source": "shop.yaml", "documents": list(yaml.safe_load_all(SHOP))},
    ]
    result = planned(
        podnet_service_manifests=files, podnet_load_balancer_cidrs=["203.0.113.192/26"]
    )
    shop = services(result)["default/shop"]
    assert [each["ip"] for each in shop["ports"][0]["backends"]] == ["172.16.1.235", "172.16.2.253"]
    # A service whose one address of the other family was taken away above is one as any other.
    kept = {"the other family alone"}
    wanted = {
        f"n{number}/{name.partition('/')[2]}"
        for number, (title, shape) in enumerate(SHAPES.items())
        for name in (shape.planned or ({"default/web": []} if title in kept else {}))
    }
    assert set(services(result)) == {*wanted, "default/shop"}


@pytest.mark.parametrize("odd", ODD)
def test_yaml_of_somebody_elses_stops_nothing(odd):
    text = f"kind: Rule\nmetadata: {{name: odd}}\n{ODD[odd]}\n---\n{SHOP}\n"
    for loader in (service_files.Loader, service_files.UniqueKeys):
        backends, warnings = found_in(service_files.documents(text, "f.yaml", loader))
        assert backends == {"default/shop": []}
        assert warnings == [
            "Passed over are kinds that are neither services nor their backends: Rule odd."
        ]


def test_yaml_of_somebody_elses_stops_no_manifest_of_any_kind():
    shop = SHOP.replace("kind", "apiVersion: v1\nkind", 1)
    text = "---\n".join(f"kind: Rule\nmetadata: {{name: odd}}\n{each}\n" for each in ODD.values())
    problems: list[str] = []
    loaded = service_files.load_all(f"{text}---\n{shop}\n", "podnet_manifests[0]", str)
    found = all_kinds.read(loaded, problems)
    assert (problems, len(found.services)) == ([], 1)
    assert found.warnings == [
        "podnet_manifests passes over kinds that the pod network does not read: Rule odd, odd, odd "
        f"and {len(ODD) - 3} more."
    ]


def test_a_key_twice_in_what_is_read_is_refused():
    text = f"{SHOP}\n---\nkind: Service\nmetadata: {{name: a, name: b}}\n"
    with pytest.raises(Failure, match="line 6, column 21: the key 'name' stands there twice"):
        service_files.documents(text, "f.yaml", service_files.UniqueKeys)


def test_a_tag_in_a_field_that_counts_is_refused_by_its_name():
    text = SHOP.replace("webpod", "!vault x")
    problems: list[str] = []
    manifests.read(
        [{"source": "f.yaml", "documents": service_files.documents(text, "f.yaml")}], [], problems
    )
    assert problems == [
        "f.yaml: Service default/shop: spec.selector is {'app': <a value tagged !vault>}; valid is "
        "a mapping of texts such as {'app': 'nginx'}."
    ]


def load_balancer(**spec: Any) -> dict[str, Any]:
    annotations = spec.pop("annotations", {})
    return {
        "kind": "Service",
        "metadata": {"name": "web", "annotations": annotations},
        "spec": {"type": "LoadBalancer", "ports": [{"port": 80}], **spec},
    }


ANNOTATION = "service.beta.kubernetes.io/load-balancer-source-ranges"


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"loadBalancerSourceRanges": [" 198.51.100.0/24"]}, ["198.51.100.0/24"]),
        ({"loadBalancerSourceRanges": ["198.51.100.7/24"]}, ["198.51.100.0/24"]),
        ({"loadBalancerSourceRanges": ["2001:db8::/32", "192.0.2.0/24"]}, ["192.0.2.0/24"]),
        # Of IPv6 alone: nobody, not everybody.
        ({"loadBalancerSourceRanges": ["2001:db8::/32"]}, ["0.0.0.0/32"]),
        ({"annotations": {ANNOTATION: "192.0.2.0/24, 198.51.100.0/24"}}, 2),
        (
            {
                "annotations": {ANNOTATION: "192.0.2.0/24"},
                "loadBalancerSourceRanges": ["203.0.113.0/24"],
            },
            ["203.0.113.0/24"],
        ),
        ({}, []),
    ],
)
def test_who_may_come_from_outside(given, wanted):
    result = planned(podnet_service_manifests=[load_balancer(**given)])
    found = services(result)["default/web"]["source_ranges"]
    assert found == wanted if isinstance(wanted, list) else len(found) == wanted


@pytest.mark.parametrize("wrong", ["198.51.100.0", "x/8", "198.51.100.0/33", "fd00::z/8", 7])
def test_a_source_range_that_is_none_is_refused(wrong):
    problems: list[str] = []
    manifests.read([load_balancer(loadBalancerSourceRanges=[wrong])], [], problems)
    assert problems == [
        "podnet_service_manifests[0]: Service default/web: spec.loadBalancerSourceRanges[0] is "
        f"{wrong!r}; valid is a CIDR such as 198.51.100.0/24."
    ]


def test_an_address_that_is_none_of_either_family_is_refused():
    problems: list[str] = []
    manifests.read([load_balancer(externalIPs=["fd00::z"])], [], problems)
    assert problems == [
        "podnet_service_manifests[0]: Service default/web: spec.externalIPs[0] is 'fd00::z'; valid "
        "is an address such as 10.111.0.8 or fd00::8."
    ]
