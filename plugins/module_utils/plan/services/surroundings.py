# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The surroundings of services, from the plan of their cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...services import words
from .around import Around, Keep, Placed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from ..addresses import Addresses
    from ..cidrs import Allocation
    from ..model import Cluster
    from ..observation import Observed
    from ..schedule import Placement


def of(
    cluster: Cluster,
    clusters: Collection[Cluster],
    allocation: Allocation,
    placement: Placement,
    assigned: Mapping[str, Addresses],
    seen: Mapping[str, Observed],
    asked: Collection[str],
) -> Around:
    """Return the surroundings of a cluster's services.

    :param clusters: all of the inventory: its services hide none of their addresses.
    :param assigned: addresses of the pods of each node.
    :param seen: what the nodes that answered hold.
    :param asked: the nodes of the run, whether they answered or not.
    """
    return Around(
        service_cidr=cluster.services.service_cidr,
        load_balancer_cidrs=cluster.services.load_balancer_cidrs,
        node_ports=cluster.services.node_ports,
        subnets=tuple(
            dict.fromkeys(
                (f"podnet_subnets {each.name}", each.cidr)
                for one in clusters
                for each in one.subnets
            )
        ),
        ranges=tuple(
            dict.fromkeys(
                (f"podnet_secondary_ranges {each.name}", each.cidr)
                for one in clusters
                for each in one.ranges
            )
        ),
        nodes={
            ip: node.name
            for node in cluster.nodes.values()
            for ip in dict.fromkeys((node.vtep, node.ip, *node.addresses))
        },
        gateways=frozenset(each.gateway for one in clusters for each in one.subnets),
        pod_cidrs={name: cidr for name, cidr in allocation.cidrs.items() if cidr},
        pods=tuple(_pods(placement, assigned, seen)),
        # The pods of a node that was left out of the run are where they were. Those of one that
        # does not answer may be gone: they get no new connections, and none is cut that works.
        keep=tuple(
            Keep(cidr, words.TERMINATING if name in asked else words.ACTIVE)
            for name, cidr in allocation.cidrs.items()
            if cidr and name not in seen
        ),
        namespaced=cluster.namespaced,
        listening={name: each.listening for name, each in seen.items() if each.listening},
    )


def _pods(
    placement: Placement, assigned: Mapping[str, Addresses], seen: Collection[str]
) -> Iterator[Placed]:
    """Yield the pods whose addresses are known: those of nodes that answered, and fixed ones."""
    for name, addresses in assigned.items():
        for pod, ip in zip(placement.pods[name], addresses.pods):
            if name in seen or pod.ip is not None:
                yield Placed(pod, name, ip)
