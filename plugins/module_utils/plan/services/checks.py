# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What services, as they were given, must not mean together and in their cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...services import words
from ..prefix import Prefix, text
from .around import Homes, within

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from .around import Around
    from .model import Given, Service

#: RFC 1122, 3927 and 5771: what no service and no backend has.
SPECIAL = tuple(
    (what, Prefix(first << 24 | second << 16, length))
    for what, first, second, length in (
        ("this network", 0, 0, 8),
        ("loopback", 127, 0, 8),
        ("link-local", 169, 254, 16),
        ("multicast", 224, 0, 4),
        ("reserved", 240, 0, 4),
    )
)
#: A port of a pod at this address of its node is for processes of the node alone.
LOOPBACK = 127 << 24 | 1

#: Shortest service CIDR that leaves an address: the first and the last are not used.
SERVICE_CIDR_MAX = 30


def cidrs(given: Given, around: Around) -> Iterator[str]:
    """Yield what is wrong with the CIDRs of services."""
    cidr = given.service_cidr
    if cidr is not None:
        what = f"podnet_service_cidr is {cidr}"
        if cidr.length > SERVICE_CIDR_MAX:
            yield f"{what}; valid is a CIDR of at least four addresses, such as 10.96.0.0/16."
        yield from (
            f"{what}, which overlaps {name} {other}; valid is a CIDR that shares no address with "
            "subnets, secondary ranges and nodes."
            for name, other in (*around.subnets, *around.ranges, *SPECIAL)
            if cidr.overlaps(other)
        )
        yield from (
            f"{what}, which holds {text(ip)} of {node}; valid is a CIDR that shares no address "
            "with subnets, secondary ranges and nodes."
            for ip, node in around.nodes.items()
            if cidr.holds(ip) and not within(around.subnets, ip)
        )
    for number, each in enumerate(given.load_balancer_cidrs):
        others = [*around.ranges, *SPECIAL]
        if cidr is not None:
            others.append(("podnet_service_cidr", cidr))
        yield from (
            f"podnet_load_balancer_cidrs[{number}] is {each}, which overlaps {name} {other}; valid "
            "is a CIDR that is routed to the nodes and that pods and cluster IPs do not have."
            for name, other in others
            if each.overlaps(other)
        )


def services(given: Sequence[Service], around: Around) -> Iterator[str]:
    """Yield what is wrong with services: each by itself, then among each other."""
    homes = Homes(around)
    for service in given:
        yield from _kind(service)
        yield from _ports(service, around.node_ports)
        yield from _cluster_ip(service, around)
        yield from _outside_addresses(service, around)
        yield from _backends(service, around, homes)
    yield from _twice(given)
    yield from _frontends(given, around)


def _kind(service: Service) -> Iterator[str]:
    balanced = service.type == words.LOAD_BALANCER
    if service.headless and service.type != words.CLUSTER_IP:
        yield f"{service.where} has no cluster IP and type {service.type}; valid is ClusterIP."
    if not service.headless and not service.ports:
        yield f"{service.where}.ports is not set; valid is a list such as [{{port: 80}}]."
    if service.load_balancer_ips and not balanced:
        yield (
            f"{service.says('load balancer IP', service.load_balancer_ips[0])} and type "
            f"{service.type}; valid is LoadBalancer."
        )
    if service.source_ranges and not balanced:
        yield (
            f"{service.says('source range', service.source_ranges[0])} and type "
            f"{service.type}; valid is LoadBalancer."
        )


def _ports(service: Service, node_ports: range) -> Iterator[str]:
    numbers: set[tuple[int, str]] = set()
    labels: set[str] = set()
    for port in service.ports:
        if (port.port, port.protocol) in numbers:
            yield (
                f"{service.says('port', f'{port.port}/{port.protocol}')} twice; each port is "
                "valid once for each protocol."
            )
        elif port.label in labels or port.name in labels:
            yield f"{service.says('port name', port.name or port.port)} twice; each is valid once."
        numbers.add((port.port, port.protocol))
        labels.update({port.label, port.name} - {""})
        if port.node_port is None:
            continue
        if port.node_port not in node_ports:
            yield (
                f"{service.says('node port', port.node_port)}; valid is a port from "
                f"{node_ports[0]} to {node_ports[-1]}."
            )
        if service.type == words.CLUSTER_IP:
            yield (
                f"{service.says('node port', port.node_port)} and type ClusterIP; valid is "
                "NodePort or LoadBalancer."
            )


def _cluster_ip(service: Service, around: Around) -> Iterator[str]:
    cidr, ip = around.service_cidr, service.cluster_ip
    if service.headless:
        return
    if ip is None:
        if not around.allocates:
            yield f"{service.where} has no cluster IP; valid is an IPv4 address, or None."
        elif cidr is None:
            yield (
                f"podnet_service_cidr is not set, and {service.where} needs an address; valid is "
                "a CIDR such as 10.96.0.0/16."
            )
        return
    special = within(SPECIAL, ip)
    if special:
        yield f"{service.says('cluster IP', ip)}, which is {special[0]}; valid is another address."
    elif cidr is None:
        if around.allocates:
            yield (
                f"podnet_service_cidr is not set, and {service.says('cluster IP', ip)}; valid is "
                "a CIDR that holds it."
            )
    elif not cidr.holds(ip):
        yield (
            f"{service.says('cluster IP', ip)}, which lies outside podnet_service_cidr {cidr}; "
            "valid is an address of it, or none, and one is chosen."
        )
    elif cidr.reserves(ip):
        yield (
            f"{service.says('cluster IP', ip)}, which is reserved; valid is an address of {cidr} "
            "other than the first and the last."
        )


def _outside_addresses(service: Service, around: Around) -> Iterator[str]:
    given = service.outside_addresses()
    if len(set(given)) < len(given) or set(service.external_ips) & set(service.load_balancer_ips):
        shown = ", ".join(text(ip) for _what, ip in given)
        yield f"{service.where} has the addresses {shown}; each is valid once."
    for what, ip in given:
        named = [*SPECIAL, *around.ranges]
        if around.service_cidr is not None:
            named.append(("podnet_service_cidr", around.service_cidr))
        inside = within(named, ip)
        says = service.says(what, ip)
        if inside:
            yield (
                f"{says}, which lies within {inside[0]} {inside[1]}; valid is an address that "
                "pods and cluster IPs do not have."
            )
        elif ip in around.gateways:
            yield f"{says}, which is a gateway of the VPC; valid is another address."
        elif what == "external IP":
            continue
        elif ip in around.nodes:
            yield f"{says}, which is the address of {around.nodes[ip]}; valid is another address."
        elif around.allocates and not any(e.holds(ip) for e in around.load_balancer_cidrs):
            listed = ", ".join(str(each) for each in around.load_balancer_cidrs) or "not set"
            yield (
                f"{says}, which lies outside podnet_load_balancer_cidrs; that is {listed}, and "
                "valid is an address of it."
            )


def _backends(service: Service, around: Around, homes: Homes) -> Iterator[str]:
    named = SPECIAL
    if around.service_cidr is not None:
        named = (*SPECIAL, ("podnet_service_cidr", around.service_cidr))
    for backend in service.backends or ():
        inside = within(named, backend.ip)
        if inside:
            yield (
                f"{service.says('backend IP', backend.ip)}, which lies within {inside[0]} "
                f"{inside[1]}; valid is the address of a pod or a host."
            )
        if isinstance(backend.ports, dict):
            continue  # a manifest: where its nodes are none of ours, addresses tell
        if backend.node is not None and around.allocates and backend.node not in homes.names:
            yield (
                f"{service.says('backend IP', backend.ip)} on node {backend.node}, which is no "
                "node of the cluster; valid is the name of one, or none."
            )
        if backend.ports is None:
            yield from (
                f"{service.says('backend IP', backend.ip)} without a port, and port {port.label} "
                f"has the target port {port.target!r}, which only pods have by name; valid is a "
                "number."
                for port in service.ports
                if isinstance(port.target, str)
            )


def _twice(given: Iterable[Service]) -> Iterator[str]:
    holder: dict[str, Service] = {}
    addresses: dict[int, Service] = {}
    for service in given:
        first = holder.setdefault(service.name, service)
        if first is not service:
            yield (
                f"{service.where} is given twice, as {first.where} before; each service is valid "
                "once."
            )
        elif service.cluster_ip is not None:
            other = addresses.setdefault(service.cluster_ip, service)
            if other is not service:
                yield (
                    f"{service.says('cluster IP', service.cluster_ip)}, which {other.where} has "
                    "too; each address is valid once."
                )


def _frontends(given: Iterable[Service], around: Around) -> Iterator[str]:
    """Yield the node ports, and the addresses with port and protocol, that two services have."""
    node_ports: dict[tuple[int, str], Service] = {}
    for service in given:
        for port in service.ports:
            if port.node_port is None:
                continue
            key = (port.node_port, port.protocol)
            other = node_ports.setdefault(key, service)
            if other is not service or _times(service, key) > 1:
                whose = "which it has" if other is service else f"which {other.where} has"
                yield (
                    f"{service.says('node port', '{}/{}'.format(*key))}, {whose} too; each is "
                    "valid once."
                )
    taken: dict[tuple[int, int, str], Service] = {}
    for service in given:
        for what, ip in service.outside_addresses():
            for port in service.ports:
                shown = f"{service.says(what, ip)} with port {port.port}/{port.protocol}"
                other = taken.setdefault((ip, port.port, port.protocol), service)
                if other is not service and other.name != service.name:
                    yield (
                        f"{shown}, which {other.where} has too; each address, port and protocol "
                        "is valid once."
                    )
                shadowed = node_ports.get((port.port, port.protocol))
                if shadowed is not None and ip in around.nodes:
                    yield (
                        f"{shown}, which is the node port of {shadowed.where} on "
                        f"{around.nodes[ip]}; valid is another port or address."
                    )


def _times(service: Service, key: tuple[int, str]) -> int:
    return sum((port.node_port, port.protocol) == key for port in service.ports)


def host_ports(
    given: Iterable[Service], around: Around, node_ports: Mapping[tuple[int, str], str]
) -> Iterator[str]:
    """Yield the ports of a node that two pods want, or a pod and a service.

    :param node_ports: name of the service by its node port.
    """
    at_nodes = {
        (around.nodes[ip], port.port, port.protocol): (service.name, ip)
        for service in given
        for ip in service.external_ips
        if ip in around.nodes
        for port in service.ports
    }
    taken: dict[tuple[str, int, str], list[tuple[int | None, str]]] = {}
    addresses: dict[str, list[int]] = {}
    for ip, name in around.nodes.items():
        addresses.setdefault(name, []).append(ip)
    for placed in around.pods:
        for port in placed.pod.ports:
            if port.host_port is None:
                continue
            what = f"host_port {port.host_port}/{port.protocol} of pod {placed.pod.name}"
            if port.host_ip and port.host_ip not in (*addresses[placed.node], LOOPBACK):
                valid = " or ".join(text(each) for each in addresses[placed.node])
                yield (
                    f"{what} has the host_ip {text(port.host_ip)}, which {placed.node} does not "
                    f"have; valid is {valid}, {text(LOOPBACK)} for the node's own processes, or "
                    "none for all of its addresses."
                )
            service = node_ports.get((port.host_port, port.protocol))
            if service is not None:
                yield f"{what} is the node port of {service}, too; valid is another port."
            at = (placed.node, port.host_port, port.protocol)
            if at in at_nodes:
                name, ip = at_nodes[at]
                yield (
                    f"{what} is the port of {name} at {text(ip)} of {placed.node}, too; valid is "
                    "another port."
                )
            held = taken.setdefault(at, [])
            yield from (
                f"{what} is that of pod {other} on {placed.node}, too; a port of a node is valid "
                "once."
                for ip, other in held
                if not ip or not port.host_ip or ip == port.host_ip
            )
            held.append((port.host_ip, placed.pod.name))
