# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What services of a cluster depend on beside themselves: its addresses, its nodes, its pods."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from .model import NODE_PORTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..model import Pod
    from ..prefix import Prefix


class Placed(NamedTuple):
    """A pod that runs, or will after this run: its node and its address."""

    pod: Pod
    node: str
    ip: int


@dataclass(frozen=True)
class Keep:
    """A node whose pods are unknown: what its neighbors know of backends there, they keep.

    :param state: ``active`` as they have it; ``terminating``: without new connections.
    """

    cidr: Prefix
    state: str


@dataclass(frozen=True)
class Around:
    """Surroundings of services.

    :param cidrs: (what it is, CIDR) of pods and nodes, where no service may have an address.
    :param nodes: name of each node by its own addresses.
    :param gateways: addresses of the VPC's gateways.
    :param pod_cidrs: CIDR of each node by its name.
    :param listening: by node, the ports on which its processes listen (see ``listening``).
    :param namespaced: whether services select pods of their own namespace alone.
    :param allocates: whether addresses and node ports that were left open are filled in.
    """

    service_cidr: Prefix | None = None
    load_balancer_cidrs: tuple[Prefix, ...] = ()
    node_ports: range = NODE_PORTS
    subnets: tuple[tuple[str, Prefix], ...] = ()
    ranges: tuple[tuple[str, Prefix], ...] = ()
    nodes: Mapping[int, str] = field(default_factory=dict)
    gateways: frozenset[int] = frozenset()
    pod_cidrs: Mapping[str, Prefix] = field(default_factory=dict)
    pods: tuple[Placed, ...] = ()
    keep: tuple[Keep, ...] = ()
    listening: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    namespaced: bool = False
    allocates: bool = True


class Homes:
    """The node of any address: its own, or one of its pods'."""

    def __init__(self, around: Around) -> None:
        """Sort the CIDRs once, to search them for each backend."""
        self._nodes = around.nodes
        self.names = frozenset(around.nodes.values())
        cidrs = sorted((cidr, name) for name, cidr in around.pod_cidrs.items())
        self._cidrs = [cidr for cidr, _name in cidrs]
        self._firsts = [cidr.first for cidr in self._cidrs]
        self._names = [name for _cidr, name in cidrs]

    def of(self, ip: int) -> str | None:
        """Return the node of an address, None where it is outside the cluster."""
        if ip in self._nodes:
            return self._nodes[ip]
        at = bisect_right(self._firsts, ip) - 1
        return self._names[at] if at >= 0 and self._cidrs[at].holds(ip) else None


def within(cidrs: Iterable[tuple[str, Prefix]], ip: int) -> tuple[str, Prefix] | None:
    """Return the first of a few CIDRs that holds an address."""
    return next((each for each in cidrs if each[1].holds(ip)), None)
