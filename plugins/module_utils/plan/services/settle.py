# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From services as they were given to services as every node gets them: plain data, all decided."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...services import words
from ..prefix import text
from . import checks, limits, listening
from .allocate import Allocated, allocate
from .resolve import resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .around import Around, Placed
    from .model import Given, Service


@dataclass
class Settled:
    """Services as the nodes get them (see docs/planning.md), and what a person should know.

    :param in_the_way: by node, what processes of it would lose.
    """

    services: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    in_the_way: dict[str, list[str]] = field(default_factory=dict)


def settle(given: Given, around: Around, seen: Allocated) -> Settled:
    """Decide what services left open; ``problems`` of the result has all that is wrong.

    :param seen: the allocations that nodes were observed to hold.
    """
    problems = [*checks.cidrs(given, around), *checks.services(given.services, around)]
    if problems:
        return Settled(problems=problems)
    chosen = Allocated()
    if around.allocates:
        chosen = allocate(given.services, around, seen, problems)
    resolved = resolve(given.services, around)
    problems += resolved.problems
    services = [
        _service(service, chosen, backends, around)
        for service, backends in zip(given.services, resolved.backends)
    ]
    node_ports = {
        (port["node_port"], port["protocol"]): service["name"]
        for service in services
        for port in service["ports"]
        if port["node_port"] is not None
    }
    problems += checks.host_ports(given.services, around, node_ports)
    services += _host_ports(around.pods)
    problems += limits.problems(services)
    unbalanced = [
        f"{each.where} has type LoadBalancer and no load balancer IP: none was given, and "
        "podnet_load_balancer_cidrs is not set."
        for each in given.services
        if each.type == words.LOAD_BALANCER
        and not each.load_balancer_ips
        and each.name not in chosen.load_balancer_ips
    ]
    warnings = [*given.warnings, *resolved.warnings, *unbalanced]
    return Settled(services, warnings, problems, listening.problems(services, around))


def _service(
    service: Service,
    chosen: Allocated,
    backends: list[list[dict[str, Any]]],
    around: Around,
) -> dict[str, Any]:
    cluster_ip, allocated = service.cluster_ip, False
    if cluster_ip is None and service.name in chosen.cluster_ips:
        cluster_ip, allocated = chosen.cluster_ips[service.name], True
    balanced = service.load_balancer_ips or chosen.load_balancer_ips.get(service.name, ())
    result: dict[str, Any] = {
        "name": service.name,
        "type": service.type,
        "cluster_ip": None if cluster_ip is None else text(cluster_ip),
        "cluster_ip_allocated": allocated,
        "external_ips": [text(ip) for ip in service.external_ips],
        "load_balancer_ips": [text(ip) for ip in balanced],
        "load_balancer_ips_allocated": bool(balanced and not service.load_balancer_ips),
        "source_ranges": [str(each) for each in service.source_ranges],
        "internal_traffic_policy": service.internal_policy,
        "external_traffic_policy": service.external_policy,
        "session_affinity": service.affinity,
        "algorithm": service.algorithm,
        "ports": [],
    }
    for port, found in zip(service.ports, backends):
        node_port, allocated = port.node_port, False
        if service.wants_node_port(port):
            node_port = chosen.node_ports.get(words.full_name(service.name, port.label))
            allocated = node_port is not None
        result["ports"].append(
            {
                "name": port.name,
                "protocol": port.protocol,
                "port": port.port,
                "node_port": node_port,
                "node_port_allocated": allocated,
                "backends": found,
            }
        )
    if around.keep and service.selector and service.backends is None:
        result["keep"] = [{"cidr": str(k.cidr), "state": k.state} for k in around.keep]
    return result


def _host_ports(pods: Iterable[Placed]) -> Iterator[dict[str, Any]]:
    """Yield the host ports of pods: a service for each of the node's addresses that a pod names."""
    for placed in pods:
        by_address: dict[int | None, list[Any]] = {}
        for port in placed.pod.ports:
            if port.host_port is not None:
                by_address.setdefault(port.host_ip or None, []).append(port)
        for host_ip, ports in by_address.items():
            at = None if host_ip is None else text(host_ip)
            yield {
                "name": placed.pod.name if at is None else f"{placed.pod.name}@{at}",
                "type": words.HOST_PORT,
                "node": placed.node,
                "host_ip": at,
                "ports": [
                    {
                        "name": "",
                        "protocol": port.protocol,
                        "port": port.host_port,
                        "backends": [
                            {
                                "ip": text(placed.ip),
                                "port": port.port,
                                "node": placed.node,
                                "state": words.ACTIVE,
                            }
                        ],
                    }
                    for port in ports
                ],
            }
