"""Services as the iptables rules that kube-proxy makes of them, for iptables-restore."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from ipaddress import IPv4Address, IPv4Network

    from .service_list import Service

_NEW = "-m conntrack --ctstate NEW -m comment --comment"
_PORTALS = '"kubernetes service portals"'
_LOAD_BALANCER = '"kubernetes load balancer firewall"'
_EXTERNAL = '"kubernetes externally-visible service portals"'

_MANGLE_AND_FILTER = (
    "*mangle",
    ":KUBE-IPTABLES-HINT - [0:0]",
    ":KUBE-KUBELET-CANARY - [0:0]",
    ":KUBE-PROXY-CANARY - [0:0]",
    "COMMIT",
    "*filter",
    ":KUBE-EXTERNAL-SERVICES - [0:0]",
    ":KUBE-FIREWALL - [0:0]",
    ":KUBE-FORWARD - [0:0]",
    ":KUBE-NODEPORTS - [0:0]",
    ":KUBE-PROXY-CANARY - [0:0]",
    ":KUBE-PROXY-FIREWALL - [0:0]",
    ":KUBE-SERVICES - [0:0]",
    f"-A INPUT {_NEW} {_LOAD_BALANCER} -j KUBE-PROXY-FIREWALL",
    '-A INPUT -m comment --comment "health check service ports" -j KUBE-NODEPORTS',
    f"-A INPUT {_NEW} {_EXTERNAL} -j KUBE-EXTERNAL-SERVICES",
    "-A INPUT -j KUBE-FIREWALL",
    f"-A FORWARD {_NEW} {_LOAD_BALANCER} -j KUBE-PROXY-FIREWALL",
    '-A FORWARD -m comment --comment "forwarding rules" -j KUBE-FORWARD',
    f"-A FORWARD {_NEW} {_PORTALS} -j KUBE-SERVICES",
    f"-A FORWARD {_NEW} {_EXTERNAL} -j KUBE-EXTERNAL-SERVICES",
    f"-A OUTPUT {_NEW} {_LOAD_BALANCER} -j KUBE-PROXY-FIREWALL",
    f"-A OUTPUT {_NEW} {_PORTALS} -j KUBE-SERVICES",
    "-A OUTPUT -j KUBE-FIREWALL",
    "-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m conntrack"
    " ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP",
    "-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP",
    "-A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT",
    "-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "COMMIT",
)

_NAT_CHAINS = (
    ":KUBE-KUBELET-CANARY - [0:0]",
    ":KUBE-MARK-MASQ - [0:0]",
    ":KUBE-NODEPORTS - [0:0]",
    ":KUBE-POSTROUTING - [0:0]",
    ":KUBE-PROXY-CANARY - [0:0]",
    ":KUBE-SERVICES - [0:0]",
)
_NAT_RULES = (
    f"-A PREROUTING -m comment --comment {_PORTALS} -j KUBE-SERVICES",
    f"-A OUTPUT -m comment --comment {_PORTALS} -j KUBE-SERVICES",
    '-A POSTROUTING -m comment --comment "postrouting rules" -j KUBE-POSTROUTING',
    "-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000",
    "-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN",
    "-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000",
    "-A KUBE-POSTROUTING -m comment --comment"
    ' "service traffic requiring SNAT" -j MASQUERADE --random-fully',
)
_NODE_PORTS = (
    '-A KUBE-SERVICES -m comment --comment "node ports; must be last"'
    " -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS"
)


def rules(pod_cidr: IPv4Network, services: Sequence[Service]) -> str:
    """Return input for iptables-restore: chains, hooks and marks as kube-proxy lays them out.

    A packet between two pods is no service's. It pays for connection tracking, for the state
    matches of the filter table, and a new connection for the walk through the service chain.
    """
    return _text(
        *_MANGLE_AND_FILTER,
        "*nat",
        *_NAT_CHAINS,
        *(f":{chain} - [0:0]" for service in services for chain in _chains(service)),
        *_NAT_RULES,
        *(_entry(service) for service in services),
        _NODE_PORTS,
        *(line for service in services for line in _service(pod_cidr, service)),
        "COMMIT",
    )


def change(pod_cidr: IPv4Network, before: Service, after: Service) -> str:
    """Return input for iptables-restore --noflush that gives one service its other backends.

    It is the least that does it. kube-proxy itself writes its rule for each service into
    ``KUBE-SERVICES`` again on top.
    """
    gone = [chain for chain in _chains(before) if chain not in _chains(after)]
    return _text(
        "*nat",
        *(f":{chain} - [0:0]" for chain in (*_chains(after), *gone)),
        *_service(pod_cidr, after),
        *(f"-X {chain}" for chain in gone),
        "COMMIT",
    )


def _entry(service: Service) -> str:
    """Return the rule that every new connection walks past, until one is its service's."""
    return f"-A KUBE-SERVICES {_match(service)} -j {_chains(service)[0]}"


def _service(pod_cidr: IPv4Network, service: Service) -> Iterator[str]:
    chain, *endpoints = _chains(service)
    yield f"-A {chain} ! -s {pod_cidr} {_match(service)} -j KUBE-MARK-MASQ"
    left = len(endpoints)
    for endpoint, (ip, port) in zip(endpoints, service.backends):
        chance = f" -m statistic --mode random --probability {1 / left:.10f}" if left > 1 else ""
        comment = f'-m comment --comment "{service.name} -> {ip}:{port}"'
        yield f"-A {chain} {comment}{chance} -j {endpoint}"
        left -= 1
    for endpoint, (ip, port) in zip(endpoints, service.backends):
        comment = f"-m comment --comment {service.name}"
        yield f"-A {endpoint} -s {ip}/32 {comment} -j KUBE-MARK-MASQ"
        yield (
            f"-A {endpoint} -p {service.protocol} {comment} -m {service.protocol}"
            f" -j DNAT --to-destination {ip}:{port}"
        )


def _match(service: Service) -> str:
    return (
        f'-d {service.ip}/32 -p {service.protocol} -m comment --comment "{service.name} cluster IP"'
        f" -m {service.protocol} --dport {service.port}"
    )


def _chains(service: Service) -> list[str]:
    """Return the names of its chain and of its endpoints'."""
    return [
        f"KUBE-SVC-{_hash(service.name, service.protocol)}",
        *(
            f"KUBE-SEP-{_hash(service.name, service.protocol, _endpoint(*backend))}"
            for backend in service.backends
        ),
    ]


def _endpoint(ip: IPv4Address, port: int) -> str:
    return f"{ip}:{port}"


def _hash(*parts: str) -> str:
    return base64.b32encode(hashlib.sha256("".join(parts).encode()).digest()).decode()[:16]


def _text(*lines: str) -> str:
    return "\n".join(lines) + "\n"
