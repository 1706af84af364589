# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From the policies of a cluster and the plan of its pods to the tables of its nodes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...engine.failure import Failure
from ...services import words
from .. import namespaces
from ..problems import some
from . import blocks, idle, tables
from .classes import At, Kind, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ..model import Cluster, Pod
    from ..services.around import Around


@dataclass
class Settled:
    """The tables, None where there are no policies; and what is wrong or a person should know."""

    tables: tables.Tables | None = None
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def settle(
    cluster: Cluster,
    around: Around,
    held: Iterable[Mapping[str, int]],
    nodes: Mapping[str, Iterable[str]],
) -> Settled:
    """Plan the policies of a cluster.

    :param around: the pods whose addresses are known, and the CIDRs of the others.
    :param held: class by block, such as ``10.111.161.3/32``, as each node that was asked has it.
    :param nodes: the pods of each node, by the names of their endpoints.
    """
    if not cluster.policies:
        return Settled()
    kinds = {pod.name: _kind(pod) for pod in _all(cluster)}
    pods = [At(one.pod.name, blocks.address_of(one.ip), kinds[one.pod.name]) for one in around.pods]
    known = {pod.name for pod in pods}
    unknown = Unknown(
        frozenset(kind for name, kind in kinds.items() if name not in known),
        tuple(blocks.ipv4(each.cidr.first, each.cidr.length) for each in around.keep),
        _classes(held) if around.keep else {},
    )

    def labels_of(name: str) -> Mapping[str, str]:
        return namespaces.labels(cluster, name)

    found = tables.tables(cluster.policies, pods, labels_of, unknown if around.keep else Unknown())
    result = Settled(
        found,
        list(tables.problems(found, nodes)),
        list(idle.warnings(cluster.policies, frozenset(kinds.values()), labels_of)),
    )
    if found.classes.lost:
        # Pods of a node that was left out work, and must not be cut off.
        works = any(each.state == words.ACTIVE for each in around.keep)
        (result.problems if works else result.warnings).append(_lost(found, around, works=works))
    return result


def _classes(held: Iterable[Mapping[str, int]]) -> dict[blocks.Block, int]:
    """Return what nodes hold, which all hold the same, each block read once."""
    found: dict[str, int] = {}
    for one in held:
        found.update(one)
    try:
        return {blocks.block(block): int(number) for block, number in found.items()}
    except (ValueError, TypeError) as error:
        raise Failure(
            f"The policies of a node were observed, and cannot be read ({error}); valid is "
            "policy_classes (CIDR: number)."
        ) from None


def _kind(pod: Pod) -> Kind:
    names = ((port.name, port.protocol, port.port) for port in pod.ports if port.name is not None)
    return Kind(pod.namespace, frozenset(pod.labels.items()), frozenset(names))


def _all(cluster: Cluster) -> Iterator[Pod]:
    for node in cluster.nodes.values():
        yield from node.pods
    for deployment in cluster.deployments:
        yield from deployment.pods()


def _lost(found: tables.Tables, around: Around, *, works: bool) -> str:
    shown = [
        f"the labels {dict(sorted(each.labels))}" if isinstance(each, Kind) else str(each)
        for each in found.classes.lost
    ]
    cidrs = some([str(each.cidr) for each in around.keep])
    says = f"The policies tell pods in {cidrs} apart ({some(shown)}), and no node that"
    if works:
        return (
            f"{says} this run asked knows their addresses; valid is a run that asks all nodes, or "
            "the policies of the last one that did."
        )
    return (
        f"{says} answered knows their addresses; rules that mean them do not let them through "
        "until their node answers."
    )
