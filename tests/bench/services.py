"""Services: how long a connect to a ClusterIP takes by every way, with one service and with many.

All ways are up at once and are measured in interleaved rounds, as in ``ratios``, as ratios to a
direct connect over plain routing.
"""

from __future__ import annotations

import itertools
import statistics
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from . import cgroups, service_list, service_task, topology
from .balancers import RULES, run
from .kernel_datapaths import routing
from .podnet_datapath import cell
from .ratios import AGAIN, REFERENCE, YARDSTICKS, Yardstick, once, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .balancers import Rules, Run
    from .service_list import Service
    from .topology import Topology

    #: Place, name and number of services of a way.
    Key = tuple[str, str, int | None]

#: How many services there are; and in a short run.
SIZES, FEW = (1, 100, 1000, 10000), (1, 20)
DIRECT, SOCKETS, PACKETS = "podnet, direct", "podnet", "podnet, by the packet"
NO_HOOK, NO_HOOK_AGAIN, MISS, HIT = "no hook", "no hook again", "miss", "hit"

CONNECT = next(one for one in YARDSTICKS if one.name == "connect")
HOOK = Yardstick("hook", "hook", 400, "p10", "a connect of a UDP socket")

#: Ratios to a direct connect over plain routing, and of the most services to one.
CONNECT_AIM, FLAT_AIM = 1.0, 1.02
#: Nanoseconds above no hook.
HOOK_AIMS = {MISS: 100, HIT: 270}


_numbers = itertools.count()


@dataclass(frozen=True)
class Way:
    """One way from a pod to another.

    :param services: how many there are; None where the pod is asked for directly.
    :param cgroup: folder that the client stands in.
    :param applied: what it took to bring the services to the kernel, where a command did.
    """

    name: str
    services: int | None
    topology: Topology
    cgroup: str
    applied: Run | None = None

    @property
    def place(self) -> str:
        """Where client and server are."""
        return self.topology.place

    def asks_for(self) -> tuple[str, str, str]:
        """Address, port and cgroup folder of the client."""
        if self.services is None:
            return str(self.topology.server.ip), str(service_list.BACKEND_PORT), self.cgroup
        service = service_list.FIRST_SERVICE + self.services // 2
        return str(service), str(service_list.PORT), self.cgroup


def build(sizes: Sequence[int]) -> list[Way]:
    """Set up every way with every number of services.

    Across nodes, where the kernel's ways do just the same, there is podnet alone, with the fewest
    and with the most.
    """
    plain = cgroups.new("plain")
    ways = []
    for place in topology.PLACES:
        for name in (REFERENCE, AGAIN):
            ways.append(Way(name, None, topology.build(place, name, routing), plain))
        if place == topology.ONE_NODE:
            ways += [_kernel(rules, size, plain) for rules in RULES for size in sizes]
        own = sizes if place == topology.ONE_NODE else (sizes[0], sizes[-1])
        ways += [_podnet(place, size) for size in own]
        ways.append(replace(ways[-1], name=DIRECT, services=None))
        if place == topology.ONE_NODE:
            # Out of sight of the programs for sockets, those for packets lead to the backend. On a
            # node of their own: their flows would meet those of the sockets.
            ways.append(replace(_podnet(place, sizes[-1]), name=PACKETS, cgroup=plain))
    return ways


def measure(
    ways: Sequence[Way],
    rounds: int,
    cpu: int,
    *,
    scale: float = 1.0,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Measure round by round; in each the connects first and then the hook alone.

    :returns: ``connect`` and ``hook``, a dictionary for each way, and ``flat``, the most services
        against one, on one node.
    """
    connects: dict[Key, list[float]] = {}
    hooks: dict[tuple[str, int | None], list[float]] = {}
    hooked = _hooked(ways)
    flat = _Flat(hooked[-1])
    for number in range(rounds):
        progress(f"services, round {number + 1} of {rounds}")
        for place in topology.PLACES:
            for way in _turned([one for one in ways if one.place == place], number):
                took = once(CONNECT, way.topology, cpu, scale, way.asks_for())
                connects.setdefault((place, way.name, way.services), []).append(took)
        flat.measure(cpu, scale)
        for way in _turned(hooked, number):
            took = once(HOOK, way.topology, cpu, scale, way.asks_for())
            hooks.setdefault((way.name, way.services), []).append(took)
    return {
        "connect": [
            {
                "place": place,
                "name": name,
                "services": services,
                **spread(connects[place, name, services], connects[place, REFERENCE, None]),
                "aim": CONNECT_AIM if name == SOCKETS else None,
            }
            for way in ways
            for place, name, services in [(way.place, way.name, way.services)]
        ],
        "flat": flat.result(),
        "hook": [
            {
                "name": one.name,
                "services": one.services,
                **_above(hooks[one.name, one.services], hooks[NO_HOOK, None]),
                "aim": HOOK_AIMS.get(one.name),
            }
            for one in hooked
        ],
    }


def _kernel(rules: Rules, size: int, cgroup: str) -> Way:
    """Make pods on one node, joined by plain routing, and rules on the node."""
    made = topology.build(topology.ONE_NODE, rules.name, routing)
    node = made.nodes[0]
    services = service_list.services(size, made.server.ip)
    full = rules.full(node.pod_cidr, services)
    return Way(rules.name, size, made, cgroup, run(rules.replace, full, netns=node.netns))


def _podnet(place: str, size: int) -> Way:
    cgroup = cgroups.new(f"services-{next(_numbers)}")
    asking = topology.NODES[0][0]
    join = cell("ebpf", "native_routing", services=size, sockets={asking: cgroup})
    made = topology.build(place, SOCKETS, join)
    services = service_list.services(size, made.server.ip)
    service_task.by_module(made.nodes[0], service_task.packed(_with_udp(services)))
    return Way(SOCKETS, size, made, cgroup)


def _with_udp(services: list[Service]) -> list[Service]:
    """Return services and, for the hook alone, the one that is asked for with UDP, too."""
    return [*services, service_list.as_udp(service_list.probed(services))]


class _Flat:
    """One pod of one node, whose services come and go: nothing but their number differs.

    Two sets of namespaces, maps and programs are never quite as fast as one another, wherever they
    lie in memory; what they differ by is more than the number of services does.
    """

    def __init__(self, way: Way) -> None:
        every = service_list.services(way.services or 0, way.topology.server.ip)
        self._way = way
        self._given = {
            1: service_task.packed(_with_udp([service_list.probed(every)])),
            len(every): service_task.packed(_with_udp(every)),
        }
        self._took: dict[int, list[float]] = {size: [] for size in self._given}

    def measure(self, cpu: int, scale: float) -> None:
        """Measure with the fewest, then with the most, which are there before and after."""
        for size, services in self._given.items():
            service_task.by_module(self._way.topology.nodes[0], services)
            took = once(CONNECT, self._way.topology, cpu, scale, self._way.asks_for())
            self._took[size].append(took)

    def result(self) -> dict[str, Any]:
        """Return the most as a ratio to the fewest."""
        fewest, most = self._took
        spent = spread(self._took[most], self._took[fewest])
        return {"fewest": fewest, "most": most, **spent, "aim": FLAT_AIM}


def _hooked(ways: Sequence[Way]) -> list[Way]:
    """Return what tells the hook alone, all from pods of this project's on one node.

    The same pod asks once without the hook, twice for the noise, and once for what is no service.
    """
    hits = [way for way in ways if (way.name, way.place) == (SOCKETS, topology.ONE_NODE)]
    last, plain = hits[-1], ways[0].cgroup
    return [
        replace(last, name=NO_HOOK, services=None, cgroup=plain),
        replace(last, name=NO_HOOK_AGAIN, services=None, cgroup=plain),
        replace(last, name=MISS, services=None),
        *(replace(way, name=HIT) for way in hits),
    ]


def _turned(ways: list[Way], number: int) -> list[Way]:
    turn = number % len(ways)
    return ways[turn:] + ways[:turn]


def _above(mine: list[float], without: list[float]) -> dict[str, Any]:
    """Nanoseconds above no hook within each round: median and quartiles; and as they are."""
    above = [one - other for one, other in zip(mine, without)]
    low, median, high = statistics.quantiles(above, n=4, method="inclusive")
    return {
        "ns": round(statistics.median(mine), 1),
        "above": round(median, 1),
        "low": round(low, 1),
        "high": round(high, 1),
    }
