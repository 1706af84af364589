# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The variables of services, read one by one: see docs/planning.md for their meaning."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ...services import words
from .. import values
from ..values import Field, Invalid
from . import manifests
from .model import (
    AFFINITIES,
    AFFINITY_TIMEOUT,
    CLIENT_IP,
    HEADLESS,
    NO_AFFINITY,
    NODE_PORTS,
    Backend,
    Given,
    Port,
    Service,
    target,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SERVICES, MANIFESTS = "podnet_services", "podnet_service_manifests"
NODE_PORT_RANGE = "podnet_service_node_port_range"

_NODE_PORT_RANGE = f"{NODE_PORTS[0]}-{NODE_PORTS[-1]}"

_RANGE = re.compile(r"\s*([0-9]{1,5})\s*-\s*([0-9]{1,5})\s*")


def node_port_range(value: object) -> str:
    """Read the range of node ports, written as kube-apiserver has it."""
    found = _RANGE.fullmatch(value) if isinstance(value, str) else None
    first, last = map(int, found.groups()) if found else (0, 0)
    if not NODE_PORTS[0] <= first <= last <= NODE_PORTS[-1]:
        valid = f"a range such as {NODE_PORTS[0]}-31999 that lies within {_NODE_PORT_RANGE}"
        raise Invalid(value, valid)
    return f"{first}-{last}"


def _range(written: str) -> range:
    first, _dash, last = written.partition("-")
    return range(int(first), int(last) + 1)


#: Variables with one value for the whole cluster, as in ``inventory``.
VARIABLES: dict[str, Field] = {
    "podnet_service_cidr": Field(values.prefix),
    "podnet_load_balancer_cidrs": Field(values.list_of(values.prefix), []),
    NODE_PORT_RANGE: Field(node_port_range, _NODE_PORT_RANGE),
    SERVICES: Field(values.listed, []),
    MANIFESTS: Field(values.listed, []),
}


def cluster_ip(value: object) -> int | str:
    """Read a cluster IP, or the word for none."""
    return HEADLESS if value == HEADLESS else values.address(value)


def _port(
    *, name: str, port: int, target_port: int | str | None, protocol: str, node_port: int | None
) -> Port:
    return Port(name, protocol, port, port if target_port is None else target_port, node_port)


def _backend(*, ip: int, port: int | None, state: str, node: str | None) -> Backend:
    return Backend(ip, node, state, port)


_PORTS = values.list_of(
    values.record(
        _port,
        {
            "name": Field(values.dns_label, ""),
            "port": Field(values.port, needed="the service's port such as 80"),
            "target_port": Field(target),
            "protocol": Field(values.protocol, values.PROTOCOLS[0]),
            "node_port": Field(values.port),
        },
    )
)
_BACKENDS = values.list_of(
    values.record(
        _backend,
        {
            "ip": Field(values.address, needed="the backend's IPv4 address"),
            "port": Field(values.port),
            "state": Field(values.choice(*words.STATES), words.ACTIVE),
            "node": Field(values.words),
        },
    )
)
_FIELDS = {
    "name": Field(values.dns_label, needed="a DNS-1123 label such as web"),
    "namespace": Field(values.dns_label, "default"),
    "type": Field(values.choice(*words.TYPES), words.CLUSTER_IP),
    "cluster_ip": Field(cluster_ip),
    "ports": Field(_PORTS, []),
    "selector": Field(values.labels, {}),
    "backends": Field(_BACKENDS),
    "external_ips": Field(values.list_of(values.address), []),
    "load_balancer_ip": Field(values.address),
    "load_balancer_source_ranges": Field(values.list_of(values.prefix), []),
    "session_affinity": Field(values.choice(*AFFINITIES), NO_AFFINITY),
    "session_affinity_timeout": Field(values.whole(1, words.AFFINITY_MAX), AFFINITY_TIMEOUT),
    "internal_traffic_policy": Field(values.choice(*words.POLICIES), words.CLUSTER),
    "external_traffic_policy": Field(values.choice(*words.POLICIES), words.CLUSTER),
    "allocate_node_ports": Field(values.truth, default=True),
    "algorithm": Field(values.choice(*words.ALGORITHMS), words.RANDOM),
}
_ITEM = values.record(dict, _FIELDS)


def read(
    given: Mapping[str, Any],
    problems: list[str],
    others: Iterable[tuple[str, dict[str, Any]]] = (),
) -> Given:
    """Read what the inventory of a cluster says of services.

    :param given: values by the names in :data:`VARIABLES`.
    :param problems: gets a sentence for each service that is none.
    :param others: further manifests, each with where it stands.
    """
    services = list(items(given[SERVICES], SERVICES, problems))
    found = manifests.read(given[MANIFESTS], services, problems, others)
    return Given(
        given["podnet_service_cidr"],
        tuple(given["podnet_load_balancer_cidrs"]),
        _range(given[NODE_PORT_RANGE]),
        tuple(found.services),
        tuple(found.warnings),
    )


def items(listed: Iterable[Any], where: str, problems: list[str]) -> Iterable[Service]:
    """Read services in the form of ``podnet_services``; ``where`` is the variable or the file."""
    for number, item in enumerate(listed):
        whose = f"{where}[{number}]"
        if isinstance(item, dict) and isinstance(item.get("name"), str) and item["name"]:
            whose = f"{where} {item.get('namespace') or 'default'}/{item['name']}"
        try:
            yield _service(whose, _ITEM(item))
        except Invalid as invalid:
            problems.append(invalid.sentence(whose))


def _service(whose: str, item: dict[str, Any]) -> Service:
    if item["selector"] and item["backends"]:
        raise Invalid(item["selector"], "either selector or backends, not both", ".selector")
    headless = item["cluster_ip"] == HEADLESS
    lasting = item["session_affinity"] == CLIENT_IP
    load_balancer = item["load_balancer_ip"]
    return Service(
        where=whose,
        name=f"{item['namespace']}/{item['name']}",
        type=item["type"],
        headless=headless,
        cluster_ip=None if headless else item["cluster_ip"],
        ports=tuple(item["ports"]),
        selector=item["selector"],
        backends=None if item["backends"] is None else tuple(item["backends"]),
        external_ips=tuple(item["external_ips"]),
        load_balancer_ips=() if load_balancer is None else (load_balancer,),
        source_ranges=tuple(item["load_balancer_source_ranges"]),
        internal_policy=item["internal_traffic_policy"],
        external_policy=item["external_traffic_policy"],
        affinity=item["session_affinity_timeout"] if lasting else 0,
        node_ports=item["allocate_node_ports"],
        algorithm=item["algorithm"],
    )
