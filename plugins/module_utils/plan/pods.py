# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pods and deployments as variables give them, beside those of manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import containers, namespaces, values
from .model import Deployment, Pod
from .values import Field

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

DEPLOYMENTS = values.list_of(
    values.record(
        containers.read_into(namespaces.read_into(Deployment)),
        {
            "name": Field(values.dns_name, needed="a DNS-1123 name such as nginx-app"),
            "namespace": namespaces.FIELD,
            "replicas": Field(values.whole(0, 1_000_000), 1),
            "labels": Field(values.labels, {}),
            **containers.FIELDS,
            "node_group": Field(values.words),
        },
    )
)
PODS = values.list_of(
    values.record(
        containers.read_into(namespaces.read_into(Pod)),
        {
            "name": Field(values.dns_name, needed="a DNS-1123 name such as nginx-1"),
            "namespace": namespaces.FIELD,
            "ip": Field(values.address),
            "labels": Field(values.labels, {}),
            **containers.FIELDS,
            "netns": Field(values.words),
        },
    )
)


def lists(nodes: Mapping[str, Mapping[str, Any]]) -> Iterator[Any]:
    """Yield the lists of pods and deployments as they were given."""
    for variables in nodes.values():
        yield variables.get("podnet_pods")
    yield next(iter(nodes.values()), {}).get("podnet_deployments")


def others(
    found: Iterable[Deployment], known: Mapping[str, Deployment], problems: list[str]
) -> Iterator[Deployment]:
    """Yield deployments of manifests, none of which has the name of another or of a known one."""
    names = {name: f"an item of podnet_deployments, {name!r}," for name in known}
    for each in found:
        if each.replicas is not None:  # a pod by itself is checked with the pods
            other = names.setdefault(each.name, each.where)
            if other is not each.where:
                problems.append(
                    f"{each.where} is given twice, as {other} before; each deployment is valid "
                    "once."
                )
        yield each
