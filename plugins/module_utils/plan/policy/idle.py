# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of policies means nobody: a misspelt label protects nothing, and no packet tells of it.

It is no fault, for the pods may come later; a person should know.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from .classes import matching
from .model import DIRECTIONS, EGRESS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from .classes import Kind
    from .model import Peer, Policy, Rule

    #: Of each peer the kinds of pods that it means.
    Meant = Mapping[Peer, Collection[Kind]]


def warnings(
    policies: Sequence[Policy],
    kinds: Collection[Kind],
    labels_of: Callable[[str], Mapping[str, str]],
) -> Iterator[str]:
    """Yield a sentence for each policy that selects no pod, and for each peer and name of a port.

    :param kinds: of all pods of the cluster.
    :param labels_of: from a namespace to its labels.
    """
    peers = {
        peer
        for policy in policies
        for direction in DIRECTIONS
        for rule in policy.rules(direction) or ()
        for peer in rule.peers
    }
    matched = matching(peers, labels_of)
    meant: dict[Peer, list[Kind]] = defaultdict(list)
    within: dict[str, list[Kind]] = defaultdict(list)
    for kind in kinds:
        within[kind.namespace].append(kind)
        for peer in matched(kind):
            meant[peer].append(kind)
    for policy in policies:
        selected = [
            kind for kind in within[policy.namespace] if policy.pods.matches(dict(kind.labels))
        ]
        if not selected:
            yield f"{policy.where}: it selects no pod of the namespace {policy.namespace}."
            continue
        for direction in DIRECTIONS:
            # A name is that of the destination's port: for egress of those that a rule means.
            ends = kinds if direction == EGRESS else selected
            for position, rule in enumerate(policy.rules(direction) or ()):
                where = f"{policy.where} {direction}[{position}]"
                yield from _of_rule(where, rule, direction, ends, meant)


def _of_rule(
    where: str, rule: Rule, direction: str, ends: Collection[Kind], meant: Meant
) -> Iterator[str]:
    means = [kind for peer in rule.peers for kind in meant.get(peer, ())]
    if rule.peers and not means and not any(peer.block for peer in rule.peers):
        yield f"{where}: its peers are no pod of the cluster."
        return
    if direction == EGRESS and rule.peers:
        ends = means
    for port in rule.ports:
        if port.name is not None and not any(
            called[:2] == (port.name, port.protocol) for kind in ends for called in kind.names
        ):
            yield f"{where}: none of the pods has a port {port.name} of {port.protocol}."
