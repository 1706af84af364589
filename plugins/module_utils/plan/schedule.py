# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pods to nodes: those that stand stay, new ones go to the least loaded node."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import capacity
from .problems import refuse, some

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from .cidrs import Allocation
    from .model import Cluster, Deployment, Node, Pod
    from .observation import Observed


@dataclass
class Placement:
    """The pods of each node, and those that have none, with the reason."""

    pods: dict[str, list[Pod]]
    limits: dict[str, int]
    pending: list[dict[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def place(
    cluster: Cluster,
    allocation: Allocation,
    seen: Mapping[str, Observed],
    asked: Collection[str],
) -> Placement:
    """Place the pods of a cluster.

    Pods listed for a node are there; a deployment's pod that a node was seen to hold stays there.
    What is left goes to the node that has the fewest, among those that answered, unless a node
    that was not seen may hold it: a pod must not run twice. That is worth a warning where the node
    did not answer; with --limit nobody asked it.
    """
    placement = _listed(cluster, allocation)
    waiting = _stay(cluster, placement, seen)
    _spread(cluster, allocation, placement, seen, asked, waiting)
    return placement


def _listed(cluster: Cluster, allocation: Allocation) -> Placement:
    placement = Placement({}, {})
    problems = []
    for name, node in cluster.nodes.items():
        cidr = allocation.cidrs[name]
        placement.pods[name] = []
        placement.limits[name] = 0
        if cidr is None:
            reason = allocation.reasons[name]
            placement.pending += [{"name": pod.name, "reason": reason} for pod in node.pods]
            continue
        limit, most = capacity.usual_limit(cidr), capacity.upper_limit(cidr)
        if node.max_pods is not None:
            limit = node.max_pods
            if limit > most:
                problems.append(
                    f"podnet_max_pods of {name} is {limit}, but its pod CIDR {cidr} has room for "
                    f"{most}; valid is 0 to {most}."
                )
        if len(node.pods) > limit:
            problems.append(
                f"podnet_pods of {name} has {len(node.pods)} pods, but the node takes {limit}; "
                f"valid is a shorter list, or podnet_max_pods up to {most}."
            )
        placement.limits[name] = limit
        placement.pods[name] = list(node.pods)
    refuse(problems)
    return placement


def _stay(
    cluster: Cluster, placement: Placement, seen: Mapping[str, Observed]
) -> list[tuple[Deployment, Pod, bool]]:
    """Put pods back where they were seen; return the others, and whether they were seen."""
    found: dict[str, Node] = {}
    for name, node in cluster.nodes.items():
        if name in seen:
            for endpoint in seen[name].endpoints:
                found.setdefault(endpoint, node)
    waiting = []
    for deployment in cluster.deployments:
        for pod in deployment.pods():
            home = found.get(pod.name)
            if home and _allows(deployment, home) and _room(placement, home.name):
                placement.pods[home.name].append(pod)
            else:
                waiting.append((deployment, pod, home is not None))
    return waiting


def _spread(
    cluster: Cluster,
    allocation: Allocation,
    placement: Placement,
    seen: Mapping[str, Observed],
    asked: Collection[str],
    waiting: list[tuple[Deployment, Pod, bool]],
) -> None:
    order = list(cluster.nodes)
    heaps: dict[str | None, list[tuple[int, int]]] = {}
    silent: dict[str | None, list[str]] = {}
    pending: dict[str, list[str]] = {}
    expected: set[str] = set()
    for deployment, pod, was_seen in waiting:
        group = deployment.node_group
        if group not in heaps:
            allowed = [
                (i, name)
                for i, name in enumerate(order)
                if _allows(deployment, cluster.nodes[name])
            ]
            heaps[group] = [(len(placement.pods[n]), i) for i, n in allowed if n in seen]
            heapq.heapify(heaps[group])
            silent[group] = [each[1] for each in allowed if each[1] in allocation.silent]
        if silent[group] and not was_seen:
            unasked = [name for name in silent[group] if name not in asked]
            reason = _presumed(silent[group], unasked)
            if unasked == silent[group]:
                expected.add(reason)
        else:
            target = _least_loaded(heaps[group], order, placement)
            if target is not None:
                placement.pods[target].append(pod)
                continue
            reason = _full(group)
        placement.pending.append({"name": pod.name, "reason": reason})
        pending.setdefault(reason, []).append(pod.name)
    placement.warnings += [
        f"{len(names)} pod{'s' if len(names) > 1 else ''} pending ({some(names)}): {reason}."
        for reason, names in pending.items()
        if reason not in expected
    ]


def _least_loaded(
    heap: list[tuple[int, int]], order: list[str], placement: Placement
) -> str | None:
    """Return the node with the fewest pods that has room, the first of the inventory among equals.

    Loads only grow, and several heaps see the same nodes: an entry is put right when it comes up.
    """
    while heap:
        load, i = heap[0]
        name = order[i]
        now = len(placement.pods[name])
        if not _room(placement, name):
            heapq.heappop(heap)
        elif load != now:
            heapq.heapreplace(heap, (now, i))
        else:
            heapq.heapreplace(heap, (now + 1, i))
            return name
    return None


def _allows(deployment: Deployment, node: Node) -> bool:
    return deployment.node_group is None or deployment.node_group == node.group.name


def _room(placement: Placement, name: str) -> bool:
    return len(placement.pods[name]) < placement.limits[name]


def _presumed(silent: list[str], unasked: list[str]) -> str:
    where = ("one of " if len(silent) > 1 else "") + some(silent)
    if not unasked:
        return f"presumed on {where}, which did not answer"
    if unasked == silent:
        return f"presumed on {where}, which this run did not ask"
    return f"presumed on {where}, which did not answer or were not asked"


def _full(group: str | None) -> str:
    where = "" if group is None else f" of node group {group}"
    return (
        f"no node{where} that answered has room for another pod; podnet_max_pods and "
        f"podnet_node_cidr_mask_size limit them"
    )
