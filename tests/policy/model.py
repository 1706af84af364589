# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a case of policies is made of: what there is at first, and what each of its steps changes.

There are namespaces x, y and z with pods a, b and c in each, labelled ``ns`` and ``pod`` after
their names. Each pod serves TCP, UDP and SCTP on 80 and 81, and has a name for each of the six.

What there is stands in one dict, and a step is a dict of what is another then; None: it is gone.

* ``("namespace", "x")``: its labels.
* ``("pod", "x/a")``: its labels. ``x/d`` and ``w/a`` can be made, too; until then they are
  addresses like those outside.
* ``("policy", "x/NAME")``: its spec, as Kubernetes has it.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Union

from tests.unit.policy_evaluator import World

Labels = dict[str, str]
Key = tuple[str, str]
Step = dict[Key, Union[dict[str, Any], None]]
Spec = dict[str, Any]
Peer = dict[str, Any]

PROTOCOLS = ("TCP", "UDP", "SCTP")
PORTS = (80, 81)

#: By the name of the pod; each on its node, three on each.
ADDRESSES = {
    "x/a": "10.111.160.24",
    "x/b": "10.111.160.153",
    "x/c": "10.111.161.26",
    "y/a": "10.111.160.160",
    "y/b": "10.111.161.33",
    "y/c": "10.111.160.34",
    "z/a": "10.111.161.40",
    "z/b": "10.111.160.41",
    "z/c": "10.111.160.170",
    "x/d": "10.111.160.27",
    "w/a": "10.111.160.182",
}
NODES = {
    "node-1": ("x/a", "y/c", "z/b", "x/d"),
    "node-2": ("x/b", "y/a", "z/c", "w/a"),
    "node-3": ("x/c", "y/b", "z/a"),
}
LATER = ("x/d", "w/a")

BEGINNING: Step = {
    **{("namespace", space): {"ns": space} for space in "xyz"},
    **{("pod", name): {"pod": name[2]} for name in ADDRESSES if name not in LATER},
}


class Case(NamedTuple):
    """``kind/name`` is its own; every pair is probed after each step."""

    kind: str
    name: str
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        """Return what a test of it is called."""
        return f"{self.kind}/{self.name}"


def port_names() -> list[tuple[str, str, int]]:
    """Return what each pod calls its ports: name, protocol, number."""
    return [
        (f"serve-{port}-{protocol.lower()}", protocol, port)
        for port in PORTS
        for protocol in PROTOCOLS
    ]


def after(state: Step, step: Step) -> Step:
    """Return what there is after a step."""
    return {key: value for key, value in {**state, **step}.items() if value is not None}


def world(state: Step) -> World:
    """Return the evaluator's form of what there is; policies are in that of the variable."""
    found: dict[str, dict[str, Any]] = {"namespace": {}, "pod": {}, "policy": {}}
    for (kind, name), value in state.items():
        found[kind][name] = value
    return World(
        pods={
            ADDRESSES[name]: {"namespace": name[0], "labels": labels, "ports": port_names()}
            for name, labels in found["pod"].items()
        },
        policies=listed(state),
        namespaces=found["namespace"],
    )


def listed(step: Step) -> list[dict[str, Any]]:
    """Return policies as ``podnet_network_policies`` has them."""
    return [
        {"name": name[2:], "namespace": name[0], "spec": spec}
        for (kind, name), spec in step.items()
        if kind == "policy"
    ]


# The words of policies.

#: By the direction: what a rule calls its peers.
WAYS = {"ingress": "from", "egress": "to"}
ALL: dict[str, Any] = {}


def labelled(**labels: str) -> dict[str, Any]:
    """Return a selector by labels."""
    return {"matchLabels": labels}


def where(key: str, operator: str, *values: str) -> dict[str, Any]:
    """Return a selector by an expression."""
    expression: dict[str, Any] = {"key": key, "operator": operator}
    return {"matchExpressions": [{**expression, "values": list(values)} if values else expression]}


def peer(pods: Any = None, spaces: Any = None) -> Peer:
    """Return pods of a namespace as a peer, by selectors; None: that selector is not there."""
    both = {"podSelector": pods, "namespaceSelector": spaces}
    return {key: selector for key, selector in both.items() if selector is not None}


def block(cidr: str, *excepts: str) -> Peer:
    """Return addresses as a peer."""
    return {"ipBlock": {"cidr": cidr, **({"except": list(excepts)} if excepts else {})}}


def port(number: int | str | None = None, protocol: str | None = None, last: int = 0) -> Spec:
    """Return a port of a rule; what is not given is not there."""
    given = {"port": number, "protocol": protocol, "endPort": last or None}
    return {key: value for key, value in given.items() if value is not None}


def rule(way: str, peers: list[Peer] | None = None, ports: list[Spec] | None = None) -> Spec:
    """Return a rule of a direction."""
    given = {WAYS[way]: peers, "ports": ports}
    return {key: value for key, value in given.items() if value is not None}


def spec(way: str, *rules: Spec, pods: Any = None) -> Spec:
    """Return a spec that isolates in one direction, all pods unless some are said."""
    return {"podSelector": pods or ALL, "policyTypes": [way.capitalize()], way: list(rules)}


def both_ways(ingress: Spec, egress: Spec) -> Spec:
    """Return a spec of two, of which the first says which pods are meant."""
    return {**egress, **ingress, "policyTypes": ["Ingress", "Egress"]}


def policy(name: str, given: Spec) -> Step:
    """Return the change that makes a policy, or gives it another spec."""
    return {("policy", name): given}


def gone(*keys: Key) -> Step:
    """Return the change that takes away what there is."""
    return dict.fromkeys(keys)
