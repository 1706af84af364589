"""Policies: pods of two nodes that are isolated both ways, by policies of few rules and of many.

All ways are up at once and are measured in interleaved rounds, as in ``ratios``, as ratios to plain
routing without any policy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import firewalls, topology
from .kernel_datapaths import routing
from .podnet_datapath import cell
from .ratios import AGAIN, REFERENCE, YARDSTICKS, interleave, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .topology import Node, Topology

IPTABLES, NFTABLES, PODNET = "iptables and ipsets", "nftables, one set", "podnet"


def _podnet(rules: int) -> Callable[[Node], None]:
    return cell("ebpf", "native_routing", rules=rules)


#: Each by the number of rules in each direction.
OF_RULES: dict[str, Callable[[int], Callable[[Node], None]]] = {
    IPTABLES: firewalls.iptables,
    NFTABLES: firewalls.nftables,
    PODNET: _podnet,
}
#: Without policies.
NONE: dict[str, Callable[[Node], None]] = {REFERENCE: routing, AGAIN: routing, PODNET: _podnet(0)}
SIZES, FEW = (1, 100, 1_000, 10_000), (1, 10)

#: Of a connect across nodes, with any number of rules.
CONNECT_AIM = 1.0


@dataclass(frozen=True)
class Way:
    """A datapath with a number of rules in each direction; 0: without policies."""

    name: str
    rules: int
    topology: Topology


def build(sizes: Iterable[int]) -> list[Way]:
    """Set up everything, the reference pair first; all are up at once."""
    wanted = [(name, 0, set_up) for name, set_up in NONE.items()]
    wanted += [(name, size, of(size)) for name, of in OF_RULES.items() for size in sizes]
    return [
        Way(name, rules, topology.build(topology.ACROSS_NODES, f"{name}, {rules}", set_up))
        for name, rules, set_up in wanted
    ]


def measure(
    ways: Sequence[Way],
    rounds: int,
    cpu: int,
    *,
    scale: float = 1.0,
    progress: Callable[[str], None] = lambda _: None,
) -> list[dict[str, Any]]:
    """Measure round by round.

    :returns: a dictionary for each yardstick, way and number of ``rules``, as in ``ratios``.
    """
    times = interleave(
        [way.topology for way in ways],
        YARDSTICKS,
        rounds,
        cpu,
        scale=scale,
        progress=lambda what: progress(f"policies, {what}"),
    )

    def taken(yardstick: str, datapath: str) -> list[float]:
        return times[topology.ACROSS_NODES, yardstick, datapath]

    reference = ways[0].topology.datapath
    return [
        {
            "place": topology.ACROSS_NODES,
            "yardstick": yardstick.name,
            "datapath": way.name,
            "rules": way.rules,
            **spread(
                taken(yardstick.name, way.topology.datapath), taken(yardstick.name, reference)
            ),
            "aim": CONNECT_AIM if (way.name, yardstick.name) == (PODNET, "connect") else None,
        }
        for yardstick in YARDSTICKS
        for way in ways
    ]
