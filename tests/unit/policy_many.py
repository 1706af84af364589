# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pods and policies of a large cluster, for tests and figures of what they take."""

from __future__ import annotations

from typing import Any

from ansible_collections.podnet.fabric.plugins.module_utils.plan.policy import blocks, classes

#: Namespaces of a large cluster.
_SPACES = [f"n{number}" for number in range(100)]


def many_pods(count: int) -> list[classes.At]:
    """Return pods of a large cluster, of seven apps in each of a hundred namespaces."""
    return [
        classes.At(
            f"p{number}",
            blocks.address("10.0.0.0") + number,
            classes.Kind(
                _SPACES[number % 100], frozenset({"app": f"a{number % 7}", "of": "x"}.items())
            ),
        )
        for number in range(count)
    ]


def many_policies(count: int) -> list[dict[str, Any]]:
    """Return policies for them: with peers by pods, by namespaces with a port, and by blocks."""
    return [_of_many(number) for number in range(count)]


def _of_many(number: int) -> dict[str, Any]:
    other = {"matchLabels": {"kubernetes.io/metadata.name": _SPACES[(number * 7) % 100]}}
    return {
        "name": f"p{number}",
        "namespace": _SPACES[number % 100],
        "spec": {
            "podSelector": {"matchLabels": {"app": f"a{number % 7}"}},
            "ingress": [
                {"from": [{"podSelector": {"matchLabels": {"app": f"a{number % 5}"}}}]},
                {"from": [{"namespaceSelector": other}], "ports": [{"port": number + 1}]},
            ],
            "egress": [{"to": [{"ipBlock": {"cidr": f"192.0.{number % 200}.0/24"}}]}],
        },
    }
