# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Nodes that kernels know and the inventory does not: a slice of it, or nodes that left.

Nobody can tell the two apart. To plan without nodes that stand takes the ways to them away and
starts their pods a second time; so the run stops until somebody says that they left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import observation
from .prefix import text
from .problems import some

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from .model import Cluster
    from .observation import Observed
    from .prefix import Prefix


def problems(clusters: Collection[Cluster], seen: Mapping[str, Observed]) -> Iterator[str]:
    """Yield a sentence for each cluster whose nodes know others that no inventory has.

    :param clusters: all of the inventory; a node may have moved from one to another.
    :param seen: the nodes that answered, by their names.
    """
    known = {text(node.ip) for one in clusters for node in one.nodes.values()}
    for cluster in clusters:
        lost = _lost(cluster, known, seen)
        if lost:
            named = [f"{text(ip)} (pod CIDR {lost[ip][0]}, known by {lost[ip][1]})" for ip in lost]
            yield (
                f"The inventory of cluster {cluster.name} has no node at {some(named)}, but nodes "
                "of it have one there: give the whole inventory to a job that is sliced, or name "
                f"what left for good: podnet_forget_nodes: [{', '.join(map(text, lost))}]."
            )


def _lost(
    cluster: Cluster, known: set[str], seen: Mapping[str, Observed]
) -> dict[int, tuple[Prefix, str]]:
    """Return by its address the pod CIDR of each lost node, and a node that knows it."""
    found: dict[int, tuple[Prefix, str]] = {}
    # What a node holds itself outdoes a table: one whose address has changed is not lost.
    held = {one.pod_cidr for one in seen.values()}
    for name in cluster.nodes:
        peers = seen[name].peers if name in seen else {}
        # Of n nodes these are n * n lines, and nearly always nobody is lost.
        for line in () if known.issuperset(peers.values()) else peers.items():
            ip, cidr = observation.peer(*line)
            forgotten = any(prefix.holds(ip) for prefix in cluster.forget)
            if line[1] not in known and cidr not in held and not forgotten:
                found.setdefault(ip, (cidr, name))
    return dict(sorted(found.items()))
