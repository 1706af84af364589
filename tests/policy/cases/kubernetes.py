# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""48 cases of Kubernetes' own suite: 42 that it shows by TCP, three by UDP, three by SCTP."""

from __future__ import annotations

from tests.policy.model import (
    ADDRESSES,
    ALL,
    BEGINNING,
    PROTOCOLS,
    Case,
    Peer,
    Spec,
    Step,
    block,
    both_ways,
    gone,
    labelled,
    peer,
    policy,
    port,
    rule,
    spec,
    where,
)

_A, _B, _C = (labelled(pod=name) for name in "abc")
_X, _Y, _Z = (labelled(ns=name) for name in "xyz")
_NAME = "kubernetes.io/metadata.name"


def _in(*peers: Peer, ports: list[Spec] | None = None, pods: Spec = _A, name: str = "x/p") -> Step:
    """Return a policy of one rule of ingress; without peers it is for all."""
    return policy(name, spec("ingress", rule("ingress", list(peers) or None, ports), pods=pods))


def _out(*peers: Peer, ports: list[Spec] | None = None, pods: Spec = _A, name: str = "x/p") -> Step:
    return policy(name, spec("egress", rule("egress", list(peers) or None, ports), pods=pods))


def _nothing(way: str, pods: Spec | None = None, name: str = "x/deny") -> Step:
    return policy(name, spec(way, pods=pods))


_WHOLE = both_ways(spec("ingress"), spec("egress"))
_SERVER = ADDRESSES["z/b"]

_BY_TCP: dict[str, tuple[Step, ...]] = {
    "default deny ingress": (_nothing("ingress"),),
    "default deny all": (policy("x/deny", _WHOLE),),
    "pods of the same namespace by label": (_in(peer(_B)),),
    "to a target": (_nothing("ingress"), _in(peer(_B))),
    "from all namespaces": (_in(peer(None, ALL)),),
    "from another namespace alone": (_in(peer(None, _Y)),),
    "pods by an expression": (_in(peer(where("pod", "In", "b"))),),
    "namespaces by an expression": (_in(peer(None, where("ns", "In", "y"))),),
    "a pod or a namespace": (_in(peer(_B), peer(None, _Y)),),
    "a pod of a namespace": (_in(peer(_B, _Y)),),
    "several of both": (_in(peer(where("pod", "In", "b", "c"), where("ns", "In", "y", "z"))),),
    "any of several pods": (_in(peer(_B), peer(_C)),),
    "one pod of another namespace": (_in(peer(where("pod", "NotIn", "b", "c"), _Y)),),
    "a port": (_in(peer(None, _Y), ports=[port(81)]),),
    "policies on top of each other": (
        _in(peer(None, _Y), ports=[port(80)]),
        _in(peer(None, _Y), ports=[port(81)], name="x/more"),
    ),
    "everything allowed": (policy("x/p", spec("ingress", rule("ingress"))),),
    "a port by its name": (_in(ports=[port("serve-81-tcp")]),),
    "a port by its name, of a namespace": (
        _in(peer(None, _X), ports=[port("serve-80-tcp")]),
        _in(peer(None, _X), ports=[port("serve-81-tcp")]),
    ),
    "egress to a port by its name": (_out(ports=[port("serve-80-tcp")]),),
    "a policy is changed": (_in(peer(None, ALL), ports=[port(81)]), _in(peer(None, ALL))),
    "a namespace is changed": (
        _in(peer(None, labelled(ns2="updated"))),
        {("namespace", "y"): {"ns": "y", "ns2": "updated"}},
    ),
    "a pod is changed": (
        _in(peer(labelled(pod2="updated"))),
        {("pod", "x/b"): {"pod": "b", "pod2": "updated"}},
    ),
    "nothing from other namespaces": (_in(peer(ALL), pods=ALL),),
    "nothing into a pod that is changed": (
        _nothing("ingress", labelled(target="isolated")),
        {("pod", "x/a"): {"pod": "a", "target": "isolated"}},
        {("pod", "x/a"): BEGINNING["pod", "x/a"]},
    ),
    "no egress of a pod": (_nothing("egress", _A),),
    "no egress of a namespace": (_nothing("egress"),),
    "ingress and egress together": (
        policy(
            "x/p",
            both_ways(
                spec("ingress", rule("ingress", [peer(_B, ALL)]), pods=_A),
                spec("egress", rule("egress", [peer(_C, ALL)], [port(80)])),
            ),
        ),
    ),
    "egress that the server allows is denied": (
        _in(peer(_A, _X), name="y/p", pods=_A) | _nothing("egress", _A),
        gone(("policy", "x/deny")),
    ),
    "egress to a server of another namespace": (_out(peer(_A, _Y)),),
    "any port of a protocol": (_in(ports=[port(None, "TCP")]),),
    "ingress, and everything on top": (
        _in(peer(_B)),
        policy("x/all", spec("ingress", rule("ingress"))),
    ),
    "egress, and everything on top": (
        _out(peer(_B)),
        policy("x/all", spec("egress", rule("egress"))),
    ),
    "a policy is gone": (policy("x/deny", _WHOLE), gone(("policy", "x/deny"))),
    "egress to a block": (_out(block(f"{_SERVER}/32")),),
    "egress to a block but an address": (_out(block(f"{_SERVER}/24", f"{_SERVER}/32")),),
    "a block has what another one leaves out": (
        _out(block(f"{_SERVER}/24", f"{_SERVER}/32")),
        _out(block(f"{_SERVER}/32"), name="x/overlap"),
        gone(("policy", "x/overlap")),
    ),
    "ingress and egress by themselves": (
        _in(peer(_B)) | _out(peer(_C), name="x/out"),
        gone(("policy", "x/p")),
    ),
    "SCTP is not TCP": (_in(ports=[port(80, "SCTP")]),),
    "a policy of SCTP isolates": (_in(peer(_B), ports=[port(80, "SCTP"), port(81, "SCTP")]),),
    "UDP is not TCP": (_in(ports=[port(81, "UDP")]),),
    "a namespace by the label that it has": (_in(peer(None, labelled(**{_NAME: "y"}))),),
    "a namespace by an expression on it": (_in(peer(None, where(_NAME, "NotIn", "x", "z"))),),
}


def _by(protocol: str) -> dict[str, tuple[Step, ...]]:
    """Return those that the suite shows by other protocols, too."""
    return {
        f"{protocol}: default deny ingress": (_nothing("ingress", name="y/deny"),),
        f"{protocol}: a port": (_in(peer(None, _Z), ports=[port(81, protocol)]),),
        f"{protocol}: one pod of another namespace": (
            _in(peer(_B, _Z), ports=[port(None, protocol)]),
        ),
    }


CASES = [
    Case("kubernetes", name, steps)
    for some in (_BY_TCP, *map(_by, PROTOCOLS[1:]))
    for name, steps in some.items()
]
