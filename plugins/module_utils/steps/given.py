# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the steps of a node's parts are made of.

Apart from the list of the steps, which the controller reads for each task of each node.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..datapath import entries, tasks
from . import parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .parts import Arguments, Node


@dataclass(frozen=True)
class Given:
    """What the steps of a node are made of.

    :param node: its part of the plan.
    :param sysctls: the settings of the host that the user asked for.
    :param sources: what ``bpf_sources.gather`` read of the programs that the steps name.
    :param services: those of the node's cluster, as ``services.wire`` packs them.
    :param policies: what the node is to hold of policies, as ``policy.wire`` packs it.
    :param folded: what all programs that see packets are made of, for the node's command: see
        ``installed.sources``.
    :param labels: the pods of its cluster by their labels, packed in the same way; None: nobody
        asks what a change of policies means.
    :param pending: whether what the run changes has yet to be confirmed.
    """

    node: Node
    sysctls: Mapping[str, Any]
    sources: Mapping[str, Any]
    services: str
    policies: Sequence[str] = ()
    labels: Sequence[str] | None = None
    folded: Mapping[str, str] = field(default_factory=dict)
    pending: bool = False

    @cached_property
    def items(self) -> dict[str, Any]:
        """What the modules take that does not depend on what other steps make."""
        return tasks.build(self.node)

    def maps(self, word: str) -> Arguments:
        """Return the arguments of ``bpf_map``: in check mode some devices are yet to come."""
        ifindexes = {name: number for number, name in socket.if_nameindex()}
        return {"maps": tasks.build(self.node, ifindexes)[word]}

    def restoration(self) -> Arguments:
        """Return the arguments of ``restoration``."""
        ifindex = self.node["device_ifindex"]
        return {**entries.build(self.node, self.items), "ifindex": ifindex, "command": False}

    def programs(self, *words: str) -> Arguments:
        """Return the arguments of ``bpf_program`` for some of the lists of programs."""
        items = [item for word in words for item in self.items[word]]
        return {"programs": items, "_sources": dict(self.sources)}

    def boot(self) -> Arguments:
        """Return the arguments of ``boot``."""
        # What a run found and took away is none of what a boot brings back.
        node = {**self.node, "balances": False, "holds_policies": False}
        return {
            "programs": programs(parts.PARTS, node),
            "_sources": dict(self.sources),
            "_pending": self.pending,
            "_plan": {
                "node": self.node,
                "sysctls": dict(self.sysctls),
                "services": self.services,
                "policies": list(self.policies),
            },
        }


def programs(names: Iterable[str], node: Node) -> list[dict[str, Any]]:
    """Return the programs that steps of these parts load, as items of ``bpf_program``."""
    given = Given(node, {}, {}, "")
    return [
        program
        for part in names
        for step in parts.steps(part, node)
        if step.module == "bpf_program"
        for program in step.arguments(given)["programs"]
    ]
