# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who may talk to whom in a cluster: what the policies of a plan let pass, from end to end.

An end is pods that differ in nothing, or addresses that are no pod's. Of a large cluster the first
:data:`ENDS` ends are shown, those first that a policy isolates.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..engine import addresses
from .meaning import name_of, words
from .packed import NO_POD, Pod
from .passes import ALL, NOTHING, State, less
from .peers import part, peers
from .wanted import read

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .meaning import Group
    from .passes import Ports

#: Rows and columns that people can still read.
ENDS = 24


@dataclass(frozen=True)
class End:
    """Some that are told apart by nothing.

    :param peers: their class, None where they have none.
    :param labels: the namespace of pods, and each of their labels, such as ``app=web``.
    :param pods: their addresses; none where they are no pods.
    """

    name: str
    peers: int | None
    labels: tuple[str, ...] = ()
    pods: frozenset[bytes] = frozenset()
    held: Pod = NO_POD

    @property
    def isolated(self) -> bool:
        """Say whether a policy keeps anything from them, or in them."""
        return bool(self.held.ingress or self.held.egress)


def matrix(parts: Iterable[Mapping[str, Any]], groups: Iterable[Group]) -> dict[str, Any]:
    """Return the matrix of a cluster, as data.

    ``ends`` are rows (who begins) and columns (with whom): ``name``, ``namespace``, ``labels``,
    ``pods`` (how many), ``isolated`` and ``audited``; ``cells`` a list a row of ``state`` (``all``,
    ``some``, ``none``, ``itself``, ``other``: of no pod) and ``ports`` in words; ``more`` is how
    many ends are left out.

    :param parts: options of the module ``policy``: the classes of the cluster, and of each node its
        sets, pods and rules.
    :param groups: all pods by their labels.
    :raises Failure: where there is more than a node could hold.
    """
    wanted = read(_together(parts))
    classes = {wanted.partition: wanted.classes}
    rules = {number: each.entries for number, each in wanted.sets.items()}
    state = State(wanted.pods, classes, rules)
    ends = _ends(state, wanted.partition, groups)
    shown = sorted(ends, key=lambda end: (not end.pods, not end.isolated))[:ENDS]
    shown.sort(key=lambda end: (not end.pods, end.name))
    return {
        "ends": [
            {
                "name": end.name,
                "namespace": end.labels[0] if end.labels else "",
                "labels": list(end.labels[1:]),
                "pods": len(end.pods),
                "isolated": end.isolated,
                "audited": bool(end.held.audit_ingress or end.held.audit_egress),
            }
            for end in shown
        ],
        "cells": [[_cell(state, one, other) for other in shown] for one in shown],
        "more": len(ends) - len(shown),
    }


def _together(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the options of all parts in one; nodes with the same set have it in common."""
    found: dict[str, Any] = {}
    sets: dict[int, Any] = {}
    pods: list[Any] = []
    rules: dict[str, str] = {}
    for one in parts:
        found.update({word: one[word] for word in ("partition", "classes") if word in one})
        sets.update({each["number"]: each for each in one.get("sets", ())})
        pods += one.get("pods", ())
        rules.update(one.get("rules", {}))
    return {**found, "sets": list(sets.values()), "pods": pods, "rules": rules}


def _ends(state: State, partition: int, groups: Iterable[Group]) -> list[End]:
    pods: dict[str, list[bytes]] = defaultdict(list)
    said: dict[str, tuple[str, ...]] = {}
    for namespace, labels, ips in groups:
        name = name_of(namespace, labels)
        pods[name] += map(addresses.packed, ips)
        said[name] = namespace, *(f"{key}={labels[key]}" for key in sorted(labels))
    labels_of = {ip: said[name] for name, ips in pods.items() for ip in ips}
    entries = state.classes[partition]
    found: list[End] = []
    for classes, listed in peers(entries, entries, pods).items():
        for each in listed:
            if each.block is not None:
                found.append(End(each.name, classes.after))
                continue
            split: dict[Pod, list[bytes]] = defaultdict(list)
            for ip in each.pods:
                split[state.pods.get(ip, NO_POD)].append(ip)
            for pod, some in split.items():
                name = part(each.name, len(some), len(each.pods))
                found.append(End(name, classes.after, labels_of[some[0]], frozenset(some), pod))
    return found


def _cell(state: State, one: End, other: End) -> dict[str, str]:
    if not one.pods and not other.pods:
        return {"state": "other", "ports": ""}
    if one == other and len(one.pods) == 1:
        return {"state": "itself", "ports": "all"}
    out = state.let_through(one.held.egress, other.peers)
    ports = _both(out, state.let_through(other.held.ingress, one.peers))
    if ports == ALL:
        return {"state": "all", "ports": "all"}
    if ports == NOTHING:
        return {"state": "none", "ports": "nothing"}
    return {"state": "some", "ports": words(ports)}


def _both(ports: frozenset[Ports], others: frozenset[Ports]) -> frozenset[Ports]:
    return less(ports, less(ports, others))
