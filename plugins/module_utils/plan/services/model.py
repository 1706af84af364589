# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A service as it was given, in an item of ``podnet_services`` or in a manifest: one form of both.

Addresses are integers. What was left open is None: the allocation fills it in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ...datapath import service_layout
from ...services import words
from .. import values
from ..prefix import text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..prefix import Prefix

#: Whether a client keeps its backend.
NO_AFFINITY, CLIENT_IP = AFFINITIES = ("None", "ClientIP")

#: Kubernetes' own, in seconds: three hours.
AFFINITY_TIMEOUT = 10800

#: How Kubernetes says that a service has no address of its own.
HEADLESS = "None"


class Port(NamedTuple):
    """A port of a service; ``target`` is the backends' port, or the name that they have for it."""

    name: str
    protocol: str
    port: int
    target: int | str
    node_port: int | None

    @property
    def label(self) -> str:
        """Name or number, and the protocol: what tells it from the service's other ports."""
        return words.label(self.name, self.port, self.protocol)


class Backend(NamedTuple):
    """A backend by its address.

    :param node: the node that it is on, by its own word; None: the one that its address tells.
    :param ports: its port; None: the target port; by (name, protocol) of the service's ports.
    """

    ip: int
    node: str | None
    state: str
    ports: int | Mapping[tuple[str, str], int] | None


@dataclass(frozen=True)
class Service:
    """One service.

    :param where: what a sentence about it begins with: the variable or file, and its name.
    :param name: namespace/name.
    :param backends: as given; None: those that the selector finds.
    :param node_ports: whether ports get node ports that were not given, where the type has them.
    :param publish_not_ready: whether backends that are not ready count as if they were.
    :param affinity: seconds for which a client keeps its backend; 0: none.
    """

    where: str
    name: str
    type: str
    headless: bool
    cluster_ip: int | None
    ports: tuple[Port, ...]
    selector: Mapping[str, str]
    backends: tuple[Backend, ...] | None
    external_ips: tuple[int, ...]
    load_balancer_ips: tuple[int, ...]
    source_ranges: tuple[Prefix, ...]
    internal_policy: str
    external_policy: str
    affinity: int
    node_ports: bool
    algorithm: str
    publish_not_ready: bool = False

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return self.name.partition("/")[0]

    def wants_node_port(self, port: Port) -> bool:
        """Say whether a port is to get a node port, and was given none."""
        return self.type != words.CLUSTER_IP and self.node_ports and port.node_port is None

    def outside_addresses(self) -> list[tuple[str, int]]:
        """Return its addresses for clients from outside, each with what it is."""
        found = [("external IP", ip) for ip in self.external_ips]
        return found + [("load balancer IP", ip) for ip in self.load_balancer_ips]

    def says(self, what: str, value: object) -> str:
        """Begin a sentence: whose it is, what, and its value."""
        return f"{self.where} has the {what} {text(value) if 'IP' in what else value}"  # type: ignore[arg-type]


#: The most that node ports may be: flows with the node's address get the ports below and above.
NODE_PORTS = range(service_layout.NODE_PORTS[0], service_layout.NODE_PORTS[1] + 1)


@dataclass(frozen=True)
class Given:
    """What the inventory of a cluster says of services."""

    service_cidr: Prefix | None = None
    load_balancer_cidrs: tuple[Prefix, ...] = ()
    node_ports: range = NODE_PORTS
    services: tuple[Service, ...] = ()
    warnings: tuple[str, ...] = field(default=())


def target(value: object) -> int | str:
    """Read a target port: a number, or the name of a port of the pods' containers."""
    if isinstance(value, str) and not value.isdecimal():
        return values.port_name(value)
    return values.port(value)  # type: ignore[no-any-return]
