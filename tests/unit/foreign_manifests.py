"""Manifests as clusters print them and projects write them: shapes, and ways to write them down.

Made for the tests: each shape stands for what many files have. A shape says which services are
planned of it, and which of its objects are passed over by name.
"""

from __future__ import annotations

import json
from typing import Any, Callable, NamedTuple

import yaml
from ansible_collections.podnet.fabric.plugins.plugin_utils import service_files


class Shape(NamedTuple):
    """One or a few documents.

    :param planned: services, by namespace/name, with the addresses of their backends.
    :param passed: what a warning names.
    """

    text: str
    planned: dict[str, list[str]]
    passed: tuple[str, ...] = ()


SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: web}
"""
SLICE = """\
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-abcde, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
"""
ONE = {"default/web": ["172.16.1.1"]}
NONE: dict[str, list[str]] = {"default/web": []}


def _with_slice(spec: str, rest: str = "") -> str:
    return f"""\
{SERVICE}spec: {spec}
{rest}---
{SLICE}endpoints: [{{addresses: [172.16.1.1]}}]
ports: [{{name: "", port: 8080, protocol: TCP}}]
"""


def _spec(
    spec: str, planned: dict[str, list[str]] | None = None, *passed: str, rest: str = ""
) -> Shape:
    return Shape(_with_slice(spec, rest), ONE if planned is None else planned, passed)


def _slice(endpoints: str, planned: dict[str, list[str]], *passed: str, **more: str) -> Shape:
    ports = more.get("ports", '[{name: "", port: 8080}]')
    text = f"{SERVICE}spec: {{ports: [{{port: 80}}]}}\n---\n{SLICE}"
    return Shape(f"{text}endpoints: {endpoints}\nports: {ports}\n", planned, passed)


def _endpoints(subsets: str, planned: dict[str, list[str]], *passed: str) -> Shape:
    text = f"{SERVICE}spec: {{ports: [{{port: 80}}]}}\n---\n"
    about = "apiVersion: v1\nkind: Endpoints\nmetadata: {name: web}\n"
    return Shape(f"{text}{about}subsets: {subsets}\n", planned, passed)


def _alone(about: str, *passed: str) -> Shape:
    return Shape(about, {}, passed)


LOAD_BALANCER = "{type: LoadBalancer, ports: [{port: 80}]}"

SHAPES = {
    # Services
    "least": _spec("{ports: [{port: 80}]}"),
    "null fields": _spec(
        "{ports: [{port: 80, name: null, targetPort: null, nodePort: null, protocol: null}], "
        "selector: null, clusterIP: null, externalIPs: null, type: null, sessionAffinity: null}",
        rest="status: null\n",
    ),
    "empty fields": _spec(
        '{ports: [{port: 80}], selector: {}, clusterIP: "", clusterIPs: [], externalIPs: [], '
        'loadBalancerIP: "", loadBalancerSourceRanges: [], sessionAffinityConfig: {}}',
        rest="status: {loadBalancer: {}}\n",
    ),
    "target port 0": _spec("{ports: [{port: 80, targetPort: 0}]}"),
    "target port 0 as text": _spec('{ports: [{port: 80, targetPort: "0"}]}'),
    "target port by name": _spec("{ports: [{port: 80, targetPort: http}]}"),
    "node port 0": _spec("{type: NodePort, ports: [{port: 80, nodePort: 0}]}"),
    "two families": _spec(
        '{clusterIP: 10.10.0.7, clusterIPs: [10.10.0.7, "fd00::7"], ipFamilies: [IPv4, IPv6], '
        "ipFamilyPolicy: PreferDualStack, ports: [{port: 80}]}",
        ONE,
        "Service default/web",
    ),
    "the other family first": _spec(
        '{clusterIP: "fd00::7", clusterIPs: ["fd00::7", 10.10.0.7], ports: [{port: 80}]}', ONE
    ),
    "the other family alone": _spec(
        '{clusterIP: "fd00::7", clusterIPs: ["fd00::7"], ports: [{port: 80}]}',
        {},
        "Service default/web",
    ),
    "the other family wanted": _spec(
        "{ipFamilies: [IPv6], ipFamilyPolicy: SingleStack, ports: [{port: 80}]}",
        {},
        "Service default/web",
    ),
    "headless": _spec("{clusterIP: None, clusterIPs: [None], ports: [{port: 80}]}"),
    "headless without ports": Shape(SERVICE + "spec: {clusterIP: None}\n", {"default/web": []}),
    "external addresses": _spec(
        '{externalIPs: [198.51.100.9, "2001:db8::9"], ports: [{port: 80}]}',
        ONE,
        "Service default/web",
    ),
    "ingress": _spec(
        LOAD_BALANCER,
        ONE,
        "Service default/web",
        rest='status: {loadBalancer: {ingress: [{ip: 203.0.113.200}, {ip: "2001:db8::200"}]}}\n',
    ),
    "ingress by name": _spec(
        LOAD_BALANCER, rest="status: {loadBalancer: {ingress: [{hostname: lb.example.net}]}}\n"
    ),
    "address of a load balancer that it has no more": _spec(
        "{loadBalancerIP: 203.0.113.200, ports: [{port: 80}]}"
    ),
    "source ranges": _spec(
        '{type: LoadBalancer, loadBalancerSourceRanges: [" 198.51.100.0/24", "192.0.2.7/24 ", '
        '"2001:db8::/32"], ports: [{port: 80}]}',
        ONE,
        "Service default/web",
    ),
    "source ranges of the other family": _spec(
        '{type: LoadBalancer, loadBalancerSourceRanges: ["::/0"], ports: [{port: 80}]}',
        ONE,
        "Service default/web",
    ),
    "SCTP and TCP": _spec(
        "{ports: [{name: s, port: 9, protocol: SCTP}, {name: '', port: 80}]}",
        ONE,
        "Service default/web",
    ),
    "SCTP": _spec("{ports: [{port: 9, protocol: SCTP}]}", {}, "Service default/web"),
    "a name elsewhere": _spec(
        "{type: ExternalName, externalName: db.example.net, ports: [{port: 5432}]}",
        {},
        "Service default/web",
    ),
    "a name elsewhere that says no more": Shape(
        SERVICE + "spec: {type: ExternalName, externalName: 10.0.0.1}\n",
        {},
        ("Service default/web",),
    ),
    "a numeric name": Shape(
        'apiVersion: v1\nkind: Service\nmetadata: {name: "100"}\nspec: {ports: [{port: 80}]}\n',
        {"default/100": []},
    ),
    "labels that are numbers": _spec("{selector: {app: 100, tier: '7'}, ports: [{port: 80}]}"),
    "labels that are null": _spec("{selector: {app: null}, ports: [{port: 80}]}"),
    "keys of others": _spec(
        "{ports: [{port: 80, appProtocol: http}], trafficDistribution: PreferClose, "
        "healthCheckNodePort: 31000, loadBalancerClass: example.net/x, topologyKeys: ['*'], "
        "sessionAffinity: None}",
    ),
    "a service of another group": Shape(
        "apiVersion: serving.example.dev/v1\nkind: Service\nmetadata: {name: app}\n"
        "spec: {template: {spec: {containers: [{image: x}]}}}\n",
        {},
        ("Service of serving.example.dev/v1 app",),
    ),
    # EndpointSlices
    "conditions": _slice(
        "[{addresses: [172.16.1.1], conditions: {ready: true}}, {addresses: [172.16.1.2], "
        "conditions: null}, {addresses: [172.16.1.3], conditions: {ready: false}}]",
        {"default/web": ["172.16.1.1", "172.16.1.2", "172.16.1.3"]},
    ),
    "nothing in it": _slice("null", NONE, ports="null"),
    "an endpoint without addresses": _slice("[{addresses: []}, {addresses: null}]", NONE),
    "topology": _slice(
        "[{addresses: [172.16.1.1], nodeName: node-7, zone: a, hostname: web-0, "
        "hints: {forZones: [{name: a}]}, targetRef: {kind: Pod, name: web-0}, "
        "deprecatedTopology: {zone: a}}]",
        ONE,
    ),
    "a slice of the other family": Shape(
        f"{SERVICE}spec: {{ports: [{{port: 80}}]}}\n---\n"
        + SLICE.replace("IPv4", "IPv6")
        + 'endpoints: [{addresses: ["fd00::8"]}]\n',
        NONE,
        ("EndpointSlice default/web-abcde",),
    ),
    "a slice of names": _alone(
        SLICE.replace("IPv4", "FQDN") + "endpoints: [{addresses: [db.example.net]}]\n",
        "EndpointSlice default/web-abcde",
    ),
    "a slice without a service": _alone(
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
        "metadata: {name: monitor-west, labels: {team: monitoring}}\naddressType: IPv4\n"
        "endpoints: [{addresses: [10.121.0.9]}]\nports: [{name: http, port: 8080}]\n",
        "EndpointSlice default/monitor-west",
    ),
    "a slice without labels": _alone(
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
        "metadata: {name: x, labels: null}\naddressType: IPv4\nendpoints: []\n",
        "EndpointSlice default/x",
    ),
    "a slice of an older version": Shape(
        f"{SERVICE}spec: {{ports: [{{port: 80}}]}}\n---\n"
        + SLICE.replace("v1\n", "v1beta1\n")
        + "endpoints: [{addresses: [172.16.1.1], topology: {kubernetes.io/hostname: node-1}}]\n"
        "ports: [{port: 8080}]\n",
        ONE,
    ),
    "ports of others in a slice": _slice(
        "[{addresses: [172.16.1.1]}]",
        ONE,
        ports="[{name: '', port: 8080}, {name: s, port: 9, protocol: SCTP}, {name: n, port: null}]",
    ),
    "a long name with dots": _alone(
        f"apiVersion: v1\nkind: Endpoints\nmetadata: {{name: {'a.' * 100}example.net}}\n",
        f"Endpoints default/{'a.' * 100}example.net",
    ),
    # Endpoints
    "endpoints": _endpoints("[{addresses: [{ip: 172.16.1.1}], ports: [{port: 8080}]}]", ONE),
    "endpoints of two families": _endpoints(
        '[{addresses: [{ip: 172.16.1.1}, {ip: "fd00::8"}], ports: [{port: 8080}]}]',
        ONE,
        "Endpoints default/web",
    ),
    "endpoints that are not ready": _endpoints(
        "[{notReadyAddresses: [{ip: 172.16.1.1}], addresses: null, ports: [{port: 8080}]}]", ONE
    ),
    "no endpoints": _endpoints("null", NONE),
    "leader election": _alone(
        "apiVersion: v1\nkind: Endpoints\nmetadata:\n  name: k8s.io-minikube-hostpath\n"
        "  namespace: kube-system\n  annotations:\n    control-plane.alpha.kubernetes.io/leader: "
        '\'{"holderIdentity":"x","leaseDurationSeconds":15}\'\n',
        "Endpoints kube-system/k8s.io-minikube-hostpath",
    ),
    # What is none of services
    "a definition with any YAML": _alone(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
        "metadata: {name: rules.example.net}\nspec:\n  operators: {enum: ['!=', '=', '=~']}\n"
        "  since: '2024-02-30'\n  window: '12:30:45'\n  empty: ~\n",
        "CustomResourceDefinition rules.example.net",
    ),
    "text with tabs in it": _alone(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: nginx, namespace: shop}\ndata:\n"
        "  nginx.conf: |\n    server {\n    \tlisten 80;\n    \tserver_name _;\n    }\n"
        "  Makefile: |-\n    all:\n    \techo ---\n",
        "ConfigMap shop/nginx",
    ),
    "a deployment": _alone(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"
        "spec: {replicas: 2, selector: {matchLabels: {app: web}}, template: {spec: null}}\n",
        "Deployment web",
    ),
    "without a name": _alone("apiVersion: v1\nkind: Secret\ndata: null\n", "Secret without a name"),
    "a kind that is called a list": _alone(
        "apiVersion: example.net/v1\nkind: AllowList\nmetadata: {name: a}\nitems: [one, two]\n",
        "AllowList a",
    ),
}

#: YAML that JSON does not have, each in an object of somebody else's.
ODD = {
    "the value tag": "enum: ['!=', =, =~]",
    "no date": "since: 2024-13-45",
    "a date": "since: 2024-10-28T15:00:00Z",
    "a tag": "name: !Ref Bucket",
    "tags of sequences and mappings": "a: !Sub [x, y]\nb: !Join {c: d}",
    "an object of Python's": "a: !!python/object/apply:os.system [id]",
    "no number": "a: !!int abc\nb: 0b_\nc: !!float x\nd: !!bool perhaps",
    "keys that are no texts": "? [a, b]\n: c\n? {d: e}\n: f\n1: g\ntrue: h\nnull: i",
    "a template's key": "a: {{ .Values.name }}",
    "a key that stands there twice": "spec: {a: 1, a: 2}",
    "a merge": "base: &base {a: 1}\nspec: {<<: *base, b: 2}",
    "sets": "a: !!set {x, y}\nb: !!omap [z: 1]",
}


def _yaml(documents: list[Any]) -> str:
    return yaml.safe_dump_all(documents, sort_keys=False)


def _anchors(documents: list[Any]) -> str:
    # One object twice is an anchor and an alias to YAML.
    about = {"team": "shop"}
    marked = [
        {**each, "metadata": {**each["metadata"], "annotations": about, "x": about}}
        if isinstance(each.get("metadata"), dict) and "annotations" not in each["metadata"]
        else each
        for each in documents
    ]
    return "".join("---\n" + yaml.safe_dump(each, sort_keys=False) for each in marked)


def _commented(documents: list[Any]) -> str:
    lines = _yaml(documents).splitlines()
    return "# Copyright of somebody\n\n" + "\n".join(
        f"{line}  # {number}" if line.rstrip().endswith(("}", "]")) else line
        for number, line in enumerate(lines)
    )


def _list(documents: list[Any]) -> str:
    whole = {"apiVersion": "v1", "kind": "List", "items": documents, "metadata": {}}
    return yaml.safe_dump(whole, sort_keys=False)


#: Ways to write documents down.
STYLES: dict[str, Callable[[list[Any]], str]] = {
    "plain": _yaml,
    "sorted, in the short form": lambda documents: yaml.safe_dump_all(
        documents, default_flow_style=True
    ),
    "JSON": lambda documents: "\n".join(json.dumps(each, indent="\t") for each in documents),
    "a List": _list,
    "Windows": lambda documents: "\ufeff" + _yaml(documents).replace("\n", "\r\n"),
    "empty documents": lambda documents: (
        "---\n---\n# nothing\n---\n"
        + "---\n---\nnull\n---\n{}\n---\n".join(_yaml([each]) for each in documents)
        + "...\n---\n"
    ),
    "comments": _commented,
    "anchors": _anchors,
}


def read(text: str, tmp: Any) -> list[Any]:
    """Return the documents of a file with this text."""
    path = tmp / "f.yaml"
    path.write_bytes(text.encode())
    return service_files.load("f.yaml", "x", lambda _name: str(path))["documents"]
