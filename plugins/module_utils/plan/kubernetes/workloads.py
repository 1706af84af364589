# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Namespace, Pod and Deployment: what of them the network of pods depends on.

Other keys are passed over, so that what ``kubectl get -o yaml`` prints can be given as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from ...names import DEFAULT_NAMESPACE
from .. import containers, namespaces, values
from ..model import Deployment, Pod
from ..values import NOT_SET, Field, Invalid, OfIPv6
from .selectors import Selector, selector

if TYPE_CHECKING:
    from ..containers import ContainerPort
    from ..namespaces import Namespace


#: Why a workload is passed over.
HOST_NETWORK = "is in its node's network (hostNetwork), which is none of pods"
ENDED = "has ended"


class Bound(NamedTuple):
    """A pod that says its node."""

    pod: Pod
    node: str


def _port(
    *,
    name: str | None,
    containerPort: int,  # noqa: N803 - Kubernetes' name
    protocol: str,
    hostPort: int | None,  # noqa: N803 - Kubernetes' name
    hostIP: int | OfIPv6 | None,  # noqa: N803 - Kubernetes' name
) -> ContainerPort:
    of_ipv6 = isinstance(hostIP, OfIPv6)
    if of_ipv6:
        hostIP = hostPort = None  # noqa: N806
    return containers.served(
        name=name,
        port=containerPort,
        protocol=protocol,
        host_port=hostPort or None,  # 0 and 0.0.0.0 are none, as the API says it
        host_ip=hostIP or None,
        of_ipv6=of_ipv6,
    )


def _container(
    *,
    name: str,
    image: str | None,
    command: list[str],
    args: list[str],
    ports: list[ContainerPort],
) -> dict[str, Any]:
    """Return a container; what its image runs is for a container runtime to know."""
    made: dict[str, Any] = {"name": name, "ports": ports}
    if image is not None:
        made["image"] = image
    if command:
        made["command"] = [*command, *args]
    elif args:
        made["args"] = args
    return made


_CONTAINERS = values.list_of(
    values.excerpt(
        _container,
        {
            "name": Field(values.dns_label, needed="a DNS-1123 label such as nginx"),
            "image": Field(values.words),
            "command": Field(values.command, []),
            "args": Field(values.command, []),
            "ports": Field(
                values.list_of(
                    values.excerpt(
                        _port,
                        {
                            "name": Field(values.port_name),
                            "containerPort": Field(
                                values.port, needed="the port that the container serves, such as 80"
                            ),
                            "protocol": Field(
                                values.choice(*containers.SERVED), containers.SERVED[0]
                            ),
                            "hostPort": Field(values.whole(0, 65535)),
                            "hostIP": Field(values.address_of_either_family),
                        },
                    )
                ),
                [],
            ),
        },
    )
)
_METADATA = {
    "name": Field(values.dns_name, needed="a DNS-1123 name such as web"),
    "namespace": namespaces.FIELD,
    "labels": Field(values.labels, {}),
}
_POD_SPEC = values.excerpt(
    dict,
    {
        "containers": Field(_CONTAINERS, needed="a list such as [{name: nginx, image: nginx}]"),
        "nodeName": Field(values.words),
        "hostNetwork": Field(values.truth, default=False),
    },
)
_POD = values.excerpt(
    dict,
    {
        "metadata": Field(values.excerpt(dict, _METADATA), needed="a mapping with the pod's name"),
        "spec": Field(_POD_SPEC, needed="a mapping with the pod's containers"),
        "status": Field(
            values.excerpt(lambda phase: phase, {"phase": Field(values.words)}),
        ),
    },
)
_TEMPLATE = values.excerpt(
    dict,
    {
        "metadata": Field(
            values.excerpt(dict, {"labels": Field(values.labels, {})}), {"labels": {}}
        ),
        "spec": Field(_POD_SPEC, needed="a mapping with the pods' containers"),
    },
)
_DEPLOYMENT = values.excerpt(
    dict,
    {
        "metadata": Field(
            values.excerpt(dict, _METADATA), needed="a mapping with the deployment's name"
        ),
        "spec": Field(
            values.excerpt(
                dict,
                {
                    "replicas": Field(values.whole(0, 1_000_000), 1),
                    "selector": Field(
                        selector, needed="a mapping such as {matchLabels: {app: nginx}}"
                    ),
                    "template": Field(
                        _TEMPLATE, needed="a mapping with metadata and spec of the pods"
                    ),
                },
            ),
            needed="a mapping with selector and template",
        ),
    },
)
_NAMESPACE = values.excerpt(
    dict,
    {
        "metadata": Field(
            values.excerpt(
                namespaces.namespace,
                {
                    "name": Field(values.dns_label, needed="a DNS-1123 label such as shop"),
                    "labels": Field(values.labels, {}),
                },
            ),
            needed="a mapping with the namespace's name",
        )
    },
)


def namespace(manifest: dict[str, Any], _where: str) -> Namespace:
    """Read a Namespace.

    :raises Invalid: for a value that is none.
    """
    found: Namespace = _NAMESPACE(manifest)["metadata"]
    return found


def pod(manifest: dict[str, Any], where: str) -> Deployment | Bound | str:
    """Read a Pod; one that says no node goes where there is room, as a deployment's does.

    :returns: a text for one that is passed over, for it has no network of its own: why.
    :raises Invalid: for a value that is none.
    """
    item = _POD(manifest)
    about, spec = item["metadata"], item["spec"]
    if spec["hostNetwork"]:
        return HOST_NETWORK
    if item["status"] in ("Succeeded", "Failed"):
        return ENDED
    shared = {**about, "containers": spec["containers"], "where": where}
    if spec["nodeName"] is None:
        return _made(Deployment, ".spec", replicas=None, node_group=None, **shared)  # type: ignore[no-any-return]
    return Bound(_made(Pod, ".spec", ip=None, **shared), spec["nodeName"])


def deployment(manifest: dict[str, Any], where: str) -> Deployment | str:
    """Read a Deployment.

    :returns: a text for one whose pods share their nodes' network: why it is passed over.
    :raises Invalid: for a value that is none.
    """
    item = _DEPLOYMENT(manifest)
    about, spec = item["metadata"], item["spec"]
    template = spec["template"]
    labels: dict[str, str] = template["metadata"]["labels"]
    finds: Selector = spec["selector"]
    if not finds.requirements:
        raise Invalid({}, "a selector with a label", ".spec.selector")
    if not finds.matches(labels):
        valid = "labels that spec.selector matches"
        raise Invalid(labels or NOT_SET, valid, ".spec.template.metadata.labels")
    if template["spec"]["hostNetwork"]:
        return HOST_NETWORK
    return _made(  # type: ignore[no-any-return]
        Deployment,
        ".spec.template.spec",
        **{**about, "labels": labels, "where": where, "node_group": None},
        replicas=spec["replicas"],
        containers=template["spec"]["containers"],
    )


def deployment_of(manifest: dict[str, Any]) -> tuple[str, str] | None:
    """Return namespace and name of the deployment that a Pod is one of, as far as its owner says.

    A cluster prints pods beside their Deployment; the ReplicaSet between the two has its name.
    """
    about = manifest.get("metadata")
    if manifest["kind"] != "Pod" or not isinstance(about, dict):
        return None
    for owner in about.get("ownerReferences") or ():
        if isinstance(owner, dict) and owner.get("kind") == "ReplicaSet":
            return identity_of(manifest)[0], str(owner.get("name")).rpartition("-")[0]
    return None


def identity_of(manifest: dict[str, Any]) -> tuple[str, str]:
    """Return a document's namespace and name."""
    about = manifest.get("metadata")
    said: dict[str, Any] = about if isinstance(about, dict) else {}
    return str(said.get("namespace") or DEFAULT_NAMESPACE), str(said.get("name"))


def _made(make: Callable[..., Any], at: str, **item: Any) -> Any:
    """Make a pod or a deployment; ``at`` is where its containers stand."""
    try:
        return containers.read_into(namespaces.read_into(make))(command=[], **item)
    except Invalid as invalid:
        raise invalid.below(".metadata" if invalid.path == ".name" else at) from None
