"""Services as the nftables rules that kube-proxy makes of them, for ``nft -f``.

A verdict map leads from address, protocol and port to the chain of a service; there a random number
leads to the chain of an endpoint.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from ipaddress import IPv4Address, IPv4Network

    from .service_list import Service

TABLE = "ip kube-proxy"
_BY_SERVICE = "type ipv4_addr . inet_proto . inet_service : verdict ;"
_BY_PORT = "type inet_proto . inet_service : verdict ;"
_THERE = "ip daddr . meta l4proto . th dport"

#: Table, sets, and the chains with their hooks.
_FRAME = (
    f"add table {TABLE}",
    f"add set {TABLE} cluster-ips {{ type ipv4_addr ; }}",
    f"add set {TABLE} nodeport-ips {{ type ipv4_addr ; }}",
    f"add map {TABLE} no-endpoint-services {{ {_BY_SERVICE} }}",
    f"add map {TABLE} no-endpoint-nodeports {{ {_BY_PORT} }}",
    f"add map {TABLE} firewall-ips {{ {_BY_SERVICE} }}",
    f"add map {TABLE} service-ips {{ {_BY_SERVICE} }}",
    f"add map {TABLE} service-nodeports {{ {_BY_PORT} }}",
    *(
        f"add chain {TABLE} {name} {{ type {kind} hook {hook} priority {priority} ; }}"
        for name, kind, hook, priority in (
            ("filter-prerouting-pre-dnat", "filter", "prerouting", -110),
            ("filter-input", "filter", "input", 0),
            ("filter-forward", "filter", "forward", 0),
            ("filter-output-pre-dnat", "filter", "output", -110),
            ("filter-output", "filter", "output", 0),
            ("nat-prerouting", "nat", "prerouting", -100),
            ("nat-output", "nat", "output", -100),
            ("nat-postrouting", "nat", "postrouting", 100),
        )
    ),
    *(
        f"add chain {TABLE} {name}"
        for name in (
            *("cluster-ips-check", "firewall-check", "mark-for-masquerade", "masquerading"),
            *("nodeport-endpoints-check", "service-endpoints-check", "services"),
        )
    ),
)


def rules(pod_cidr: IPv4Network, service_cidr: str, services: Sequence[Service]) -> str:
    """Return input for nft: sets, maps, chains and hooks as kube-proxy lays them out."""
    return _text(
        *_FRAME,
        *_common(service_cidr),
        *(f"add chain {TABLE} {chain}" for service in services for chain in _chains(service)),
        *(line for service in services for line in _service(pod_cidr, service)),
        *(line for service in services for line in _elements(service)),
    )


def change(pod_cidr: IPv4Network, before: Service, after: Service) -> str:
    """Return input for nft that gives one service its other backends."""
    chain, *endpoints = _chains(after)
    new = [name for name in endpoints if name not in _chains(before)]
    gone = [name for name in _chains(before) if name not in (chain, *endpoints)]
    return _text(
        *(f"add chain {TABLE} {name}" for name in new),
        *(f"flush chain {TABLE} {name}" for name in (chain, *endpoints)),
        *_service(pod_cidr, after),
        *(f"flush chain {TABLE} {name}" for name in gone),
        *(f"delete chain {TABLE} {name}" for name in gone),
    )


def _common(service_cidr: str) -> Iterator[str]:
    """Rules that are the same with any services."""
    new = "ct state new jump"
    for chain, rule in (
        ("filter-prerouting-pre-dnat", f"{new} firewall-check"),
        ("filter-input", f"{new} nodeport-endpoints-check"),
        ("filter-input", f"{new} service-endpoints-check"),
        ("filter-forward", f"{new} service-endpoints-check"),
        ("filter-forward", f"{new} cluster-ips-check"),
        ("filter-output-pre-dnat", f"{new} firewall-check"),
        ("filter-output", f"{new} service-endpoints-check"),
        ("filter-output", f"{new} cluster-ips-check"),
        ("nat-prerouting", "jump services"),
        ("nat-output", "jump services"),
        ("nat-postrouting", "jump masquerading"),
        ("cluster-ips-check", "ip daddr @cluster-ips reject"),
        ("cluster-ips-check", f"ip daddr {{ {service_cidr} }} drop"),
        ("firewall-check", f"{_THERE} vmap @firewall-ips"),
        ("mark-for-masquerade", "meta mark set meta mark or 0x4000"),
        ("masquerading", "meta mark and 0x4000 == 0 return"),
        ("masquerading", "meta mark set meta mark xor 0x4000"),
        ("masquerading", "masquerade fully-random"),
        (
            "nodeport-endpoints-check",
            "ip daddr @nodeport-ips meta l4proto . th dport vmap @no-endpoint-nodeports",
        ),
        ("service-endpoints-check", f"{_THERE} vmap @no-endpoint-services"),
        ("services", f"{_THERE} vmap @service-ips"),
        (
            "services",
            "ip daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports",
        ),
    ):
        yield f"add rule {TABLE} {chain} {rule}"


def _service(pod_cidr: IPv4Network, service: Service) -> Iterator[str]:
    chain, *endpoints = _chains(service)
    yield (
        f"add rule {TABLE} {chain} ip daddr {service.ip} {service.protocol} dport {service.port}"
        f" ip saddr != {pod_cidr} jump mark-for-masquerade"
    )
    goto = ", ".join(f"{turn} : goto {name}" for turn, name in enumerate(endpoints))
    yield f"add rule {TABLE} {chain} numgen random mod {len(endpoints)} vmap {{ {goto} }}"
    for endpoint, (ip, port) in zip(endpoints, service.backends):
        yield f"add rule {TABLE} {endpoint} ip saddr {ip} jump mark-for-masquerade"
        yield f"add rule {TABLE} {endpoint} meta l4proto {service.protocol} dnat to {ip}:{port}"


def _elements(service: Service) -> Iterator[str]:
    there = f"{service.ip} . {service.protocol} . {service.port}"
    yield f"add element {TABLE} cluster-ips {{ {service.ip} }}"
    yield f"add element {TABLE} service-ips {{ {there} : goto {_chains(service)[0]} }}"


def _chains(service: Service) -> list[str]:
    """Return the names of its chain and of its endpoints'."""
    name, port = service.name.split(":")
    what = f"{name}/{service.protocol}/{port}"
    return [
        f"service-{_hash(what)}-{what}",
        *(
            f"endpoint-{_hash(what, _endpoint(*backend))}-{what}__{_endpoint(*backend)}"
            for backend in service.backends
        ),
    ]


def _endpoint(ip: IPv4Address, port: int) -> str:
    return f"{ip}/{port}"


def _hash(*parts: str) -> str:
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:8].upper()


def _text(*lines: str) -> str:
    return "\n".join(lines) + "\n"
