"""What `kubectl apply -f` takes: what becomes of each kind, what is passed over or refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.lab import images
from ansible_collections.podnet.fabric.plugins.module_utils.plan import inventory as variables
from ansible_collections.podnet.fabric.plugins.module_utils.plan import namespaces
from ansible_collections.podnet.fabric.plugins.module_utils.plan.planner import Plan, plan
from ansible_collections.podnet.fabric.plugins.plugin_utils import service_files
from planning import CLUSTER, NODES, World, fresh, inventory, pods
from service_planning import text
from test_plan_actions import Run

#: nginx-deployment.yaml of vks-cilium-vpc-native-routing.md, letter for letter.
WRITE_UP = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: nginx-app
spec:
  selector:
    matchLabels:
      app: nginx
  replicas: 20
  template:
    metadata:
      labels:
        app: nginx
    spec:
      containers:
      - name: nginx
        image: nginx:latest
        ports:
        - containerPort: 80
"""

#: One of each kind, as a person writes them, in one file.
SHOP = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: a}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, labels: {of: deployment}}
spec:
  replicas: 2
  selector:
    matchExpressions: [{key: app, operator: In, values: [web, www]}]
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: nginx
        args: [-q]
        ports: [{name: http, containerPort: 8080, hostPort: 0}, {containerPort: 9, protocol: SCTP}]
      - {name: log, image: busybox, command: [tail], args: [-f, /log], stdin: true}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
spec:
  nodeName: node-63344
  containers: [{name: db, image: "registry:5000/db:9"}]
---
apiVersion: v1
kind: Pod
metadata: {name: one}
spec: {containers: [{name: one, image: nginx}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: outside}
spec: {ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: outside-1, labels: {kubernetes.io/service-name: outside}}
addressType: IPv4
ports: [{port: 8080}]
endpoints: [{addresses: [10.111.0.10]}]
"""


def cluster(*given: Any, **others: Any) -> dict[str, dict[str, Any]]:
    with_services = {"podnet_service_cidr": "10.10.0.0/16", "podnet_deployments": []}
    return inventory(**{**with_services, "podnet_manifests": list(given), **others})


def planned(*given: Any, **others: Any) -> Plan:
    return plan(cluster(*given, **others), fresh(NODES))


def warned(*given: Any) -> list[str]:
    warnings: list[str] = planned(*given).cluster["warnings"]
    return warnings


def refused(*given: Any, **others: Any) -> list[str]:
    with pytest.raises(Failure) as failure:
        planned(*given, **others)
    problems = failure.value.details["problems"]
    assert isinstance(problems, list)
    return problems


def endpoints(result: Plan) -> dict[str, dict[str, Any]]:
    listed = (each for own in result.own.values() for each in own["endpoints"])
    return {each["name"]: each for each in listed if each["kind"] == "pod"}


def deployment(**spec: Any) -> dict[str, Any]:
    (manifest,) = service_files.documents(WRITE_UP, "")
    return {**manifest, "spec": {**manifest["spec"], **spec}}


def pod(name: str = "one", **spec: Any) -> dict[str, Any]:
    containers = [{"name": "c", "image": "nginx"}]
    about = {"name": name, "labels": {"app": "nginx"}}
    whole = {"containers": containers, **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": whole}


# What is read


def test_the_write_ups_deployment_is_the_demos():
    """The same pods at the same places with the same addresses, and an image for a command."""
    before = endpoints(plan(inventory(), fresh(NODES)))
    result = planned(text(WRITE_UP, "nginx-deployment.yaml"))
    after = endpoints(result)
    assert pods(result) == pods(plan(inventory(), fresh(NODES)))
    assert {name: each["labels"] for name, each in after.items()} == {
        name: each["labels"] for name, each in before.items()
    }
    assert after["nginx-app-20"]["containers"] == [{"name": "nginx", "image": "nginx:latest"}]
    assert result.cluster["warnings"] == []
    assert json.loads(json.dumps(result.own)) == result.own


def test_one_of_each_kind():
    result = planned(text(SHOP))
    found = endpoints(result)
    assert set(found) == {"shop_web-1", "shop_web-2", "shop_db", "one"}
    assert found["shop_web-1"]["labels"] == {"app": "web"}
    assert found["shop_web-1"]["containers"] == [
        {"name": "web", "image": "nginx", "args": ["-q"]},
        {"name": "log", "image": "busybox", "command": ["tail", "-f", "/log"]},
    ]
    assert pods(result)["shop_db"][0] == "node-63344"
    services = {each["name"]: each["ports"][0]["backends"] for each in result.services["demo"]}
    assert [(each["ip"], each["port"]) for each in services["default/outside"]] == [
        ("10.111.0.10", 8080)
    ]
    assert sorted(each["ip"] for each in services["shop/web"]) == sorted(
        found[name]["ip"] for name in ("shop_web-1", "shop_web-2")
    )
    assert {each["port"] for each in services["shop/web"]} == {8080}
    (read,) = variables.read(cluster(text(SHOP)))
    assert namespaces.labels(read, "shop")["team"] == "a"
    assert result.cluster["warnings"] == []


@pytest.mark.parametrize("form", ["List", "plain list", "mappings", "json"])
def test_every_way_to_put_manifests_together(form):
    documents = list(yaml.safe_load_all(SHOP))
    whole = {"apiVersion": "v1", "kind": "List", "items": documents}
    given = {
        "List": [whole],
        "plain list": [{"source": "a.yaml", "documents": [documents]}],
        "mappings": documents,
        "json": [text(json.dumps(whole))],
    }
    assert planned(*given[form]).own == planned(text(SHOP)).own


def test_a_pod_by_itself_stays_where_it_is():
    world = World(cluster(text(SHOP)))
    first = pods(world.run())
    assert pods(world.run()) == first
    assert first["one"][0] in NODES


def test_manifests_stand_beside_variables():
    own = [{"name": "nginx-app", "namespace": "shop", "replicas": 1}]
    found = pods(planned(text(WRITE_UP), podnet_deployments=own))
    assert len(found) == 21
    assert "shop_nginx-app-1" in found


def test_pods_of_manifests_are_in_namespaces_to_services():
    service = {"name": "web", "namespace": "shop", "selector": {"app": "nginx"}}
    given = {"podnet_services": [{**service, "ports": [{"port": 80}]}]}
    result = planned(text(WRITE_UP), **given)
    assert result.services["demo"][0]["ports"][0]["backends"] == []


# What is passed over


OTHERS = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader}
---
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: app}
---
apiVersion: v1
kind: ConfigMap
---
services: {web: {image: nginx}}
---
just words
"""
POLICY = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "db"},
    "spec": {"podSelector": {}},
}


def test_other_kinds_are_passed_over_by_name():
    assert warned(text(OTHERS, "others.yaml")) == [
        "others.yaml, document 5 is no document of Kubernetes'; it is passed over.",
        "others.yaml, document 6 is no document of Kubernetes'; it is passed over.",
        "podnet_manifests passes over kinds that the pod network does not read: ConfigMap "
        "shop/settings, without a name; ClusterRole reader; Service of serving.knative.dev/v1 app.",
    ]


def test_pods_in_the_network_of_their_node_are_passed_over_by_name():
    template = {**deployment()["spec"]["template"]}
    template["spec"] = {**template["spec"], "hostNetwork": True}
    result = planned(pod(hostNetwork=True), deployment(template=template))
    assert pods(result) == {}
    assert [said.split(" is in ")[0] for said in result.cluster["warnings"]] == [
        "podnet_manifests[0]: Pod default/one",
        "podnet_manifests[1]: Deployment default/nginx-app",
    ]


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_pods_that_have_ended_are_passed_over_by_name(phase):
    result = planned({**pod(), "status": {"phase": phase}}, {**pod("b"), "status": {}})
    assert list(pods(result)) == ["b"]
    assert result.cluster["warnings"] == [
        "podnet_manifests[0]: Pod default/one has ended; it is passed over."
    ]


@pytest.mark.parametrize("kind", ["Pod", "Deployment"])
def test_ports_of_a_node_at_ipv6_are_passed_over_by_name(kind):
    port = {"containerPort": 80, "hostPort": 80, "hostIP": "::"}
    spec = {"containers": [{"name": "nginx", "ports": [port]}]}
    item = pod(**spec) if kind == "Pod" else of_template(**spec)
    (warning,) = planned(item).cluster["warnings"]
    assert warning.startswith(f"podnet_manifests[0]: {kind} default/")
    assert warning.endswith(" has ports of its node at addresses of IPv6; they are passed over.")


def of_replica_set(name: str, replica_set: str, **about: Any) -> dict[str, Any]:
    """Return a pod as a cluster prints it beside its deployment."""
    made = pod(name, nodeName="node-e6e4d")
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": replica_set, "controller": True}
    made["metadata"] |= {"ownerReferences": [owner], **about}
    return made


def test_pods_beside_their_deployment_are_planned_once():
    found = [of_replica_set(f"nginx-app-7d9c5b68f-{each}", "nginx-app-7d9c5b68f") for each in "ab"]
    result = planned(*found, deployment(replicas=2))
    assert sorted(pods(result)) == ["nginx-app-1", "nginx-app-2"]
    assert result.cluster["warnings"] == [
        "podnet_manifests passes over Pod nginx-app-7d9c5b68f-a, nginx-app-7d9c5b68f-b: of the "
        "Deployment default/nginx-app, whose pods are planned by itself."
    ]


@pytest.mark.parametrize(
    "other",
    [
        of_replica_set("other", "other-7d9c5b68f"),
        of_replica_set("other", "nginx-app-7d9c5b68f", namespace="shop"),
        {**of_replica_set("other", "nginx-app-1"), "kind": "Pod", "metadata": {"name": "other"}},
    ],
    ids=["another deployment's", "another namespace's", "nobody's"],
)
def test_pods_of_no_deployment_that_is_given_are_pods(other):
    result = planned(other, deployment(replicas=1))
    assert len(pods(result)) == 2
    assert not [said for said in result.cluster["warnings"] if "passes over" in said]


# What is refused


def in_file(*documents: Any) -> dict[str, Any]:
    return {"source": "a.yaml", "documents": list(documents)}


def of_template(**spec: Any) -> dict[str, Any]:
    whole = {"containers": [{"name": "nginx"}], **spec}
    return deployment(template={"metadata": {"labels": {"app": "nginx"}}, "spec": whole})


LABEL = (
    "valid is a DNS-1123 label: lower-case letters, digits and '-', letters or digits at both "
    "ends, at most 63 characters."
)


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (
            deployment(replicas="many"),
            "Deployment default/nginx-app: spec.replicas is 'many'; valid is a whole number from 0 "
            "to 1000000.",
        ),
        (
            deployment(selector=None),
            "Deployment default/nginx-app: spec.selector is not set; valid is a mapping such as "
            "{matchLabels: {app: nginx}}.",
        ),
        (
            deployment(selector={"matchLabels": {"app": "other"}}),
            "Deployment default/nginx-app: spec.template.metadata.labels is {'app': 'nginx'}; "
            "valid is labels that spec.selector matches.",
        ),
        (
            deployment(selector={}),
            "Deployment default/nginx-app: spec.selector is {}; valid is a selector with a label.",
        ),
        (
            deployment(selector={"matchExpressions": [{"key": "app", "operator": "Is"}]}),
            "Deployment default/nginx-app: spec.selector.matchExpressions[0].operator is 'Is'; "
            "valid is In, NotIn, Exists or DoesNotExist.",
        ),
        (
            deployment(selector={"matchExpressions": [{"key": "app", "operator": "In"}]}),
            "Deployment default/nginx-app: spec.selector.matchExpressions[0].values is []; valid "
            "is a list of texts, which In needs.",
        ),
        (
            of_template(containers=[{"name": "nginx", "ports": [{"containerPort": 0}]}]),
            "Deployment default/nginx-app: "
            "spec.template.spec.containers[0].ports[0].containerPort is 0; valid is a whole number "
            "from 1 to 65535.",
        ),
        (
            of_template(containers=[{"name": "a"}, {"name": "a"}]),
            "Deployment default/nginx-app: spec.template.spec.containers[1].name is 'a'; valid is "
            "a name that no other container of the pod has.",
        ),
        (
            of_template(
                containers=[
                    {
                        "name": "a",
                        "ports": [{"containerPort": 9, "hostPort": 9, "protocol": "SCTP"}],
                    }
                ]
            ),
            "Deployment default/nginx-app: spec.template.spec.containers[0].ports[0].protocol is "
            "'SCTP'; valid is TCP or UDP for a port of the node.",
        ),
        (
            {**deployment(), "apiVersion": ""},
            "Deployment default/nginx-app: apiVersion is not set; valid is apps/v1.",
        ),
        (
            {**deployment(), "metadata": {}},
            "Deployment: metadata.name is not set; valid is a DNS-1123 name such as web.",
        ),
        (
            pod(nodeName="node-9"),
            "Pod default/one: spec.nodeName is 'node-9'; valid is node-e6e4d, node-63344 or "
            "node-39206, or none.",
        ),
        (pod(containers=[]), "Pod default/one: spec.containers is []; valid is a list such as "),
        (pod("Web"), "Pod default/Web: metadata.name is 'Web'; valid is a DNS-1123 name: "),
        (
            pod("podnet-health"),
            "Pod default/podnet-health has the name 'podnet-health', which is that of the health "
            "endpoint; valid is any other.",
        ),
        (
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a.b"}},
            f"Namespace a.b: metadata.name is 'a.b'; {LABEL}",
        ),
        (
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}},
            "Service default/web: spec is not set; valid is a mapping with the service's ports.",
        ),
    ],
)
def test_a_bad_manifest_is_named_with_file_document_and_field(document, sentence):
    assert refused(in_file(document))[0].startswith(f"a.yaml: {sentence}")
    assert refused(in_file(POLICY, document))[0].startswith(f"a.yaml, document 2: {sentence}")
    listed = {"kind": "List", "items": [POLICY, document]}
    assert refused(in_file(listed))[0].startswith(f"a.yaml, item 2: {sentence}")


@pytest.mark.parametrize(
    ("given", "others", "sentence"),
    [
        (
            [in_file(deployment()), in_file(deployment())],
            {},
            "a.yaml: Deployment default/nginx-app is given twice, as a.yaml: Deployment "
            "default/nginx-app before; each deployment is valid once.",
        ),
        (
            [in_file(deployment())],
            {"podnet_deployments": CLUSTER["podnet_deployments"]},
            "a.yaml: Deployment default/nginx-app is given twice, as an item of "
            "podnet_deployments, 'nginx-app', before; each deployment is valid once.",
        ),
        (
            [in_file(pod(), pod(nodeName="node-63344"))],
            {},
            "a.yaml, document 1: Pod default/one has the name 'one', which a.yaml, document 2: Pod "
            "default/one has too; each name is valid once in a cluster.",
        ),
        (
            [in_file(deployment(), pod("nginx-app-3"))],
            {},
            "a.yaml, document 2: Pod default/nginx-app-3 has the name 'nginx-app-3', which is a "
            "pod of deployment nginx-app too; each name is valid once in a cluster.",
        ),
        (
            [text(SHOP, "a.yaml")],
            {"podnet_namespaces": [{"name": "shop"}]},
            "a.yaml, document 1: Namespace shop is in podnet_namespaces, too; each name is "
            "valid once.",
        ),
    ],
    ids=["deployments", "an item", "pods", "a pod of a deployment", "namespaces"],
)
def test_namesakes_are_refused(given, others, sentence):
    assert refused(*given, **others) == [sentence]


# Files, through the action


def test_files_and_folders(tmp_path):
    shop, stock = tmp_path / "shop", tmp_path / "shop" / "stock"
    stock.mkdir(parents=True)
    (tmp_path / "nginx-deployment.yaml").write_text(WRITE_UP)
    (shop / "b.json").write_text(json.dumps(pod("second")))
    (shop / "a.yml").write_text(yaml.safe_dump(pod("first")))
    (shop / "notes.txt").write_text("}{")
    (stock / "c.yaml").write_text("}{")
    given = ["nginx-deployment.yaml", "shop/", yaml.safe_dump(pod("inline")), pod("item")]
    run = Run(
        tmp_path,
        {**CLUSTER, "podnet_deployments": [], "podnet_manifests": given},
        fresh(NODES),
    )
    assert run.status == 0, run.output
    names = {each["name"] for said in run.said.values() for each in said["node"]["endpoints"]}
    assert names - {f"nginx-app-{number}" for number in range(1, 21)} == {
        *("first", "second", "inline", "item"),
        "podnet-health",
    }


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "podnet_manifests[0] is 'shop', a folder without a file of .yaml, .yml, .json; "),
        ("a: b\n c: d\n", "podnet_manifests[0] (shop/a.yaml): line 2, column 3: mapping values "),
        (
            yaml.safe_dump_all([pod("x"), pod("Y")]),
            "shop/a.yaml, document 2: Pod default/Y: metadata.name is 'Y'; valid is ",
        ),
    ],
    ids=["empty", "no YAML", "no pod"],
)
def test_a_folder_that_cannot_be_read(tmp_path, content, sentence):
    (tmp_path / "shop").mkdir()
    if content is not None:
        (tmp_path / "shop/a.yaml").write_text(content)
    run = Run(tmp_path, {**CLUSTER, "podnet_manifests": ["shop"]}, fresh(NODES))
    assert run.status != 0
    assert sentence in run.output


#: The policies of kubernetes-network-model.md as they stand there: nothing ends the first.
RUN_TOGETHER = """\
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata:
  name: backend-access-ingress
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata:
  name: db-access-ingress
"""


def test_two_documents_that_run_together_are_refused(tmp_path):
    (tmp_path / "a.yaml").write_text(RUN_TOGETHER)
    sentence = (
        "line 5, column 1: the key 'kind' stands there twice (a document ends with ---); valid is "
        "YAML."
    )
    for given, where in (("a.yaml", "x (a.yaml)"), (RUN_TOGETHER, "x")):
        with pytest.raises(Failure) as failure:
            service_files.load_all(given, "x", lambda name: str(tmp_path / name))
        assert failure.value.message == f"{where}: {sentence}"
    merged = "a: &a {b: 1}\nc: {<<: *a, b: 2}\n"
    assert service_files.load_all(merged, "x", str)[0]["documents"] == [
        {"a": {"b": 1}, "c": {"b": 2}}
    ]


# Images in a lab


def command(image: str | None, **container: Any) -> Any:
    given = {"name": "c", **({"image": image} if image else {}), **container}
    table = {"nginx": ["nginx", "-q"], "a:5000/b/c": ["c"], "d:2": ["d2"], "d": ["d"]}
    (workload,) = images.workloads([{"name": "p", "containers": [given]}], table)
    assert (workload["pod"], workload["containers"][0]["name"]) == ("p", "c")
    return workload["containers"][0]["command"]


@pytest.mark.parametrize(
    ("image", "wanted"),
    [
        ("nginx", ["nginx", "-q"]),
        ("nginx:latest", ["nginx", "-q"]),
        ("docker.io/library/nginx:1.27@sha256:0123", ["nginx", "-q"]),
        ("a:5000/b/c:7", ["c"]),
        ("d:2", ["d2"]),
        ("d:3", ["d"]),
    ],
)
def test_the_command_of_an_image(image, wanted):
    assert command(image) == wanted
    assert command(image, args=["-x"]) == [*wanted, "-x"]
    assert command(image, command=["own"]) == ["own"]


@pytest.mark.parametrize(
    ("image", "shown"), [("redis:7", "the image 'redis:7'"), (None, "no image")]
)
def test_an_image_without_a_command(image, shown):
    with pytest.raises(Failure) as failure:
        command(image)
    assert failure.value.message.startswith(
        f"lab_images has no command for {shown} of container c of pod p; valid is "
    )


def test_pods_without_containers_run_nothing():
    assert images.workloads([{"name": "p", "containers": []}], {}) == []
