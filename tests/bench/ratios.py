"""Pod to pod over every datapath, in interleaved rounds, as ratios to plain kernel routing."""

from __future__ import annotations

import json
import os
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import compiled, isolation, topology
from .floor import floor
from .kernel_datapaths import bridge, bridge_vxlan, iptables, kubenet, routing, routing_vxlan
from .podnet_datapath import cell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from .topology import Node, Topology

    #: Nanoseconds of each round, by place, yardstick and datapath.
    Times = dict[tuple[str, str, str], list[float]]

REFERENCE, AGAIN = "routing", "routing again"

#: What is compared, in the order of the table. The second is the first once more (A/A): how far
#: it is from 1 is the noise of everything else.
DATAPATHS: dict[str, Callable[[Node], None]] = {
    REFERENCE: routing,
    AGAIN: routing,
    "bridge": bridge,
    "kubenet": kubenet,
    "iptables": iptables,
    "floor": floor,
    "podnet": cell("ebpf", "native_routing"),
    "podnet bridge": cell("bridge", "native_routing"),
    "podnet routed": cell("routed", "native_routing"),
}

#: The same with a tunnel between the nodes. On one node it would carry nothing.
OVERLAYS: dict[str, Callable[[Node], None]] = {
    "routing + VXLAN": routing_vxlan,
    "bridge + VXLAN": bridge_vxlan,
    "podnet overlay": cell("ebpf", "overlay"),
    "podnet bridge overlay": cell("bridge", "overlay"),
    "podnet routed overlay": cell("routed", "overlay"),
}

#: No datapath: the nodes themselves, over the same wire. What pods can reach at best.
HOSTS: dict[str, None] = {"host to host": None}

#: What there is in each place.
COMPARED: dict[str, Mapping[str, Callable[[Node], None] | None]] = {
    topology.ONE_NODE: DATAPATHS,
    topology.ACROSS_NODES: {**DATAPATHS, **OVERLAYS, **HOSTS},
}


@dataclass(frozen=True)
class Yardstick:
    """One way to measure; every figure is a time, so less is better.

    :param samples: operations in one measurement: some 30 ms, so that a round is over before
        the machine has changed its pace. Many short rounds tell more than a few long ones.
    :param percentile: which of them stands for it.
    :param per: what the time is of.
    """

    name: str
    title: str
    samples: int
    percentile: str
    per: str


#: Best first. The last two tell datapaths apart only where they differ by more than 5 %.
YARDSTICKS = (
    Yardstick("rr", "RR", 1000, "p50", "a round trip"),
    Yardstick("connect", "connect", 256, "p10", "a connect"),
    Yardstick("udp", "UDP", 64, "p10", "a datagram"),
    Yardstick("crr", "CRR", 160, "p50", "a transaction"),
    Yardstick("stream", "stream", 8, "p50", "a MiB"),
)

#: Ratios that podnet aims at.
AIMS = {
    (topology.ONE_NODE, "podnet"): {"rr": 0.92, "connect": 0.90, "udp": 0.88},
    (topology.ACROSS_NODES, "podnet"): {"rr": 0.92, "connect": 0.92, "udp": 0.92},
    (topology.ACROSS_NODES, "podnet overlay"): {"rr": 1.18, "connect": 1.40, "udp": 1.50},
}


def build(datapaths: Iterable[str]) -> list[Topology]:
    """Set up the datapaths, the reference pair first, in every place; all are up at once."""
    wanted = {REFERENCE, AGAIN, *datapaths}
    return [
        topology.build(place, name, set_up)
        for place, compared in COMPARED.items()
        for name, set_up in compared.items()
        if name in wanted
    ]


def measure(
    topologies: Sequence[Topology],
    rounds: int,
    cpu: int,
    *,
    scale: float = 1.0,
    progress: Callable[[str], None] = lambda _: None,
) -> list[dict[str, Any]]:
    """Measure every yardstick, see :func:`interleave`.

    :returns: a dictionary for each place, yardstick and datapath, see :func:`spread`.
    """
    times = interleave(topologies, YARDSTICKS, rounds, cpu, scale=scale, progress=progress)
    return [
        _summary(place, yardstick, name, times)
        for place, compared in COMPARED.items()
        for yardstick in YARDSTICKS
        for name in compared
        if (place, yardstick.name, name) in times
    ]


def interleave(
    topologies: Sequence[Topology],
    yardsticks: Sequence[Yardstick],
    rounds: int,
    cpu: int,
    *,
    scale: float = 1.0,
    progress: Callable[[str], None] = lambda _: None,
) -> Times:
    """Measure round by round; within a round one yardstick at a time goes through all datapaths.

    :param scale: shortens the measurements, for a run that only shows that it works.
    """
    times: Times = {}
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}")
        for place in dict.fromkeys(one.place for one in topologies):
            here = [one for one in topologies if one.place == place]
            turn = number % len(here)
            for yardstick in yardsticks:
                for one in here[turn:] + here[:turn]:
                    key = (place, yardstick.name, one.datapath)
                    times.setdefault(key, []).append(once(yardstick, one, cpu, scale))
    return times


def last_cpu() -> int:
    """Return the CPU that the measurements run on: the last one, interrupts like the first."""
    return max(os.sched_getaffinity(0))


def once(
    yardstick: Yardstick, one: Topology, cpu: int, scale: float, service: Sequence[str] = ()
) -> float:
    """Measure once, in nanoseconds.

    :param service: address, port and cgroup folder of the client, where it asks for a service.
    """
    printed = isolation.run(
        *(
            compiled.program("yardstick.c"),
            str(cpu),
            one.client.netns,
            one.server.netns,
            str(one.server.ip),
        ),
        *(yardstick.name, str(max(4, round(yardstick.samples * scale)))),
        *service,
    )
    return float(json.loads(printed)[yardstick.percentile])


def _summary(place: str, yardstick: Yardstick, name: str, times: Times) -> dict[str, Any]:
    return {
        "place": place,
        "yardstick": yardstick.name,
        "datapath": name,
        **spread(times[place, yardstick.name, name], times[place, yardstick.name, REFERENCE]),
        "aim": AIMS.get((place, name), {}).get(yardstick.name),
    }


def spread(mine: Sequence[float], reference: Sequence[float]) -> dict[str, Any]:
    """Ratios within each round: their median, quartiles, and the median time they stand for."""
    ratios = [one / other for one, other in zip(mine, reference)]
    low, median, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return {
        "ratio": round(median, 3),
        "low": round(low, 3),
        "high": round(high, 3),
        "ns": round(statistics.median(mine), 1),
        "rounds": [round(ratio, 4) for ratio in ratios],
    }
