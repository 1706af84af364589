"""Services to measure with: many, three backends each, one of which something really answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

FIRST_SERVICE, FIRST_BACKEND = IPv4Address("10.96.0.1"), IPv4Address("172.16.0.1")
SERVICE_CIDR = "10.96.0.0/16"
#: Of every service, and of its backends. ``yardstick.c`` listens there and on the two ports after.
PORT, BACKEND_PORT = 80, 8080
BACKENDS = 3


@dataclass(frozen=True)
class Service:
    """A ClusterIP with one port.

    :param name: of its port, as kube-proxy shows it, ``namespace/service:port``.
    :param backends: address and port of each.
    """

    name: str
    ip: IPv4Address
    backends: tuple[tuple[IPv4Address, int], ...]
    port: int = PORT
    protocol: str = "tcp"


def services(count: int, answers: IPv4Address) -> list[Service]:
    """Return so many services. The one in the middle has its backends where something answers."""
    made = []
    for number in range(count):
        first = FIRST_BACKEND + BACKENDS * number
        made.append(
            Service(
                f"default/svc-{number}:http",
                FIRST_SERVICE + number,
                tuple((first + turn, BACKEND_PORT) for turn in range(BACKENDS)),
            )
        )
    middle = count // 2
    backends = tuple((answers, BACKEND_PORT + turn) for turn in range(BACKENDS))
    made[middle] = replace(made[middle], backends=backends)
    return made


def probed(all_services: Sequence[Service]) -> Service:
    """Return the one that something answers: in a list that is walked, the mean one."""
    return all_services[len(all_services) // 2]


def as_udp(service: Service) -> Service:
    """Return the same port of the same service for UDP."""
    return replace(service, name=f"{service.name}-udp", protocol="udp")


def changed(service: Service) -> Service:
    """Return the service with another last backend."""
    return replace(service, backends=(*service.backends[:-1], (IPv4Address("172.31.255.1"), 8080)))


def variables(all_services: Sequence[Service]) -> list[dict[str, Any]]:
    """Return the same services as ``podnet_services``, where ports of one name are one service."""
    made: dict[str, dict[str, Any]] = {}
    for service in all_services:
        name, port = service.name.removeprefix("default/").split(":")
        item = made.setdefault(
            name,
            {
                "name": name,
                "cluster_ip": str(service.ip),
                "ports": [],
                "backends": [{"ip": str(ip), "port": port} for ip, port in service.backends],
            },
        )
        protocol = service.protocol.upper()
        item["ports"].append({"name": port, "protocol": protocol, "port": service.port})
    return list(made.values())
