# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""13 cases that Kubernetes' suite had when its pods were nine: a policy of x or more."""

from __future__ import annotations

from tests.policy.model import (
    ALL,
    Case,
    Step,
    block,
    labelled,
    peer,
    policy,
    port,
    rule,
    spec,
    where,
)

_A, _B, _C = (labelled(pod=name) for name in "abc")
_Y, _Z = (labelled(ns=name) for name in "yz")


def _into_a(*peers: dict[str, object]) -> Step:
    return policy("x/p", spec("ingress", rule("ingress", list(peers)), pods=_A))


_STEPS: dict[str, tuple[Step, ...]] = {
    "nothing comes in": (policy("x/p", spec("ingress")),),
    "pods of all namespaces come in": (_into_a(peer(_B, ALL)),),
    "namespaces come in by label": (_into_a(peer(None, _Y)),),
    "pods come in by an expression": (_into_a(peer(where("pod", "In", "b"))),),
    "namespaces come in by an expression": (_into_a(peer(None, where("ns", "NotIn", "x"))),),
    "a pod or a namespace": (_into_a(peer(_B), peer(None, _Y)),),
    "a pod of a namespace": (_into_a(peer(_B, _Y)),),
    "several of both": (_into_a(peer(where("pod", "In", "b", "c"), where("ns", "In", "y", "z"))),),
    "two policies, each a port": tuple(
        policy(
            f"x/p{number}",
            spec("ingress", rule("ingress", [peer(_B)], [port(number, "TCP")]), pods=_A),
        )
        for number in (80, 81)
    ),
    "everything comes in": (policy("x/p", spec("ingress", rule("ingress"))),),
    "a port by its name": (
        policy("x/p", spec("ingress", rule("ingress", None, [port("serve-81-tcp")]), pods=_A)),
    ),
    "egress to a namespace": (
        policy("x/p", spec("egress", rule("egress", [peer(None, _Z)], [port(80)]), pods=_A)),
    ),
    "egress to a block": (
        policy(
            "x/p",
            spec("egress", rule("egress", [block("10.111.160.0/23", "10.111.161.0/24")]), pods=_C),
        ),
    ),
}

CASES = [Case("upstream", name, steps) for name, steps in _STEPS.items()]
