# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What stands in the maps as a number, as people say it."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from ..datapath import service_layout as layout

if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS = {
    layout.SERVICE_CLUSTER_IP: "ClusterIP",
    layout.SERVICE_NODE_PORT: "NodePort",
    layout.SERVICE_EXTERNAL_IP: "ExternalIP",
    layout.SERVICE_LOAD_BALANCER: "LoadBalancer",
    layout.SERVICE_HOST_PORT: "HostPort",
}
PROTOCOLS = {"TCP": socket.IPPROTO_TCP, "UDP": socket.IPPROTO_UDP}
PROTOCOL_NAMES = {number: word for word, number in PROTOCOLS.items()}
FLAGS = {
    layout.SERVICE_OUTSIDE: "outside",
    layout.SERVICE_SOURCE_RANGES: "source ranges",
    layout.SERVICE_MAGLEV: "maglev",
    layout.SERVICE_LOCAL_OUTSIDE: "local",
    layout.SERVICE_ALLOCATED: "allocated",
}
ACTIVE, TERMINATING = "active", "terminating"
#: Nothing new goes to these, and nothing that they have is taken away.
RESTING = ("quarantined", "maintenance")
STATES = (ACTIVE, TERMINATING, *RESTING)


def full_name(service: Mapping[str, Any], port: Mapping[str, Any]) -> str:
    """Return how a port of a service is called: ``namespace/service:port/PROTOCOL``."""
    label = port.get("name") or port["port"]
    return f"{service['name']}:{label}/{port.get('protocol') or 'TCP'}"


def kind(number: int) -> str:
    """Name a kind of frontend."""
    return KINDS.get(number, str(number))


def protocol(number: int) -> str:
    """Name a protocol."""
    return PROTOCOL_NAMES.get(number, str(number))


def flags(number: int) -> list[str]:
    """Name the flags of a frontend."""
    return [word for bit, word in FLAGS.items() if number & bit]
