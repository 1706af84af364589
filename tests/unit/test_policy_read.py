"""NetworkPolicy as it is written: what is read of it, its defaults, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.podnet.fabric.plugins.module_utils.plan.kubernetes.documents import (
    sentence,
)
from ansible_collections.podnet.fabric.plugins.module_utils.plan.kubernetes.selectors import (
    selector,
)
from ansible_collections.podnet.fabric.plugins.module_utils.plan.policy import blocks, read
from ansible_collections.podnet.fabric.plugins.module_utils.plan.policy.model import (
    Peer,
    Policy,
    Port,
    Rule,
)
from ansible_collections.podnet.fabric.plugins.module_utils.plan.values import Invalid

OWN = selector({"matchLabels": {"kubernetes.io/metadata.name": "shop"}})
ALL, A_B = selector({}), selector({"matchLabels": {"a": "b"}})


def items(*listed: Any) -> tuple[list[Policy], list[str]]:
    problems: list[str] = []
    return list(read.items(listed, problems)), problems


def policy(spec: Any, **keys: Any) -> Policy:
    (found,), problems = items({"name": "p", "namespace": "shop", "spec": spec, **keys})
    assert problems == []
    return found


def refused(spec: Any, **keys: Any) -> str:
    found, (problem,) = items({"name": "p", "spec": spec, **keys})
    assert found == []
    return problem.removeprefix("podnet_network_policies default/p")


def document(**keys: Any) -> dict[str, Any]:
    about = {"name": "p", "namespace": "shop", "labels": {"a": "b"}}
    kind = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
    return {**kind, "metadata": about, "spec": {"podSelector": {}}, **keys}


# Which directions a policy isolates in


@pytest.mark.parametrize(
    ("spec", "ingress", "egress"),
    [
        ({}, (), None),
        ({"ingress": None, "egress": None}, (), None),
        ({"ingress": []}, (), None),
        ({"egress": []}, (), None),
        ({"egress": [{}]}, (), (Rule((), ()),)),
        ({"ingress": [{}]}, (Rule((), ()),), None),
        ({"policyTypes": []}, (), None),
        ({"policyTypes": ["Egress"]}, None, ()),
        ({"policyTypes": ["Egress"], "ingress": [{}]}, None, ()),
        ({"policyTypes": ["Ingress"], "egress": [{}]}, (), None),
        ({"policyTypes": ["Egress", "Ingress"]}, (), ()),
    ],
)
def test_types_and_their_defaults(spec, ingress, egress):
    found = policy({"podSelector": {}, **spec})
    assert (found.ingress, found.egress) == (ingress, egress)


# Peers and ports


@pytest.mark.parametrize(
    ("peer", "wanted"),
    [
        ({"podSelector": {"matchLabels": {"a": "b"}}}, Peer(OWN, A_B)),
        ({"podSelector": {}}, Peer(OWN, ALL)),
        ({"namespaceSelector": {}}, Peer(ALL, ALL)),
        ({"namespaceSelector": {}, "podSelector": {}}, Peer(ALL, ALL)),
        ({"ipBlock": {"cidr": "10.0.0.1/8"}}, Peer(block=blocks.block("10.0.0.0/8"))),
        (
            {"ipBlock": {"cidr": "fd00::/8", "except": ["fd00::/16"]}},
            Peer(block=blocks.block("fd00::/8"), excepts=frozenset([blocks.block("fd00::/16")])),
        ),
        (
            {"ipBlock": {"cidr": "::/0"}},
            Peer(block=blocks.EVERYTHING, excepts=frozenset([blocks.block("0.0.0.0/0")])),
        ),
    ],
)
def test_peers(peer, wanted):
    assert policy({"ingress": [{"from": [peer]}]}).ingress == (Rule((wanted,), ()),)
    assert policy({"egress": [{"to": [peer]}]}).egress == (Rule((wanted,), ()),)


def test_two_ways_to_say_a_selector_are_one():
    expression = {"key": "a", "operator": "In", "values": ["b"]}
    assert selector({"matchExpressions": [expression]}) == A_B


@pytest.mark.parametrize(
    ("port", "wanted"),
    [
        ({}, Port("TCP", 0, 65535)),
        ({"protocol": "SCTP"}, Port("SCTP", 0, 65535)),
        ({"port": 80}, Port("TCP", 80, 80)),
        ({"port": "80"}, Port("TCP", 80, 80)),
        ({"port": "http", "protocol": "UDP"}, Port("UDP", name="http")),
        ({"port": 80, "endPort": 80}, Port("TCP", 80, 80)),
        ({"port": 1, "endPort": 65535}, Port("TCP", 1, 65535)),
    ],
)
def test_ports(port, wanted):
    assert policy({"ingress": [{"ports": [port]}]}).ingress == (Rule((), (wanted,)),)


@pytest.mark.parametrize(
    ("expression", "matched"),
    [
        ({"key": "a", "operator": "In", "values": ["1", "2"]}, ["1", "2"]),
        ({"key": "a", "operator": "NotIn", "values": ["1"]}, ["2", "3", None]),
        ({"key": "a", "operator": "Exists"}, ["1", "2", "3"]),
        ({"key": "a", "operator": "DoesNotExist"}, [None]),
    ],
)
def test_expressions(expression, matched):
    given = selector({"matchExpressions": [expression]})
    found = [v for v in ("1", "2", "3", None) if given.matches({} if v is None else {"a": v})]
    assert found == matched


# Manifests


def test_a_manifest_is_the_same_as_an_item():
    spec = {"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}]}]}
    found = read.manifest(document(spec=spec, status={}), "a.yaml")
    item = policy(spec)
    assert (found.name, found.ingress, found.pods) == (item.name, item.ingress, item.pods)
    assert found.where == "a.yaml"


@pytest.mark.parametrize(
    ("value", "audit"),
    [
        *(("true", True), ("TRUE", True), ("Yes", True), ("false", False), ("no", False)),
        (None, False),
    ],
)
def test_audit_is_an_annotation(value, audit):
    about = {"name": "p", "annotations": {"podnet.fabric/audit": value, "other": "x"}}
    assert read.manifest(document(metadata=about), "").audit is audit
    assert policy({}, audit=audit).audit is audit


#: The second policy of kubernetes-network-model.md as it stands there.
WRITE_UP = """\
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata:
  name: db-access-ingress
spec:
  podSelector:
    matchLabels:
      app: myapp
      role: db
ingress:
  - from:
    - podSelector:
        matchLabels:
          app: myapp
          role: backend
"""


def test_rules_at_the_wrong_place_are_not_lost():
    with pytest.raises(Invalid) as invalid:
        read.manifest(yaml.safe_load(WRITE_UP), "a.yaml")
    assert sentence("a.yaml", invalid.value) == (
        "a.yaml has a key that is 'ingress'; valid is apiVersion, kind, metadata, spec or status "
        "as its keys."
    )


# What is refused


PEER = "podSelector, namespaceSelector or ipBlock"
CIDR = "a CIDR such as 10.0.0.0/8 or fd00::/8; names of domains are not supported."


@pytest.mark.parametrize(
    ("peer", "said"),
    [
        ({}, f" is {{}}; valid is {PEER}."),
        ({"domain": "a.example"}, f" has a key that is 'domain'; valid is {PEER} as its keys."),
        (
            {"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}},
            " is 'podSelector and ipBlock'; valid is ipBlock alone, or podSelector, "
            "namespaceSelector or both.",
        ),
        ({"ipBlock": {"cidr": "a.example"}}, f".ipBlock.cidr is 'a.example'; valid is {CIDR}"),
        ({"ipBlock": {"cidr": "10.0.0.1"}}, f".ipBlock.cidr is '10.0.0.1'; valid is {CIDR}"),
        ({"ipBlock": {"cidr": 10}}, f".ipBlock.cidr is 10; valid is {CIDR}"),
        ({"ipBlock": {}}, ".ipBlock.cidr is not set; valid is a CIDR such as 10.0.0.0/8."),
        (
            {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/16"]}},
            ".ipBlock.except[0] is '11.0.0.0/16'; valid is a CIDR within 10.0.0.0/8, and not all "
            "of it.",
        ),
        (
            {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16", "10.0.0.0/8"]}},
            ".ipBlock.except[1] is '10.0.0.0/8'; valid is a CIDR within 10.0.0.0/8, and not all of "
            "it.",
        ),
        (
            {"ipBlock": {"cidr": "::/0", "except": ["10.0.0.0/8"]}},
            ".ipBlock.except[0] is '10.0.0.0/8'; valid is a CIDR within ::/0, and not all of it.",
        ),
        (
            {"podSelector": {"matchExpressions": [{"key": "a", "operator": "In", "values": []}]}},
            ".podSelector.matchExpressions[0].values is []; valid is a list of texts, which In "
            "needs.",
        ),
        (
            {
                "podSelector": {
                    "matchExpressions": [{"key": "a", "operator": "Exists", "values": ["x"]}]
                }
            },
            ".podSelector.matchExpressions[0].values is ['x']; valid is none, since Exists has no "
            "values.",
        ),
        (
            {"namespaceSelector": {"matchLabel": {}}},
            ".namespaceSelector has a key that is 'matchLabel'; valid is matchLabels or "
            "matchExpressions as its keys.",
        ),
        (None, f" is None; valid is a mapping of {PEER.replace(' or', ',')}."),
    ],
)
def test_peers_that_are_none(peer, said):
    assert refused({"ingress": [{"from": [peer]}]}) == f".spec.ingress[0].from[0]{said}"


@pytest.mark.parametrize(
    ("port", "said"),
    [
        ({"port": 0}, ".port is 0; valid is a whole number from 1 to 65535."),
        ({"port": "HTTP"}, ".port is 'HTTP'; valid is a name such as http: "),
        ({"protocol": "ICMP"}, ".protocol is 'ICMP'; valid is TCP, UDP or SCTP."),
        ({"endPort": 80}, ".port is not set; valid is a number beside endPort."),
        ({"port": "http", "endPort": 80}, ".port is 'http'; valid is a number beside endPort."),
        (
            {"port": 80, "endPort": 79},
            ".endPort is 79; valid is a port from 80, which is port, to 65535.",
        ),
        ({"ports": [80]}, " has a key that is 'ports'; valid is protocol, port or endPort as "),
    ],
)
def test_ports_that_are_none(port, said):
    assert refused({"egress": [{"ports": [port]}]}).startswith(f".spec.egress[0].ports[0]{said}")


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (
            {"spec": {"policyTypes": ["ingress"]}},
            ".spec.policyTypes[0] is 'ingress'; valid is Ingress or Egress.",
        ),
        (
            {"spec": {"ingres": []}},
            ".spec has a key that is 'ingres'; valid is podSelector, ingress, egress or "
            "policyTypes as its keys.",
        ),
        (
            {"spec": {"ingress": [{"to": []}]}},
            ".spec.ingress[0] has a key that is 'to'; valid is from or ports as its keys.",
        ),
        (
            {"spec": {"ingress": [{"http": {}}]}},
            ".spec.ingress[0] has a key that is 'http'; valid is from or ports as its keys.",
        ),
        (
            {"spec": None},
            ".spec is not set; valid is the spec of a NetworkPolicy, a mapping with podSelector.",
        ),
        ({"spec": {}, "audit": "maybe"}, ".audit is 'maybe'; valid is true or false."),
    ],
)
def test_policies_that_are_none(item, said):
    assert refused(**item) == said
