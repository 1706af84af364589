"""Seconds and memory that it takes to bring services to the kernel, all of them and then one."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from . import isolation, service_list, service_maps, services, topology
from .balancers import RULES, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .balancers import Rules, Run
    from .services import Way

#: How often one service is changed there and back.
CHANGES = 3
MAPS = "podnet, its maps alone"
#: Seconds: all services into the maps.
MAPS_AIM = 0.2


def measure(ways: Sequence[Way]) -> list[dict[str, Any]]:
    """Time the changes on the ways that have the most services; that they came there was timed.

    :returns: a dictionary each with ``name`` and number of ``services``; seconds of ``full``, of
        ``again`` with nothing changed, and of ``change`` of one service, medians, and those of each
        run; ``kernel`` and ``peak``, bytes; and the aims.
    """
    here = [one for one in ways if one.place == topology.ONE_NODE and one.applied]
    most = max(one.services or 0 for one in here)
    largest = {one.name: one for one in here if one.services == most}
    kernels = [_kernel(rules, largest[rules.name]) for rules in RULES]
    rows = [*kernels, _maps(largest[services.SOCKETS])]
    return [{**row, "services": most} for row in rows]


def _kernel(rules: Rules, way: Way) -> dict[str, Any]:
    assert way.applied
    node = way.topology.nodes[0]
    every = service_list.services(way.services or 0, way.topology.server.ip)
    full = rules.full(node.pod_cidr, every)
    more = [
        run(rules.replace, full, netns=isolation.new_network()) for _turn in range(rules.repeat - 1)
    ]
    before, after = every[0], service_list.changed(every[0])
    changes = [
        run(rules.amend, rules.change(node.pod_cidr, *pair), netns=node.netns)
        for _turn in range(CHANGES)
        for pair in ((before, after), (after, before))
    ]
    return _row(rules.name, [way.applied, *more], [one.seconds for one in changes])


def _maps(way: Way) -> dict[str, Any]:
    assert way.applied
    assert way.services
    node = way.topology.nodes[0]
    first = service_list.services(way.services, way.topology.server.ip)[0]
    free = (way.services + 1) * service_list.BACKENDS  # behind those of the probe for UDP
    changes = [
        service_maps.put(node, 0, one, free)
        for _turn in range(CHANGES)
        for one in (service_list.changed(first), first)
    ]
    return {**_row(MAPS, [way.applied], changes), "full_aim": MAPS_AIM}


def _row(name: str, full: Sequence[Run], changes: Sequence[float]) -> dict[str, Any]:
    return {
        "name": name,
        "full": statistics.median(one.seconds for one in full),
        "full_runs": [one.seconds for one in full],
        "full_aim": None,
        "again": None,
        "change": statistics.median(changes),
        "change_runs": list(changes),
        "change_aim": None,
        "kernel": full[0].kernel,
        "peak": full[0].peak,
    }
