# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The words of services, which users, the plan and the nodes have in common; maps hold numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..datapath import service_layout as layout
from ..engine import protocols

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The types of services.
CLUSTER_IP, NODE_PORT, LOAD_BALANCER = TYPES = ("ClusterIP", "NodePort", "LoadBalancer")
#: The type of what the plan makes of the host ports of a pod.
HOST_PORT = "HostPort"
CLUSTER, LOCAL = POLICIES = ("Cluster", "Local")
RANDOM, MAGLEV = ALGORITHMS = ("random", "maglev")
#: Most seconds that session affinity lasts: those of a day, as in Kubernetes.
AFFINITY_MAX = 86400
ACTIVE, TERMINATING = "active", "terminating"
#: Nothing new goes to these, and nothing that they have is taken away.
QUARANTINED, MAINTENANCE = RESTING = ("quarantined", "maintenance")
#: Of a backend, the better ones first.
STATES = (ACTIVE, TERMINATING, *RESTING)

KINDS = {
    layout.SERVICE_CLUSTER_IP: CLUSTER_IP,
    layout.SERVICE_NODE_PORT: NODE_PORT,
    layout.SERVICE_EXTERNAL_IP: "ExternalIP",
    layout.SERVICE_LOAD_BALANCER: LOAD_BALANCER,
    layout.SERVICE_HOST_PORT: HOST_PORT,
}
PROTOCOLS = protocols.numbers("TCP", "UDP")
FLAGS = {
    layout.SERVICE_OUTSIDE: "outside",
    layout.SERVICE_SOURCE_RANGES: "source ranges",
    layout.SERVICE_MAGLEV: MAGLEV,
    layout.SERVICE_LOCAL_OUTSIDE: "local",
    layout.SERVICE_ALLOCATED: "allocated",
}


def label(name: str | None, port: int, protocol: str | None) -> str:
    """Return what tells a port from the service's other ones: name or number, and protocol."""
    return f"{name or port}/{protocol or 'TCP'}"


def full_name(service: str, port: str) -> str:
    """Return how a port is called by its label: ``namespace/service:port/PROTOCOL``."""
    return f"{service}:{port}"


def name_of(service: Mapping[str, Any], port: Mapping[str, Any]) -> str:
    """Return how a port of a service that nodes get is called."""
    return full_name(service["name"], label(port.get("name"), port["port"], port.get("protocol")))


def kind(number: int) -> str:
    """Name a kind of frontend."""
    return KINDS.get(number, str(number))


def flags(number: int) -> list[str]:
    """Name the flags of a frontend."""
    return [word for bit, word in FLAGS.items() if number & bit]
