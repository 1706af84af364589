# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``podnet_manifests``: what ``kubectl apply -f`` takes, kind by kind.

Kinds that the pod network does not depend on are passed over, and named; so is a document that is
none of Kubernetes'. Services and what belongs to them are read with the others (see
``services.manifests``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable

from ..model import Deployment, Pod
from ..policy import read as policy
from ..policy.model import Policy
from ..problems import some
from ..values import NOT_SET, Invalid
from . import workloads
from .documents import documents, name, names_by_kind, sentence, title
from .workloads import Bound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..namespaces import Namespace

VARIABLE = "podnet_manifests"

SERVICES = ("Service", "EndpointSlice", "Endpoints")
POLICY = "NetworkPolicy"

#: The kinds that are read, each in one version; others of the name are other kinds.
VERSIONS = {
    "Namespace": "v1",
    "Pod": "v1",
    "Deployment": "apps/v1",
    "Service": "v1",
    "Endpoints": "v1",
    "EndpointSlice": "discovery.k8s.io/v1",
    POLICY: "networking.k8s.io/v1",
}


@dataclass
class Manifests:
    """What manifests hold.

    :param namespaces: by name, each with where it stands.
    :param pods: those that say their node, by its name.
    :param services: documents of services and backends, with where they stand.
    """

    namespaces: dict[str, tuple[str, Namespace]] = field(default_factory=dict)
    deployments: list[Deployment] = field(default_factory=list)
    pods: dict[str, list[Pod]] = field(default_factory=dict)
    services: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    policies: list[Policy] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def namespaced(self) -> bool:
        """Say whether they name namespaces: pods of Kubernetes always have one."""
        return bool(self.namespaces or self.deployments or self.pods or self.policies)


def read(given: Sequence[Any], problems: list[str]) -> Manifests:
    """Read manifests.

    :param given: ``{"source": file, "documents": [...]}``, or a manifest by itself.
    :param problems: gets a sentence for each that is wrong: the file, the document, the field.
    """
    found = Manifests()
    passed: dict[str, list[str]] = {}

    def stray(where: str, _document: object) -> None:
        found.warnings.append(f"{where} is no document of Kubernetes'; it is passed over.")

    every = list(documents(VARIABLE, given, stray, counted=True))
    deployments = {workloads.identity_of(each) for _where, each in every if _is_deployment(each)}
    beside: dict[tuple[str, str], list[str]] = {}
    for where, manifest in every:
        kind, version = manifest["kind"], manifest.get("apiVersion")
        wanted = VERSIONS.get(kind)
        whose = f"{where}: {title(manifest, '' if kind == 'Namespace' else 'default')}"
        if wanted is not None and not version:
            problems.append(sentence(whose, Invalid(NOT_SET, wanted, ".apiVersion")))
        elif wanted is None or version != wanted:
            shown = kind if wanted in (None, version) else f"{kind} of {version}"
            passed.setdefault(shown, []).append(name(manifest))
        elif (owner := workloads.deployment_of(manifest)) and owner in deployments:
            beside.setdefault(owner, []).append(name(manifest))
        elif kind in SERVICES:
            found.services.append((where, manifest))
        else:
            try:
                _add(found, whose, _READERS[kind](manifest, whose), problems)
            except Invalid as invalid:
                problems.append(sentence(whose, invalid))
    found.warnings += [
        f"{VARIABLE} passes over Pod {some(names)}: of the Deployment {'/'.join(owner)}, whose "
        "pods are planned by itself."
        for owner, names in beside.items()
    ]
    if passed:
        found.warnings.append(
            f"{VARIABLE} passes over kinds that the pod network does not read: "
            f"{names_by_kind(passed)}."
        )
    return found


def _is_deployment(manifest: dict[str, Any]) -> bool:
    kind = "Deployment"
    return manifest["kind"] == kind and manifest.get("apiVersion") == VERSIONS[kind]


def _add(found: Manifests, whose: str, item: Any, problems: list[str]) -> None:
    workload = item.pod if isinstance(item, Bound) else item
    if isinstance(workload, (Pod, Deployment)) and any(port.of_ipv6 for port in workload.ports):
        found.warnings.append(
            f"{whose} has ports of its node at addresses of IPv6; they are passed over."
        )
    if isinstance(item, str):
        found.warnings.append(f"{whose} {item}; it is passed over.")
    elif isinstance(item, Deployment):
        found.deployments.append(item)
    elif isinstance(item, Policy):
        found.policies.append(item)
    elif isinstance(item, Bound):
        found.pods.setdefault(item.node, []).append(item.pod)
    elif item.name in found.namespaces:
        problems.append(
            f"{whose} is given twice, as {found.namespaces[item.name][0]} before; each namespace "
            "is valid once."
        )
    else:
        found.namespaces[item.name] = whose, item


_READERS: dict[str, Callable[[dict[str, Any], str], Any]] = {
    "Namespace": workloads.namespace,
    "Pod": workloads.pod,
    "Deployment": workloads.deployment,
    POLICY: policy.manifest,
}
