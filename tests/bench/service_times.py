"""Seconds and memory that it takes to bring services to the kernel, all of them and then one."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from . import isolation, service_list, service_maps, service_task
from .balancers import RULES, run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .balancers import Rules, Run
    from .service_list import Service
    from .services import Way
    from .topology import Node

MAPS, MODULE, TASK = "podnet, its maps alone", "podnet, its module", "podnet, YAML to kernel"

#: Seconds.
AIMS = {(MAPS, "full"): 0.2, (MODULE, "change"): 0.5, (TASK, "full"): 4.0}


def measure(
    ways: Sequence[Way], repeat: int = 3, *, progress: Callable[[str], None] = lambda _: None
) -> list[dict[str, Any]]:
    """Time the changes on the ways that have the most services; that they came there was timed.

    :param repeat: how often everything is brought to a kernel that has nothing, where that does
        not take too long; how often it is brought again; and how often one is changed and back.
    :returns: a dictionary each with ``name`` and number of ``services``; seconds of ``full``, of
        ``again`` with nothing changed, and of ``change`` of one service, each the median, the
        ``fastest`` and all ``runs``, with its aim; ``kernel`` and ``peak``, bytes.
    """
    applied = [one for one in ways if one.applied]
    most = max(one.services or 0 for one in applied)
    largest = {one.name: one for one in applied if one.services == most}
    rows = []
    for rules in RULES:
        progress(f"{most} services by {rules.name}")
        rows.append(_kernel(rules, largest[rules.name], repeat))
    server = ways[0].topology.server.ip
    services = service_list.services(most, server)
    progress(f"{most} services by podnet")
    rows += [
        _maps(services, repeat),
        _podnet(MODULE, services, repeat, _by_module),
        _podnet(TASK, services, repeat, service_task.by_task),
    ]
    return [{**row, "services": most} for row in rows]


def _kernel(rules: Rules, way: Way, repeat: int) -> dict[str, Any]:
    assert way.applied
    node = way.topology.nodes[0]
    every = service_list.services(way.services or 0, way.topology.server.ip)
    text = rules.full(node.pod_cidr, every)
    full = [
        way.applied,
        *(
            run(rules.replace, text, netns=isolation.new_network())
            for _turn in range(0 if rules.slow else repeat - 1)
        ),
    ]
    before, after = every[0], service_list.changed(every[0])
    changes = [
        run(rules.amend, rules.change(node.pod_cidr, *pair), netns=node.netns)
        for _turn in range(repeat)
        for pair in ((before, after), (after, before))
    ]
    return {
        **_row(rules.name, _seconds(full), [], _seconds(changes)),
        "kernel": way.applied.kernel,
        "peak": way.applied.peak,
    }


def _maps(services: list[Service], repeat: int) -> dict[str, Any]:
    full, changes = [], []
    for _turn in range(repeat):
        node = service_task.bare_node()
        then = (service_list.changed(services[0]), services[0])
        first, *others = service_task.by_maps(node, services, then)
        full.append(first)
        changes += others
    return {**_row(MAPS, full, [], changes), "kernel": service_maps.memory(node), "peak": None}


def _by_module(node: Node, services: Sequence[Service]) -> float:
    return service_task.by_module(node, service_task.packed(services))


def _podnet(
    name: str,
    services: list[Service],
    repeat: int,
    bring: Callable[[Node, Sequence[Service]], float],
) -> dict[str, Any]:
    others = [service_list.changed(services[0]), *services[1:]]
    nodes = [service_task.bare_node() for _turn in range(repeat)]
    full = [bring(node, services) for node in nodes]
    again = [bring(nodes[0], services) for _turn in range(repeat)]
    changes = [bring(nodes[0], them) for _turn in range(repeat) for them in (others, services)]
    return {
        **_row(name, full, again, changes),
        "kernel": service_maps.memory(nodes[0]),
        "peak": None,
    }


def _row(
    name: str, full: Sequence[float], again: Sequence[float], change: Sequence[float]
) -> dict[str, Any]:
    return {
        "name": name,
        **{
            what: {
                "seconds": statistics.median(runs) if runs else None,
                "fastest": min(runs, default=None),
                "aim": AIMS.get((name, what)),
                "runs": list(runs),
            }
            for what, runs in (("full", full), ("again", again), ("change", change))
        },
    }


def _seconds(runs: Sequence[Run]) -> list[float]:
    return [one.seconds for one in runs]
