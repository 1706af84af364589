# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From the inventory and what was observed to what each node must hold: a pure function.

No I/O, no Ansible, no root; plain data in, plain data out. The cost grows with the nodes and the
pods, and with nothing squared.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

from . import (
    addresses,
    capacity,
    checks,
    cidrs,
    inventory,
    lost,
    masquerade,
    namespaces,
    node,
    observation,
    schedule,
)
from .policy import labels
from .policy import settle as policy
from .problems import refuse
from .services import surroundings
from .services.settle import settle
from .slices import slice_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from .model import Cluster
    from .policy.tables import Tables


@dataclass
class Plan:
    """What follows from an inventory.

    :param clusters: summary of each cluster by its name (see docs/planning.md).
    :param common: what the nodes of a cluster share, by the cluster's name.
    :param own: what is each node's own, by the node's name.
    :param services: the services of each cluster, as each of its nodes gets them.
    :param policies: what nodes are to hold of the policies of each cluster that has any.
    :param labels: of each cluster that has policies, or had some, its pods by their labels.
    """

    clusters: dict[str, dict[str, Any]] = field(default_factory=dict)
    common: dict[str, dict[str, Any]] = field(default_factory=dict)
    own: dict[str, dict[str, Any]] = field(default_factory=dict)
    cluster_of: dict[str, str] = field(default_factory=dict)
    services: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    policies: dict[str, Tables] = field(default_factory=dict)
    labels: dict[str, list[labels.Group]] = field(default_factory=dict)

    @property
    def cluster(self) -> dict[str, Any]:
        """Summary of the first cluster, the only one in nearly every inventory."""
        return next(iter(self.clusters.values()))

    def node(self, name: str) -> dict[str, Any]:
        """Return the slice of one node."""
        return slice_of(self.common[self.cluster_of[name]], self.own[name])


def plan(
    nodes: Mapping[str, Mapping[str, Any]],
    observed: Mapping[str, Mapping[str, Any] | None],
) -> Plan:
    """Plan the clusters of an inventory.

    :param nodes: the variables of every node, in the order of the inventory: plain types.
    :param observed: what each node was observed to hold, ``{"pod_cidr": "10.111.160.0/25",
        "peers": {"10.111.160.128/25": "10.111.0.9"}, "endpoints": {"web-1": "10.111.160.3"}}``;
        None for a node that did not answer; a node that was not asked is missing. ``services``
        in it are the allocations that it holds (see ``observation``), ``device`` the node's device
        as M(podnet.fabric.node_info) returned it.
    :raises Failure: with a sentence for everything that is wrong.
    """
    clusters = inventory.read(nodes)
    refuse(checks.problems(clusters))
    answered = observation.read(observed)
    refuse(lost.problems(clusters, answered))
    result = Plan()
    for cluster in clusters:
        _plan_cluster(cluster, clusters, answered, observed, result)
    return result


def _plan_cluster(
    cluster: Cluster,
    clusters: Collection[Cluster],
    answered: Mapping[str, observation.Observed],
    asked: Collection[str],
    result: Plan,
) -> None:
    seen = {name: answered[name] for name in cluster.nodes if name in answered}
    allocation = cidrs.allocate(cluster, seen, asked)
    refuse(
        problem
        for name, each in cluster.nodes.items()
        if (cidr := allocation.cidrs[name])
        for problem in addresses.problems(each, cidr)
    )
    placement = schedule.place(cluster, allocation, seen, asked)
    assigned: dict[str, addresses.Addresses] = {}
    for name, each in cluster.nodes.items():
        cidr = allocation.cidrs[name]
        pods = placement.pods[name]
        in_use = seen[name].endpoints if name in seen else {}
        if cidr:
            assigned[name] = addresses.assign(each, cidr, pods, in_use)
        result.cluster_of[name] = cluster.name
        result.own[name] = node.own(
            each,
            cidr,
            reason=allocation.reasons.get(name, ""),
            observed=name in seen,
            limit=placement.limits[name],
            pods=pods,
            addresses=assigned.get(name),
        )
    around = surroundings.of(cluster, clusters, allocation, placement, assigned, seen, asked)
    settled = settle(cluster.services, around, observation.allocations(seen.values()))
    pods_of = {name: [pod.name for pod in pods] for name, pods in placement.pods.items()}
    held = (each.policy_classes for each in seen.values())
    policies = policy.settle(cluster, around, held, pods_of)
    refuse([*settled.problems, *policies.problems])
    if policies.tables is not None:
        result.policies[cluster.name] = policies.tables
        for name in cluster.nodes:
            node.isolate(result.own[name], policies.tables.pods)
    if policies.tables is not None or any(each.policy_classes for each in seen.values()):
        result.labels[cluster.name] = labels.groups(around.pods)
    result.services[cluster.name] = settled.services
    for name, sentences in settled.in_the_way.items():
        result.own[name]["in_the_way"] = sentences
    health = {name: result.own[name]["health_ip"] for name in cluster.nodes}
    count = len(settled.services)
    result.common[cluster.name] = {
        **node.common(cluster, allocation.cidrs, health, count),
        "fresh_cluster": _is_fresh(cluster, seen),
    }
    summary = _summary(cluster, allocation, placement, result, asked)
    summary["masquerade"] = _masquerade(cluster, seen)
    placed = chain.from_iterable(placement.pods.values())
    summary["warnings"] += [
        *cluster.warnings,
        *settled.warnings,
        *policies.warnings,
        *namespaces.unlisted(cluster, placed),
    ]
    if cluster.masquerade is not None:
        stay = checks.prefixes_of(cluster)
        summary["warnings"] += masquerade.warnings(cluster.masquerade, stay)
    result.clusters[cluster.name] = summary


def _is_fresh(cluster: Cluster, seen: Mapping[str, observation.Observed]) -> bool:
    """Say whether all nodes answered, and none has been part of a network."""
    answers = [seen.get(name) for name in cluster.nodes]
    return not any(one is None or one.pod_cidr or one.peers for one in answers)


def _summary(
    cluster: Cluster,
    allocation: cidrs.Allocation,
    placement: schedule.Placement,
    result: Plan,
    asked: Collection[str],
) -> dict[str, Any]:
    shared = result.common[cluster.name]
    nodes = []
    for name in cluster.nodes:
        mine = result.own[name]
        nodes.append(
            {key: mine[key] for key in ("name", "node_ip", "pod_cidr", "usable", "reason")}
            | {
                "observed": mine["observed"],
                "asked": name in asked,
                "health_ip": mine["health_ip"],
                "pods": mine["capacity"]["used"],
                "usable_pods": mine["capacity"]["usable_pods"],
            }
        )
    unusable = [f"{name} is not usable: {why}" for name, why in allocation.reasons.items()]
    return {
        "name": cluster.name,
        **{
            key: shared[key]
            for key in ("network_type", "datapath", "vpc_cidr", "native_routing_cidr")
        },
        "ranges": _ranges(cluster, allocation),
        "nodes": nodes,
        "pods": sum(len(pods) for pods in placement.pods.values()),
        "pending": placement.pending,
        "services": shared["services"],
        "policies": shared["policies"],
        "service_cidr": None
        if cluster.services.service_cidr is None
        else str(cluster.services.service_cidr),
        "warnings": [*allocation.warnings, *unusable, *placement.warnings],
    }


def _masquerade(
    cluster: Cluster, seen: Mapping[str, observation.Observed]
) -> dict[str, Any] | None:
    """Return what pods are masqueraded behind, and where they keep their addresses.

    The device of a node that did not answer is unknown where its variables do not name it.
    """
    if cluster.masquerade is None:
        return None
    devices: dict[str | None, None] = {}
    for name, each in cluster.nodes.items():
        own = each.device or (seen[name].device if name in seen else None)
        devices.update(dict.fromkeys(each.egress_devices or [own]))
    pods = [each.cidr for each in checks.used_ranges(cluster)]
    return {
        "devices": [device for device in devices if device],
        "cidrs": [str(cidr) for cidr in ([cluster.native_routing] if cluster.native else pods)],
        "nodes": cluster.masquerade.nodes,
    }


def _ranges(cluster: Cluster, allocation: cidrs.Allocation) -> list[dict[str, Any]]:
    """Return a row for each range and node CIDR mask size that node groups cut it with."""
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    for group in cluster.groups:
        for each in group.ranges:
            masks = [mask for mask in capacity.USUAL_MASKS if mask >= each.cidr.length]
            rows[each.name, group.mask] = {
                "name": each.name,
                "cidr": str(each.cidr),
                "node_cidr_mask_size": group.mask,
                "used": 0,
                "total": each.cidr.size >> (32 - group.mask),
                "capacity": capacity.table(each.cidr, sorted({*masks, group.mask})),
            }
    for name, cidr in allocation.cidrs.items():
        group = cluster.nodes[name].group
        for each in group.ranges:
            if cidr and each.cidr.contains(cidr):
                rows[each.name, group.mask]["used"] += 1
    return list(rows.values())
