# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an inventory describes: clusters, their ranges, node groups, nodes and pods.

Addresses are integers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from ..names import DEFAULT_NAMESPACE
from .metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .containers import ContainerPort
    from .masquerade import Masquerade
    from .policy.model import Policy
    from .prefix import Prefix
    from .services.model import Given

NETWORK_TYPES = ("native_routing", "overlay")


@dataclass(frozen=True)
class Subnet:
    """A primary range: the nodes' own addresses, and the VPC's gateway among them."""

    name: str
    cidr: Prefix
    gateway: int


@dataclass(frozen=True)
class Range:
    """A secondary range: the CIDRs of nodes are cut from it. ``cluster`` owns it, where set."""

    name: str
    cidr: Prefix
    cluster: str | None


@dataclass(frozen=True)
class Group:
    """A node group: its ranges in the order of use; ``subnet`` None takes a node of any."""

    name: str
    subnet: Subnet | None
    ranges: tuple[Range, ...]
    mask: int


class Pod(NamedTuple):
    """A pod; ``ip`` is set where it is fixed by hand, ``netns`` where that is there already.

    ``name`` is that of its endpoint: see :func:`names.endpoint`. ``where`` is the manifest, where
    it is in one.
    """

    name: str
    ip: int | None
    labels: dict[str, str]
    containers: list[dict[str, Any]]
    netns: str | None = None
    ports: tuple[ContainerPort, ...] = ()
    namespace: str = DEFAULT_NAMESPACE
    where: str = ""


@dataclass(frozen=True)
class Deployment:
    """Pods NAME-1 to NAME-replicas, on nodes of one group or of all.

    ``name`` begins as the names of its endpoints do: see :func:`names.endpoint`. Without
    ``replicas`` it is one pod, by the name itself. ``where`` is the manifest, where it is in one.
    """

    name: str
    replicas: int | None
    labels: dict[str, str]
    containers: list[dict[str, Any]]
    node_group: str | None
    ports: tuple[ContainerPort, ...]
    namespace: str = DEFAULT_NAMESPACE
    where: str = ""

    def pods(self) -> list[Pod]:
        """Return its pods in the order of their numbers."""
        shared = (None, self.labels, self.containers, None, self.ports, self.namespace, self.where)
        if self.replicas is None:
            return [Pod(self.name, *shared)]
        return [Pod(f"{self.name}-{number}", *shared) for number in range(1, self.replicas + 1)]


class Tunnel(NamedTuple):
    """What all tunnels of an overlay share; ``direct`` spares peers on the same subnet theirs."""

    vni: int
    port: int
    direct: bool
    checksum_offload: bool


@dataclass(frozen=True)
class Node:
    """A node. ``pod_cidr``, ``health_ip`` and ``max_pods`` are set where fixed by hand.

    ``vtep`` is the address of its tunnel endpoint, ``vxlan_device`` the device below the tunnel.
    Its pods reach the outside by ``egress_devices``, by the node's device where there are none;
    ``addresses`` are further ones of its own. A change that nobody confirms within
    ``confirm_timeout`` seconds is undone, with 0 none is. Of ``flows`` packets one is counted;
    0: none is.
    """

    name: str
    ip: int
    group: Group
    subnet: Subnet
    device: str | None
    mtu: int | None
    attach_mode: str
    vtep: int
    vxlan_device: str | None
    pod_cidr: Prefix | None
    health_ip: int | None
    max_pods: int | None
    pods: tuple[Pod, ...]
    egress_devices: tuple[str, ...] = ()
    addresses: tuple[int, ...] = ()
    metrics: Metrics = field(default_factory=Metrics)
    confirm_timeout: int = 0
    flows: int = 0


@dataclass(frozen=True)
class Cluster:
    """One cluster; ``nodes`` in the order of the inventory.

    ``forget`` holds the addresses of nodes that left it for good, ``namespaces`` the labels of
    those namespaces that are listed (see ``namespaces``). ``namespaced`` says whether any was
    named: where none is, pods are in none to services, as before there were namespaces.
    ``warnings`` are what a person should know of what was given.
    """

    name: str
    network_type: str
    datapath: str
    vpc: Prefix
    native_routing: Prefix
    subnets: tuple[Subnet, ...]
    ranges: tuple[Range, ...]
    groups: tuple[Group, ...]
    deployments: tuple[Deployment, ...]
    tunnel: Tunnel
    services: Given
    masquerade: Masquerade | None = None
    forget: tuple[Prefix, ...] = ()
    namespaces: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    namespaced: bool = False
    warnings: tuple[str, ...] = ()
    policies: tuple[Policy, ...] = ()
    nodes: dict[str, Node] = field(default_factory=dict)

    @property
    def native(self) -> bool:
        """Say whether pods keep their addresses on every wire."""
        return self.network_type == NETWORK_TYPES[0]
