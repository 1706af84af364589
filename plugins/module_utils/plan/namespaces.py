# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Namespaces in Kubernetes' sense: which pods are in which, and the labels of each.

A namespace is there as soon as a pod names it. The list adds labels, and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from .. import names
from . import values
from .problems import some
from .values import NAME_MAX, Field, Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .model import Cluster, Pod

#: The label that each namespace has: its name.
NAME_LABEL = "kubernetes.io/metadata.name"

#: The key of a pod or a deployment; :func:`read_into` makes use of it.
FIELD = Field(values.dns_label, names.DEFAULT_NAMESPACE)


class Namespace(NamedTuple):
    """A namespace as it is listed, with all its labels."""

    name: str
    labels: dict[str, str]


def namespace(*, name: str, labels: Mapping[str, str]) -> Namespace:
    """Return a namespace with these labels.

    :raises Invalid: where they say another name.
    """
    given = labels.get(NAME_LABEL, name)
    if given != name:
        raise Invalid(given, f"{name}, its name, or none", f".labels.{NAME_LABEL}")
    return Namespace(name, {**labels, NAME_LABEL: name})


LISTED = values.list_of(
    values.record(
        namespace,
        {
            "name": Field(values.dns_label, needed="a DNS-1123 label such as shop"),
            "labels": Field(values.labels, {}),
        },
    )
)


def read_into(make: Callable[..., Any]) -> Callable[..., Any]:
    """Let ``make`` get ``name`` as that of the endpoint, beside ``namespace``."""

    def made(*, name: str, namespace: str, **others: Any) -> Any:
        endpoint = names.endpoint(namespace, name)
        if len(endpoint) > NAME_MAX:
            valid = f"a name that has with its namespace at most {NAME_MAX - 1} characters"
            raise Invalid(name, valid, ".name")
        return make(name=endpoint, namespace=namespace, **others)

    return made


def are_named(lists: Iterable[Any]) -> bool:
    """Say whether an item of lists of pods or deployments, as they were given, names one."""
    return any(
        isinstance(item, dict) and values.is_set(item.get("namespace"))
        for listed in lists
        if isinstance(listed, (list, tuple))
        for item in listed
    )


def labels(cluster: Cluster, name: str) -> Mapping[str, str]:
    """Return the labels of a namespace, whether it is listed or not."""
    return cluster.namespaces.get(name) or {NAME_LABEL: name}


def unlisted(cluster: Cluster, pods: Iterable[Pod]) -> Iterator[str]:
    """Yield a sentence for each namespace that pods name and the list, where there is one, lacks.

    It may be a slip of the keyboard, and selectors of namespaces find such by their name alone.
    """
    if not cluster.namespaces:
        return
    known = {*cluster.namespaces, names.DEFAULT_NAMESPACE}
    found: dict[str, list[str]] = {}
    for pod in pods:
        if pod.namespace not in known:
            found.setdefault(pod.namespace, []).append(pod.name)
    for name, inside in found.items():
        yield (
            f"podnet_namespaces does not have {name}, the namespace of {some(inside)}; it has no "
            "label but its name."
        )
