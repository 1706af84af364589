# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of policies means nobody: a misspelt label protects nothing, and no packet tells of it.

It is no fault, for the pods may come later; a person should know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .model import DIRECTIONS, EGRESS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from .classes import Kind
    from .model import Peer, Policy, Rule


def warnings(
    policies: Sequence[Policy],
    kinds: Collection[Kind],
    labels_of: Callable[[str], Mapping[str, str]],
) -> Iterator[str]:
    """Yield a sentence for each policy that selects no pod, and for each peer and name of a port.

    :param kinds: of all pods of the cluster.
    :param labels_of: from a namespace to its labels.
    """
    for policy in policies:
        selected = [
            kind
            for kind in kinds
            if kind.namespace == policy.namespace and policy.pods.matches(dict(kind.labels))
        ]
        if not selected:
            yield f"{policy.where}: it selects no pod of the namespace {policy.namespace}."
            continue
        for direction in DIRECTIONS:
            for position, rule in enumerate(policy.rules(direction) or ()):
                where = f"{policy.where} {direction}[{position}]"
                yield from _of_rule(where, rule, direction, selected, kinds, labels_of)


def _of_rule(
    where: str,
    rule: Rule,
    direction: str,
    selected: Collection[Kind],
    kinds: Collection[Kind],
    labels_of: Callable[[str], Mapping[str, str]],
) -> Iterator[str]:
    meant = [kind for kind in kinds if any(_means(peer, kind, labels_of) for peer in rule.peers)]
    if rule.peers and not meant and not any(peer.block for peer in rule.peers):
        yield f"{where}: its peers are no pod of the cluster."
        return
    # A name is that of the destination's port: for egress of those that it means.
    ends = selected if direction != EGRESS else meant if rule.peers else kinds
    for port in rule.ports:
        if port.name is not None and not any(
            called[:2] == (port.name, port.protocol) for kind in ends for called in kind.names
        ):
            yield f"{where}: none of the pods has a port {port.name} of {port.protocol}."


def _means(peer: Peer, kind: Kind, labels_of: Callable[[str], Mapping[str, str]]) -> bool:
    if peer.block is not None:
        return False
    inside = peer.namespaces is None or peer.namespaces.matches(labels_of(kind.namespace))
    return inside and (peer.pods is None or peer.pods.matches(dict(kind.labels)))
