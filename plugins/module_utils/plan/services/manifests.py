# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kubernetes manifests: Service, EndpointSlice, Endpoints, and lists of them.

Other kinds are passed over, and so is every key that load balancing does not depend on: what
``kubectl get -o yaml`` prints can be given as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, Callable

from ...services import words
from .. import values
from ..kubernetes.documents import documents, sentence, title
from ..problems import some
from ..values import Field, Invalid
from .manifest_backends import METADATA, Backends, of_endpoints, of_slice
from .model import (
    AFFINITIES,
    AFFINITY_TIMEOUT,
    CLIENT_IP,
    HEADLESS,
    NO_AFFINITY,
    Port,
    Service,
    target,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ALGORITHM = "podnet.fabric/algorithm"
EXTERNAL_NAME = "ExternalName"


@dataclass
class Found:
    """What manifests say, with the services that were known before them."""

    services: list[Service] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def read(
    given: Sequence[Any],
    known: Sequence[Service],
    problems: list[str],
    others: Iterable[tuple[str, dict[str, Any]]] = (),
) -> Found:
    """Read manifests, and give services the backends that EndpointSlices or Endpoints name.

    Those count, and the service's selector does not: they are what it has found. Endpoints beside
    EndpointSlices are a copy of them.

    :param given: ``{"source": file, "documents": [...]}``, or a manifest by itself.
    :param known: services from elsewhere.
    :param problems: gets a sentence for each manifest that is none.
    :param others: further manifests, each with where it stands.
    """

    def stray(where: str, document: object) -> None:
        wanted = "a Kubernetes manifest, a mapping with apiVersion, kind and metadata"
        problems.append(Invalid(document, wanted).sentence(where))

    found = Found(list(known))
    slices: dict[str, list[Backends]] = {}
    endpoints: dict[str, list[Backends]] = {}
    listed = documents("podnet_service_manifests", given, stray, counted=False)
    for where, manifest in chain(listed, others):
        kind = manifest["kind"]
        reader = _READERS.get(kind)
        if reader is None:
            continue
        whose = f"{where}: {title(manifest)}"
        try:
            item = reader(manifest)
            if isinstance(item, Backends):
                target = slices if kind == "EndpointSlice" else endpoints
                target.setdefault(item.service, []).append(item)
            elif isinstance(item, str):
                found.warnings.append(
                    f"{whose} is of type ExternalName, which is a matter of DNS; it is passed over."
                )
            else:
                found.services.append(replace(item, where=whose))
        except Invalid as invalid:
            problems.append(sentence(whose, invalid))
    _attach(found, {**endpoints, **slices})
    return found


def _attach(found: Found, given: Mapping[str, list[Backends]]) -> None:
    names = set()
    for number, service in enumerate(found.services):
        names.add(service.name)
        if service.name in given:
            parts = [each for part in given[service.name] for each in part.backends]
            if service.publish_not_ready:
                parts = [
                    each._replace(state=words.ACTIVE) if each.state == words.QUARANTINED else each
                    for each in parts
                ]
            found.services[number] = replace(service, backends=tuple(parts))
    strays = sorted({part.whose for name in given if name not in names for part in given[name]})
    if strays:
        found.warnings.append(
            f"{some(strays)} {'belong' if len(strays) > 1 else 'belongs'} to no service that was "
            "given."
        )


def _cluster_ips(value: object) -> list[int | str]:
    """Read addresses of which one may be an IPv6 address or ``None``: those that are IPv4's."""
    if not isinstance(value, list):
        raise Invalid(value, "a list")
    return [
        each if each == HEADLESS else values.address(each)
        for each in value
        if not (isinstance(each, str) and ":" in each)
    ]


def _port(
    *,
    name: str,
    port: int,
    targetPort: int | str | None,  # noqa: N803 - Kubernetes' name
    protocol: str,
    nodePort: int | None,  # noqa: N803 - Kubernetes' name
) -> Port:
    return Port(name, protocol, port, port if targetPort is None else targetPort, nodePort)


def _node_port(value: object) -> int | None:
    return None if value == 0 else values.port(value)


_LOAD_BALANCER = values.excerpt(
    lambda ingress: ingress,
    {
        "ingress": Field(
            values.list_of(values.excerpt(lambda ip: ip, {"ip": Field(values.address)})), []
        )
    },
)
_CLIENT_IP = values.excerpt(
    lambda timeoutSeconds: timeoutSeconds,  # noqa: N803 - Kubernetes' name
    {"timeoutSeconds": Field(values.whole(1, words.AFFINITY_MAX), AFFINITY_TIMEOUT)},
)
_SPEC = {
    "type": Field(values.choice(*words.TYPES, EXTERNAL_NAME), words.CLUSTER_IP),
    "clusterIP": Field(lambda value: _cluster_ips([value])),
    "clusterIPs": Field(_cluster_ips, []),
    "ports": Field(
        values.list_of(
            values.excerpt(
                _port,
                {
                    "name": Field(values.dns_label, ""),
                    "port": Field(values.port, needed="the service's port such as 80"),
                    "targetPort": Field(target),
                    "protocol": Field(values.protocol, values.PROTOCOLS[0]),
                    "nodePort": Field(_node_port),
                },
            )
        ),
        [],
    ),
    "selector": Field(values.labels, {}),
    "externalIPs": Field(values.list_of(values.address), []),
    "loadBalancerIP": Field(values.address),
    "loadBalancerSourceRanges": Field(values.list_of(values.prefix), []),
    "sessionAffinity": Field(values.choice(*AFFINITIES), NO_AFFINITY),
    "sessionAffinityConfig": Field(
        values.excerpt(lambda clientIP: clientIP, {"clientIP": Field(_CLIENT_IP)})  # noqa: N803
    ),
    "internalTrafficPolicy": Field(values.choice(*words.POLICIES), words.CLUSTER),
    "externalTrafficPolicy": Field(values.choice(*words.POLICIES), words.CLUSTER),
    "allocateLoadBalancerNodePorts": Field(values.truth, default=True),
    "publishNotReadyAddresses": Field(values.truth, default=False),
}
_SERVICE = values.excerpt(
    dict,
    {
        "metadata": Field(
            values.excerpt(
                dict,
                {
                    **METADATA,
                    "annotations": Field(
                        values.excerpt(
                            dict, {ALGORITHM: Field(values.choice(*words.ALGORITHMS), words.RANDOM)}
                        ),
                        {ALGORITHM: words.RANDOM},
                    ),
                },
            ),
            needed="a mapping with the service's name",
        ),
        "spec": Field(values.excerpt(dict, _SPEC), needed="a mapping with the service's ports"),
        "status": Field(
            values.excerpt(
                lambda loadBalancer: loadBalancer,  # noqa: N803 - Kubernetes' name
                {"loadBalancer": Field(_LOAD_BALANCER, [])},
            ),
            [],
        ),
    },
)


def _service(manifest: dict[str, Any]) -> Service | str:
    item = _SERVICE(manifest)
    about, spec = item["metadata"], item["spec"]
    if spec["type"] == EXTERNAL_NAME:
        return EXTERNAL_NAME
    given = (spec["clusterIP"] or []) + spec["clusterIPs"]
    if not given and (manifest["spec"].get("clusterIP") or spec["clusterIPs"]):
        raise Invalid(manifest["spec"]["clusterIP"], "an IPv4 address or None", ".spec.clusterIP")
    headless = HEADLESS in given
    balanced = [ip for ip in item["status"] if ip is not None]
    if not balanced and spec["loadBalancerIP"] is not None:
        balanced = [spec["loadBalancerIP"]]
    lasting = spec["sessionAffinityConfig"] or AFFINITY_TIMEOUT
    return Service(
        where="",
        name=f"{about['namespace']}/{about['name']}",
        type=spec["type"],
        headless=headless,
        cluster_ip=None if headless or not given else given[0],
        ports=tuple(spec["ports"]),
        selector=spec["selector"],
        backends=None,
        external_ips=tuple(spec["externalIPs"]),
        load_balancer_ips=tuple(balanced),
        source_ranges=tuple(spec["loadBalancerSourceRanges"]),
        internal_policy=spec["internalTrafficPolicy"],
        external_policy=spec["externalTrafficPolicy"],
        affinity=lasting if spec["sessionAffinity"] == CLIENT_IP else 0,
        node_ports=spec["type"] != words.LOAD_BALANCER or spec["allocateLoadBalancerNodePorts"],
        algorithm=about["annotations"][ALGORITHM],
        publish_not_ready=spec["publishNotReadyAddresses"],
    )


_READERS: dict[str, Callable[[dict[str, Any]], Service | Backends | str]] = {
    "Service": _service,
    "EndpointSlice": of_slice,
    "Endpoints": of_endpoints,
}
