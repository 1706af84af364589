# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kubernetes manifests: Service, EndpointSlice, Endpoints, and lists of them.

What does not concern services here is passed over, and named once for each reason: other kinds,
the other address family, protocols that are not balanced. Keys that load balancing does not depend
on are passed over in silence: what ``kubectl get -o yaml`` prints can be given as it is.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Callable

from ...services import words
from .. import containers, values
from ..kubernetes.documents import documents, name, names_by_kind, sentence, title
from ..prefix import Prefix
from ..problems import some
from ..values import Field, Invalid, OfIPv6
from . import passed
from .manifest_backends import NAMESPACE, Backends, of_endpoints, of_slice
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

    from .passed import Pass

ALGORITHM = "podnet.fabric/algorithm"
#: Where clusters keep source ranges beside the field of the spec, which goes first.
SOURCE_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
EXTERNAL_NAME = "ExternalName"

#: No client has this address: a service that only clients of IPv6 may reach from outside.
NOBODY = Prefix(0, 32)

_CIDR = re.compile(r"[^/\s]+/[0-9]+")


@dataclass
class Found:
    """What manifests say, with the services that were known before them."""

    services: list[Service] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass
class _Read:
    """What was read so far: backends by service, and what is passed over.

    :param known: names of services that were passed over, whose backends are no strays.
    :param reasons: kind and name of documents by the reason.
    :param kinds: names of documents by a kind that is not read.
    """

    slices: dict[str, list[Backends]] = field(default_factory=dict)
    endpoints: dict[str, list[Backends]] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    reasons: dict[str, list[str]] = field(default_factory=dict)
    kinds: dict[str, list[str]] = field(default_factory=dict)


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

    found, so_far = Found(list(known)), _Read()
    listed = documents("podnet_service_manifests", given, stray, counted=False)
    for where, manifest in chain(listed, others):
        try:
            _add(found, so_far, where, manifest)
        except Invalid as invalid:
            problems.append(sentence(f"{where}: {title(manifest)}", invalid))
    found.warnings += passed.warnings(so_far.reasons)
    if so_far.kinds:
        found.warnings.append(
            "Passed over are kinds that are neither services nor their backends: "
            f"{names_by_kind(so_far.kinds)}."
        )
    _attach(found, {**so_far.endpoints, **so_far.slices}, so_far.known)
    return found


def _add(found: Found, so_far: _Read, where: str, manifest: dict[str, Any]) -> None:
    kind, version = manifest["kind"], manifest.get("apiVersion")
    reader, group = _READERS.get(kind, (None, ""))
    if reader is None or not _is_of(group, version):
        shown = kind if reader is None else f"{kind} of {version}"
        so_far.kinds.setdefault(shown, []).append(name(manifest))
        return
    whose = title(manifest)
    item = reader(manifest, lambda reason: so_far.reasons.setdefault(reason, []).append(whose))
    if isinstance(item, Backends):
        target = so_far.slices if kind == "EndpointSlice" else so_far.endpoints
        target.setdefault(item.service, []).append(item)
    elif item is not None:
        found.services.append(replace(item, where=f"{where}: {whose}"))
    elif kind == "Service":
        so_far.known.add(whose.partition(" ")[2])


def _is_of(group: str, version: object) -> bool:
    """Say whether a version is one of a group's; one that is not given, is."""
    return not version or str(version).rpartition("/")[0] == group


def _attach(found: Found, given: Mapping[str, list[Backends]], passed_over: set[str]) -> None:
    names = set(passed_over)
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


def _cluster_ip(value: object) -> int | OfIPv6 | str:
    """Read an address of either family, or ``None``."""
    return HEADLESS if value == HEADLESS else values.address_of_either_family(value)


def _source_range(value: object) -> Prefix | OfIPv6:
    """Read a CIDR of either family; blanks around it and bits behind it mean nothing."""
    try:
        if isinstance(value, str) and _CIDR.fullmatch(value.strip()):
            network = ipaddress.ip_network(value.strip(), strict=False)
            if network.version == 6:
                return OfIPv6(network)
            return Prefix(int(network.network_address), network.prefixlen)
    except ValueError:
        pass
    raise Invalid(value, "a CIDR such as 198.51.100.0/24")


_source_ranges = values.list_of(_source_range)


def _selector(value: object) -> dict[str, str]:
    """Read labels; null is an empty one, as the API takes it."""
    if isinstance(value, dict):
        value = {key: "" if each is None else each for key, each in value.items()}
    return values.labels(value)


def _target(value: object) -> int | str | None:
    """Read a target port; 0 is what a client leaves that has none."""
    return None if value in (0, "0") and value is not False else target(value)


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
            values.list_of(
                values.excerpt(lambda ip: ip, {"ip": Field(values.address_of_either_family)})
            ),
            [],
        )
    },
)
_CLIENT_IP = values.excerpt(
    lambda timeoutSeconds: timeoutSeconds,  # noqa: N803 - Kubernetes' name
    {"timeoutSeconds": Field(values.whole(1, words.AFFINITY_MAX), AFFINITY_TIMEOUT)},
)
_SPEC = {
    "type": Field(values.choice(*words.TYPES, EXTERNAL_NAME), words.CLUSTER_IP),
    "clusterIP": Field(_cluster_ip),
    "clusterIPs": Field(values.list_of(_cluster_ip), []),
    "ports": Field(
        values.list_of(
            values.excerpt(
                _port,
                {
                    "name": Field(values.dns_label, ""),
                    "port": Field(values.port, needed="the service's port such as 80"),
                    "targetPort": Field(_target),
                    "protocol": Field(values.choice(*containers.SERVED), containers.SERVED[0]),
                    "nodePort": Field(_node_port),
                },
            )
        ),
        [],
    ),
    "selector": Field(_selector, {}),
    "ipFamilies": Field(values.list_of(values.words), []),
    "externalIPs": Field(values.list_of(values.address_of_either_family), []),
    "loadBalancerIP": Field(values.address_of_either_family),
    "loadBalancerSourceRanges": Field(_source_ranges, []),
    "sessionAffinity": Field(values.choice(*AFFINITIES), NO_AFFINITY),
    "sessionAffinityConfig": Field(
        values.excerpt(lambda clientIP: clientIP, {"clientIP": Field(_CLIENT_IP)})  # noqa: N803
    ),
    "internalTrafficPolicy": Field(values.choice(*words.POLICIES), words.CLUSTER),
    "externalTrafficPolicy": Field(values.choice(*words.POLICIES), words.CLUSTER),
    "allocateLoadBalancerNodePorts": Field(values.truth, default=True),
    "publishNotReadyAddresses": Field(values.truth, default=False),
}
_ANNOTATIONS = values.excerpt(
    dict,
    {
        ALGORITHM: Field(values.choice(*words.ALGORITHMS), words.RANDOM),
        SOURCE_RANGES: Field(lambda value: _source_ranges(values.words(value).split(",")), []),
    },
)
_SERVICE = values.excerpt(
    dict,
    {
        "metadata": Field(
            values.excerpt(
                dict,
                {
                    "name": Field(values.dns_label, needed="a DNS-1123 label such as web"),
                    "namespace": NAMESPACE,
                    "annotations": Field(_ANNOTATIONS, _ANNOTATIONS({})),
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


def _service(manifest: dict[str, Any], pass_over: Pass) -> Service | None:
    spec = manifest.get("spec")
    if isinstance(spec, dict) and spec.get("type") == EXTERNAL_NAME:
        pass_over(passed.EXTERNAL_NAMES)
        return None
    item = _SERVICE(manifest)
    about, spec = item["metadata"], item["spec"]
    given = [] if spec["clusterIP"] is None else [spec["clusterIP"]]
    given += spec["clusterIPs"]
    of_ipv4 = partial(passed.of_ipv4, pass_over=pass_over)
    if _is_of_ipv6_alone(given, spec["ipFamilies"]):
        pass_over(passed.IPV6_SERVICES)
        return None
    cluster_ips = list(of_ipv4(given))
    headless = HEADLESS in cluster_ips
    ports = [port for port in spec["ports"] if port.protocol in words.PROTOCOLS]
    if len(ports) < len(spec["ports"]):
        pass_over(passed.SCTP_PORTS if ports else passed.SCTP_SERVICES)
        if not ports:
            return None
    balanced, ranges = [], []
    if spec["type"] == words.LOAD_BALANCER:  # what else has them, has them without effect
        balanced = list(of_ipv4(ip for ip in item["status"] if ip is not None))
        if not balanced and spec["loadBalancerIP"] is not None:
            balanced = list(of_ipv4([spec["loadBalancerIP"]]))
        ranges = _ranges(spec["loadBalancerSourceRanges"], about["annotations"], pass_over)
    lasting = spec["sessionAffinityConfig"] or AFFINITY_TIMEOUT
    return Service(
        where="",
        name=f"{about['namespace']}/{about['name']}",
        type=spec["type"],
        headless=headless,
        cluster_ip=None if headless or not cluster_ips else cluster_ips[0],
        ports=tuple(ports),
        selector=spec["selector"],
        backends=None,
        external_ips=tuple(of_ipv4(spec["externalIPs"])),
        load_balancer_ips=tuple(balanced),
        source_ranges=tuple(ranges),
        internal_policy=spec["internalTrafficPolicy"],
        external_policy=spec["externalTrafficPolicy"],
        affinity=lasting if spec["sessionAffinity"] == CLIENT_IP else 0,
        node_ports=spec["type"] != words.LOAD_BALANCER or spec["allocateLoadBalancerNodePorts"],
        algorithm=about["annotations"][ALGORITHM],
        publish_not_ready=spec["publishNotReadyAddresses"],
    )


def _is_of_ipv6_alone(cluster_ips: list[Any], families: list[str]) -> bool:
    if families and "IPv4" not in families:
        return True
    return bool(cluster_ips) and all(isinstance(each, OfIPv6) for each in cluster_ips)


def _ranges(given: list[Any], annotations: Mapping[str, Any], pass_over: Pass) -> list[Prefix]:
    """Return the prefixes of clients from outside: none where everybody may come."""
    listed = given or annotations[SOURCE_RANGES]
    found = [each for each in listed if isinstance(each, Prefix)]
    if listed and not found:
        pass_over(passed.IPV6_RANGES)
        return [NOBODY]
    return list(passed.of_ipv4(listed, pass_over))


#: Reader of each kind, and the group of its versions.
_READERS: dict[str, tuple[Callable[[dict[str, Any], Pass], Service | Backends | None], str]] = {
    "Service": (_service, ""),
    "EndpointSlice": (of_slice, "discovery.k8s.io"),
    "Endpoints": (of_endpoints, ""),
}
