# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""35 cases: of two policies, targets, changes, rules, namespaces; and an example."""

from __future__ import annotations

from itertools import product

from tests.policy.model import (
    ALL,
    BEGINNING,
    WAYS,
    Case,
    Spec,
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

_A, _B = labelled(pod="a"), labelled(pod="b")

#: Policies add up, so of two that seem to say the contrary the one that allows counts.
_KEEP_OUT = {"all": ALL, "some": _A}
_LET_IN = {
    "everything": None,
    "all pods": [peer(ALL, ALL)],
    "namespaces": [peer(None, labelled(ns="y"))],
    "a block": [block("10.111.160.0/24")],
}
CONFLICT = [
    Case(
        "conflict",
        f"{way} {denied} denied, {allowed} allowed",
        (
            policy("x/deny", spec(way, pods=pods))
            | policy("x/allow", spec(way, rule(way, peers), pods=_A)),
        ),
    )
    for way, (denied, pods), (allowed, peers) in product(WAYS, _KEEP_OUT.items(), _LET_IN.items())
]

_FROM_B = rule("ingress", [peer(_B, ALL)])
_TARGETS: dict[str, tuple[str, Spec]] = {
    "all pods of a namespace": ("x", ALL),
    "those of another": ("y", ALL),
    "pods by label": ("x", _A),
    "pods by a value": ("y", where("pod", "In", "a", "b")),
    "pods without a value": ("z", where("pod", "NotIn", "a", "b")),
    "no pod": ("x", where("pod", "DoesNotExist")),
}
TARGET = [
    Case("target", name, (policy(f"{space}/base", spec("ingress", _FROM_B, pods=pods)),))
    for name, (space, pods) in _TARGETS.items()
]

_DENY = spec("ingress", pods=_A)
_FROM_Y = spec("ingress", rule("ingress", [peer(None, labelled(ns="y"))]))
_FROM_D = spec("ingress", rule("ingress", [peer(labelled(pod="d"))]))
_FROM_W = spec("ingress", rule("ingress", [peer(ALL, labelled(ns="w"))]))
ACTION = [
    Case("action", "policy made and deleted", (policy("x/p", _DENY), gone(("policy", "x/p")))),
    Case(
        "action",
        "policy changed there and back",
        (policy("x/p", _DENY), policy("x/p", _FROM_Y), policy("x/p", _DENY)),
    ),
    Case(
        "action",
        "pod made and deleted",
        (
            policy("x/p", _FROM_D),
            {("pod", "x/d"): {"pod": "d"}},
            gone(("pod", "x/d")),
        ),
    ),
    Case(
        "action",
        "labels of a pod there and back",
        (
            policy("x/p", _DENY),
            {("pod", "x/b"): {"pod": "a"}},
            {("pod", "x/b"): BEGINNING["pod", "x/b"]},
        ),
    ),
    Case(
        "action",
        "namespace made and deleted",
        (
            policy("x/p", _FROM_W),
            {("namespace", "w"): {"ns": "w"}, ("pod", "w/a"): {"pod": "a"}},
            gone(("pod", "w/a"), ("namespace", "w")),
        ),
    ),
    Case(
        "action",
        "labels of a namespace there and back",
        (
            policy("x/p", _FROM_Y),
            {("namespace", "z"): {"ns": "y"}, ("namespace", "y"): {"ns": "other"}},
            {("namespace", space): BEGINNING["namespace", space] for space in "yz"},
        ),
    ),
]

RULES = [
    Case("rules", f"{way} {name}", (policy("x/base", spec(way, *rules, pods=_A)),))
    for way in WAYS
    for name, rules in {"none": (), "one of all": (rule(way),)}.items()
]

_NAME = "kubernetes.io/metadata.name"
NAMESPACE = [
    Case("namespace", name, (policy("x/base", spec("ingress", those, pods=_A)),))
    for name, those in {
        "by its name": rule("ingress", [peer(None, labelled(**{_NAME: "y"}))]),
        "by names": rule("ingress", [peer(None, where(_NAME, "NotIn", "y"))]),
    }.items()
]

EXAMPLE = [
    Case(
        "example",
        "a server that asks another",
        (
            policy(
                "y/server",
                both_ways(
                    spec(
                        "ingress",
                        rule("ingress", [peer(_A, ALL)], [port("serve-80-tcp", "TCP")]),
                        rule("ingress", [peer(_B)], [port(81, "UDP"), port(80, "SCTP", 81)]),
                        pods=_B,
                    ),
                    spec("egress", rule("egress", [peer(None, labelled(ns="z"))], [port(80)])),
                ),
            ),
        ),
    )
]

CASES = [*CONFLICT, *TARGET, *ACTION, *RULES, *NAMESPACE, *EXAMPLE]
