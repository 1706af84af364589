"""Kubernetes manifests as services: what is read of them, what is passed over, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.plan.services import given
from ansible_collections.podnet.fabric.plugins.plugin_utils import service_files
from service_planning import MANIFEST, WEB_1, WEB_2, planned, refused, services, text


def service(name: str = "web", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"ports": [{"name": "http", "port": 80}], **spec},
    }


def slice_of(*endpoints: dict[str, Any], name: str = "web-1", **keys: Any) -> dict[str, Any]:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": name, "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        "endpoints": list(endpoints),
        **keys,
    }


def endpoint(ip: str, **keys: Any) -> dict[str, Any]:
    return {"addresses": [ip], **keys}


def from_manifests(*manifests: Any, **variables: Any):
    return planned(podnet_service_manifests=list(manifests), **variables)


def web(*manifests: Any, **variables: Any) -> dict[str, Any]:
    return services(from_manifests(*manifests, **variables))["default/web"]


def backends(*manifests: Any, port: int = 0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = web(*manifests)["ports"][port]["backends"]
    return found


def states(*manifests: Any) -> dict[str, str]:
    return {each["ip"]: each["state"] for each in backends(*manifests)}


#: As `kubectl get service -o yaml` prints it, with what the cluster added.
PRINTED = """\
apiVersion: v1
kind: Service
metadata:
  annotations: {podnet.fabric/algorithm: maglev, other/annotation: "yes"}
  creationTimestamp: "2024-10-28T15:00:00Z"
  labels: {app: web}
  name: web
  namespace: shop
  resourceVersion: "4711"
  uid: 7d2c1c0e-0000-4000-8000-000000000000
spec:
  allocateLoadBalancerNodePorts: true
  clusterIP: 10.10.0.7
  clusterIPs: [10.10.0.7, "fd00::7"]
  externalIPs: [198.51.100.9]
  externalTrafficPolicy: Local
  internalTrafficPolicy: Cluster
  ipFamilies: [IPv4, IPv6]
  ipFamilyPolicy: PreferDualStack
  loadBalancerSourceRanges: [198.51.100.0/24]
  ports:
  - {name: http, nodePort: 30080, port: 80, protocol: TCP, targetPort: 80, appProtocol: http}
  - {name: dns, nodePort: 30053, port: 53, protocol: UDP, targetPort: 53}
  selector: {app: webpod}
  sessionAffinity: ClientIP
  sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}}
  type: LoadBalancer
status:
  loadBalancer:
    ingress: [{ip: 203.0.113.9, ipMode: VIP}, {hostname: lb.example}]
"""


def test_what_kubectl_prints():
    result = from_manifests(text(PRINTED), podnet_load_balancer_cidrs=["203.0.113.0/28"])
    assert result.services["default"] == [
        {
            "name": "shop/web",
            "type": "LoadBalancer",
            "cluster_ip": "10.10.0.7",
            "cluster_ip_allocated": False,
            "external_ips": ["198.51.100.9"],
            "load_balancer_ips": ["203.0.113.9"],
            "load_balancer_ips_allocated": False,
            "source_ranges": ["198.51.100.0/24"],
            "internal_traffic_policy": "Cluster",
            "external_traffic_policy": "Local",
            "session_affinity": 60,
            "algorithm": "maglev",
            "ports": [
                {
                    "name": "http",
                    "protocol": "TCP",
                    "port": 80,
                    "node_port": 30080,
                    "node_port_allocated": False,
                    "backends": [WEB_1, WEB_2],
                },
                {
                    "name": "dns",
                    "protocol": "UDP",
                    "port": 53,
                    "node_port": 30053,
                    "node_port_allocated": False,
                    "backends": [{**WEB_1, "port": 53}, {**WEB_2, "port": 53}],
                },
            ],
        }
    ]


def test_defaults_of_a_service():
    item = {**service(selector={"app": "webpod"}), "spec": {"ports": [{"port": 80}]}}
    result = web(item)
    assert (result["type"], result["session_affinity"], result["algorithm"]) == (
        "ClusterIP",
        0,
        "random",
    )
    assert [(p["name"], p["protocol"], p["port"]) for p in result["ports"]] == [("", "TCP", 80)]
    assert web(service(sessionAffinity="ClientIP"))["session_affinity"] == 10800


@pytest.mark.parametrize("key", ["clusterIP", "clusterIPs"])
def test_none_is_a_headless_service(key):
    result = web(service(**{key: "None" if key == "clusterIP" else ["None"]}))
    assert result["cluster_ip"] is None


def test_the_first_ipv4_address_of_two_families_counts():
    result = web(service(clusterIP="fd00::7", clusterIPs=["fd00::7", "10.10.0.7"]))
    assert result["cluster_ip"] == "10.10.0.7"


def test_the_address_of_the_spec_where_the_status_has_none():
    cidrs = ["203.0.113.0/28"]
    item = service(type="LoadBalancer", loadBalancerIP="203.0.113.9")
    assert web(item, podnet_load_balancer_cidrs=cidrs)["load_balancer_ips"] == ["203.0.113.9"]
    item["status"] = {"loadBalancer": {}}
    assert web(item, podnet_load_balancer_cidrs=cidrs)["load_balancer_ips"] == ["203.0.113.9"]
    item["status"] = {"loadBalancer": {"ingress": [{"ip": "203.0.113.8"}, {"ip": "203.0.113.7"}]}}
    result = web(item, podnet_load_balancer_cidrs=cidrs)
    assert result["load_balancer_ips"] == ["203.0.113.8", "203.0.113.7"]
    assert result["load_balancer_ips_allocated"] is False


def test_a_load_balancer_without_node_ports():
    item = service(type="LoadBalancer", allocateLoadBalancerNodePorts=False)
    assert web(item)["ports"][0]["node_port"] is None
    node_port = web(service(type="NodePort", allocateLoadBalancerNodePorts=False))["ports"][0]
    assert node_port["node_port_allocated"] is True


@pytest.mark.parametrize(
    "whole",
    [
        [service("a"), service("web")],
        [{"kind": "List", "items": [service("a"), service("web")]}],
        [{"kind": "ServiceList", "items": [service("a"), {**service("web"), "kind": "Service"}]}],
        [
            {
                "kind": "ServiceList",
                "items": [{k: v for k, v in service("web").items() if k != "kind"}],
            }
        ],
        [[service("a"), service("web")]],
        [{"source": "svc.yml", "documents": [[service("a")], service("web"), None]}],
        [text("---\n---\n" + MANIFEST + "---\n" + yaml.safe_dump(service("web")))],
    ],
    ids=["two", "List", "ServiceList", "without kind", "a list", "documents", "text"],
)
def test_every_way_to_put_manifests_together(whole):
    assert "default/web" in services(from_manifests(*whole))


def test_other_kinds_are_passed_over():
    others = [{"kind": "Pod", "spec": 1}, {"kind": "ConfigMap"}]
    result = from_manifests(*others, service("web", selector={"app": "webpod"}))
    assert list(services(result)) == ["default/web"]
    assert result.cluster["warnings"] == [
        "Passed over are kinds that are neither services nor their backends: Pod without a name; "
        "ConfigMap without a name."
    ]


def test_a_service_that_is_a_name_is_passed_over_and_said():
    item = service(type="ExternalName", externalName="db.example")
    result = from_manifests({"source": "svc.yml", "documents": [item]})
    assert services(result) == {}
    assert result.cluster["warnings"] == [
        "Passed over are services of type ExternalName, which are a matter of DNS: Service "
        "default/web."
    ]


# EndpointSlices


def test_conditions_are_states():
    def ready(**conditions: Any) -> dict[str, Any]:
        return {"conditions": conditions}

    found = states(
        service(),
        slice_of(
            endpoint("172.16.1.1"),
            endpoint("172.16.1.2", conditions={}),
            endpoint("172.16.1.3", **ready(ready=True, serving=True, terminating=False)),
            endpoint("172.16.1.4", **ready(ready=False, serving=True, terminating=True)),
            endpoint("172.16.1.5", **ready(ready=False, serving=False, terminating=True)),
            endpoint("172.16.1.6", **ready(ready=False)),
            endpoint("172.16.1.7", **ready(ready=None, serving=None)),
            endpoint("172.16.1.8", **ready(ready=True, serving=True, terminating=True)),
            endpoint("172.16.1.9", **ready(terminating=True)),
        ),
    )
    assert found == {
        "172.16.1.1": "active",
        "172.16.1.2": "active",
        "172.16.1.3": "active",
        "172.16.1.4": "terminating",
        "172.16.1.5": "quarantined",
        "172.16.1.6": "quarantined",
        "172.16.1.7": "active",
        "172.16.1.8": "active",
        "172.16.1.9": "terminating",
    }


@pytest.mark.parametrize(
    ("given", "warning"),
    [
        (
            [{"ready": False, "terminating": True}, {"ready": False}],
            "has for http/TCP only backends that are terminating; these take new connections until "
            "one is active.",
        ),
        (
            [{"ready": False, "serving": False, "terminating": True}, {"ready": False}],
            "has no backends that take new connections for http/TCP: none is active or "
            "terminating.",
        ),
        ([{"ready": False, "terminating": True}, {}], None),
    ],
    ids=["terminating", "none", "one is ready"],
)
def test_a_service_without_active_backends_is_said(given, warning):
    ends = [endpoint(f"172.16.1.{n}", conditions=each) for n, each in enumerate(given, 1)]
    warnings = from_manifests(service(), slice_of(*ends)).cluster["warnings"]
    whose = "podnet_service_manifests[0]: Service default/web"
    assert warnings == ([] if warning is None else [f"{whose} {warning}"])


def test_those_that_are_not_ready_count_where_a_service_publishes_them():
    given_slice = slice_of(
        endpoint("172.16.1.1", conditions={"ready": False}),
        endpoint("172.16.1.2", conditions={"ready": False, "terminating": True}),
    )
    assert states(service(publishNotReadyAddresses=True), given_slice) == {
        "172.16.1.1": "active",
        "172.16.1.2": "terminating",
    }


def test_the_node_of_an_endpoint_by_name_or_by_address():
    found = backends(
        service(),
        slice_of(
            endpoint("172.16.1.1", nodeName="k8s-w2"),
            endpoint("172.16.1.2", nodeName="some-other-cluster"),
            endpoint("172.16.2.3"),
        ),
    )
    assert [(each["ip"], each["node"]) for each in found] == [
        ("172.16.1.1", "k8s-w2"),
        ("172.16.1.2", "k8s-w1"),
        ("172.16.2.3", "k8s-w2"),
    ]


def test_ports_are_matched_by_name_and_protocol():
    dns = {"name": "http", "port": 53, "protocol": "UDP"}
    item = service(ports=[{"name": "http", "port": 80}, {"name": "dns", "port": 53}])
    given_slice = slice_of(endpoint("172.16.1.1"), ports=[dns, {"name": "http", "port": 8080}])
    result = from_manifests(item, given_slice)
    ports = services(result)["default/web"]["ports"]
    assert [each["port"] for each in ports[0]["backends"]] == [8080]
    assert ports[1]["backends"] == []
    assert result.cluster["warnings"] == [
        "podnet_service_manifests[0]: Service default/web has no backends for dns/TCP."
    ]


def test_slices_of_one_service_come_together_and_those_of_another_family_do_not():
    found = backends(
        service(),
        slice_of(endpoint("172.16.1.2")),
        slice_of(endpoint("172.16.1.1"), name="web-2", ports=[{"name": "http", "port": 9090}]),
        slice_of(endpoint("fd00::1"), name="web-3", addressType="IPv6"),
        slice_of(endpoint("web.example"), name="web-4", addressType="FQDN"),
    )
    assert [(each["ip"], each["port"]) for each in found] == [
        ("172.16.1.1", 9090),
        ("172.16.1.2", 8080),
    ]


def test_slices_count_and_the_selector_does_not():
    item = service(selector={"app": "webpod"})
    assert [each["ip"] for each in backends(item, slice_of(endpoint("172.16.1.1")))] == [
        "172.16.1.1"
    ]
    assert backends(item, slice_of(endpoints=None)) == []


def test_slices_of_a_service_that_is_an_item():
    item = {"name": "web", "ports": [{"name": "http", "port": 80}]}
    result = planned(item, podnet_service_manifests=[slice_of(endpoint("172.16.1.1"))])
    found = services(result)["default/web"]["ports"][0]["backends"]
    assert [(each["ip"], each["port"]) for each in found] == [("172.16.1.1", 8080)]


def test_slices_of_no_service_are_a_warning():
    labels = {"kubernetes.io/service-name": "gone"}
    stray = slice_of(metadata={"name": "gone-1", "labels": labels})
    assert from_manifests(stray).cluster["warnings"] == [
        "EndpointSlice default/gone-1 belongs to no service that was given."
    ]
    assert from_manifests(stray, {"kind": "Endpoints", "metadata": {"name": "x"}}).cluster[
        "warnings"
    ] == ["EndpointSlice default/gone-1, Endpoints default/x belong to no service that was given."]


# Endpoints


ENDPOINTS = {
    "kind": "Endpoints",
    "metadata": {"name": "web"},
    "subsets": [
        {
            "addresses": [{"ip": "172.16.1.1", "nodeName": "k8s-w2"}, {"ip": "172.16.1.2"}],
            "notReadyAddresses": [{"ip": "172.16.1.3", "targetRef": {"kind": "Pod"}}],
            "ports": [{"name": "http", "port": 8080}],
        },
        {"addresses": [{"ip": "172.16.1.4"}], "ports": [{"name": "http", "port": 9090}]},
        {"addresses": [{"ip": "172.16.1.5"}], "ports": None},
    ],
}


def test_endpoints():
    found = backends(service(), ENDPOINTS)
    assert [(each["ip"], each["port"], each["node"], each["state"]) for each in found] == [
        ("172.16.1.1", 8080, "k8s-w2", "active"),
        ("172.16.1.2", 8080, "k8s-w1", "active"),
        ("172.16.1.3", 8080, "k8s-w1", "quarantined"),
        ("172.16.1.4", 9090, "k8s-w1", "active"),
    ]


def test_endpoints_beside_slices_are_a_copy_of_them():
    assert list(states(service(), slice_of(endpoint("172.16.1.9")), ENDPOINTS)) == ["172.16.1.9"]


# What is refused


@pytest.mark.parametrize(
    ("manifest", "sentence"),
    [
        (
            service(ports=[{"port": 70000}]),
            "svc.yml: Service default/web: spec.ports[0].port is 70000; valid is a whole number "
            "from 1 to 65535.",
        ),
        (
            service(ports=[{"port": 80, "protocol": "HTTP"}]),
            "svc.yml: Service default/web: spec.ports[0].protocol is 'HTTP'; valid is TCP, UDP or "
            "SCTP.",
        ),
        (
            service(clusterIP="10.11.0.1"),
            "svc.yml: Service default/web has the cluster IP 10.11.0.1, which lies outside "
            "podnet_service_cidr 10.10.0.0/16; valid is an address of it, or none, and one is "
            "chosen.",
        ),
        (
            service(type="NodePort", ports=[{"port": 80, "nodePort": 80}]),
            "svc.yml: Service default/web has the node port 80; valid is a port from 30000 to "
            "32767.",
        ),
        (
            service(clusterIP="fd00::z"),
            "svc.yml: Service default/web: spec.clusterIP is 'fd00::z'; valid is an address such "
            "as 10.111.0.8 or fd00::8.",
        ),
        (
            service(type="Internal"),
            "svc.yml: Service default/web: spec.type is 'Internal'; valid is ClusterIP, NodePort, "
            "LoadBalancer or ExternalName.",
        ),
        (
            {"kind": "Service", "metadata": {"name": "web"}},
            "svc.yml: Service default/web: spec is not set; valid is a mapping with the service's "
            "ports.",
        ),
        (
            {"kind": "Service", "spec": {}},
            "svc.yml: Service: metadata is not set; valid is a mapping with the service's name.",
        ),
        (
            {
                **service(),
                "metadata": {"name": "web", "annotations": {"podnet.fabric/algorithm": "x"}},
            },
            "svc.yml: Service default/web: metadata.annotations.podnet.fabric/algorithm is 'x'; "
            "valid is random or maglev.",
        ),
        (
            slice_of(endpoint("172.16.1")),
            "svc.yml: EndpointSlice default/web-1: endpoints[0].addresses[0] is '172.16.1'; valid "
            "is an IPv4 address such as 10.111.0.8.",
        ),
        (
            slice_of(metadata={"name": "Web"}),
            "svc.yml: EndpointSlice default/Web: metadata.name is 'Web'; valid is a DNS-1123 name: "
            "lower-case letters, digits, '-' and '.', letters or digits at both ends, at most 253 "
            "characters.",
        ),
        (
            {**ENDPOINTS, "subsets": [{"addresses": [{}]}]},
            "svc.yml: Endpoints default/web: subsets[0].addresses[0].ip is not set; valid is an "
            "IPv4 address.",
        ),
        (
            "web",
            "svc.yml is 'web'; valid is a Kubernetes manifest, a mapping with apiVersion, kind and "
            "metadata.",
        ),
    ],
)
def test_a_bad_manifest_is_named_with_its_file(manifest, sentence):
    source = {"source": "svc.yml", "documents": [manifest]}
    assert refused(podnet_service_manifests=[source]) == [sentence]


def test_a_service_in_two_files():
    files = [{"source": name, "documents": [service()]} for name in ("a.yml", "b.yml")]
    assert refused(podnet_service_manifests=files) == [
        "b.yml: Service default/web is given twice, as a.yml: Service default/web before; each "
        "service is valid once."
    ]


# Files


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (
            "kind: Service\nspec: [1,\n---\n",
            "svc.yml: line 3, column 1: did not find expected node content; valid is YAML.",
        ),
        (
            "a: b\n c: d\n",
            "svc.yml: line 2, column 3: mapping values are not allowed in this context; valid is "
            "YAML.",
        ),
        (
            "a: *b\n",
            "svc.yml: line 1, column 4: found undefined alias; valid is YAML.",
        ),
    ],
)
def test_what_is_no_yaml_is_told_with_its_line(wrong, sentence):
    with pytest.raises(Failure) as failure:
        service_files.documents(wrong, "svc.yml")
    assert failure.value.message == sentence


def test_json_and_yaml_in_the_short_form():
    assert service_files.documents('{"kind": "Service"}', "a") == [{"kind": "Service"}]
    assert service_files.documents("{kind: Service}", "a") == [{"kind": "Service"}]


def test_a_name_is_a_file_and_lines_are_yaml(tmp_path):
    file = tmp_path / "svc.yml"
    file.write_text(MANIFEST)
    found = service_files.load("svc.yml", "src", lambda name: str(tmp_path / name))
    assert found == {"source": "svc.yml", "documents": [yaml.safe_load(MANIFEST)]}
    inline = service_files.load(
        MANIFEST, "src[0]", lambda name: pytest.fail("a file was looked for")
    )
    assert inline == {"source": "src[0]", "documents": [yaml.safe_load(MANIFEST)]}


@pytest.mark.parametrize("content", [None, b"\xff\xfe"], ids=["absent", "no text"])
def test_a_file_that_cannot_be_read(tmp_path, content):
    file = tmp_path / "svc.yml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(Failure, match=r"src is 'svc\.yml', which cannot be read: "):
        service_files.load("svc.yml", "src", lambda name: str(file))


# Without a plan


def loaded(*documents: Any) -> list[dict[str, Any]]:
    return [{"source": "svc.yml", "documents": list(documents)}]


ITEM = {"name": "web", "cluster_ip": "10.10.0.7", "ports": [{"name": "http", "port": 80}]}


@pytest.mark.parametrize(
    "document", [[ITEM], {"podnet_services": [ITEM]}], ids=["list", "variable"]
)
def test_services_of_a_file_need_no_plan(document):
    items = given.settled(loaded(document, slice_of(endpoint("172.16.1.1", nodeName="a"))))
    (found,) = items.services
    assert (found["name"], found["cluster_ip"]) == ("default/web", "10.10.0.7")
    assert found["ports"][0]["backends"] == [
        {"ip": "172.16.1.1", "port": 8080, "node": "a", "state": "active"}
    ]


def test_nothing_is_chosen_without_a_plan():
    item = {**ITEM, "type": "LoadBalancer", "load_balancer_ip": "203.0.113.9"}
    (found,) = given.settled(loaded([item])).services
    assert found["ports"][0]["node_port"] is None
    assert found["load_balancer_ips"] == ["203.0.113.9"]
    with pytest.raises(Failure) as failure:
        given.settled(loaded([{**ITEM, "cluster_ip": ""}]))
    assert failure.value.message == (
        "svc.yml default/web has no cluster IP; valid is an IPv4 address, or None."
    )


def test_what_is_wrong_in_a_file_without_a_plan():
    with pytest.raises(Failure) as failure:
        given.settled(loaded([{**ITEM, "ports": [{"port": 0}]}], service(type="x"), 7))
    assert failure.value.message.splitlines() == [
        "svc.yml default/web.ports[0].port is 0; valid is a whole number from 1 to 65535.",
        "svc.yml: Service default/web: spec.type is 'x'; valid is ClusterIP, NodePort, "
        "LoadBalancer or ExternalName.",
        "svc.yml is 7; valid is a Kubernetes manifest, a mapping with apiVersion, kind and "
        "metadata.",
    ]
