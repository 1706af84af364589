# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Addresses and node ports that were left open: those in use stay, new ones follow from names."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...services import words
from ..prefix import Prefix
from . import listening

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .around import Around
    from .model import Service


@dataclass(frozen=True)
class Allocated:
    """What services have, or had: cluster IPs and load balancer IPs by the service's name.

    Node ports by the full name of the port.
    """

    cluster_ips: dict[str, int] = field(default_factory=dict)
    load_balancer_ips: dict[str, list[int]] = field(default_factory=dict)
    node_ports: dict[str, int] = field(default_factory=dict)


def allocate(
    services: Sequence[Service], around: Around, seen: Allocated, problems: list[str]
) -> Allocated:
    """Choose what services left open; what was given is not in the result.

    :param seen: what nodes were observed to hold.
    :param problems: gets a sentence where something is exhausted.
    """
    return Allocated(
        _cluster_ips(services, around, seen, problems),
        _load_balancer_ips(services, around, seen, problems),
        _node_ports(services, around, seen, problems),
    )


def _choose(
    wanted: Iterable[tuple[str, str]], seen: Mapping[str, int], pool: _Pool, taken: set[int]
) -> dict[str, int]:
    """Give each name (and what its place in the pool follows from) one of a pool.

    Those in use go first: nobody is pushed out by a newcomer. Needs a pool that is large enough.
    """
    chosen: dict[str, int] = {}
    waiting = []
    for name, hashed in wanted:
        held = seen.get(name)
        if held is not None and held in pool and held not in taken:
            chosen[name] = held
            taken.add(held)
        else:
            waiting.append((name, hashed))
    for name, hashed in waiting:
        at = zlib.crc32(hashed.encode()) % pool.size
        while pool[at] in taken:
            at = (at + 1) % pool.size
        chosen[name] = pool[at]
        taken.add(pool[at])
    return chosen


class _Pool:
    """Numbers of a few ranges, one after the other."""

    def __init__(self, *ranges: range) -> None:
        self._ranges = ranges
        self.size = sum(len(each) for each in ranges)

    def __contains__(self, number: int) -> bool:
        return any(number in each for each in self._ranges)

    def __getitem__(self, at: int) -> int:
        for each in self._ranges:
            if at < len(each):
                return each[at]
            at -= len(each)
        raise IndexError

    def free(self, taken: set[int]) -> int:
        """Return how many are not taken."""
        return self.size - sum(number in self for number in taken)


def _cluster_ips(
    services: Sequence[Service], around: Around, seen: Allocated, problems: list[str]
) -> dict[str, int]:
    cidr = around.service_cidr
    open_ = [each.name for each in services if not each.headless and each.cluster_ip is None]
    if cidr is None or not open_:
        return {}
    pool = _Pool(range(cidr.first + 1, cidr.last))
    taken = {each.cluster_ip for each in services if each.cluster_ip is not None}
    if pool.free(taken) < len(open_):
        problems.append(
            f"podnet_service_cidr is {cidr}, which has room for {pool.free(taken)} of the "
            f"{len(open_)} services that need an address; valid is a larger one that holds it, "
            f"such as {_wider(cidr)}."
        )
        return {}
    return _choose(((name, name) for name in open_), seen.cluster_ips, pool, taken)


def _wider(cidr: Prefix) -> Prefix:
    length = max(cidr.length - 4, 8)
    return Prefix(cidr.first >> (32 - length) << (32 - length), length)


def _load_balancer_ips(
    services: Sequence[Service], around: Around, seen: Allocated, problems: list[str]
) -> dict[str, list[int]]:
    open_ = [
        each.name
        for each in services
        if each.type == words.LOAD_BALANCER and not each.load_balancer_ips
    ]
    if not around.load_balancer_cidrs or not open_:
        return {}
    ranges = [range(each.first, each.last + 1) for each in around.load_balancer_cidrs]
    pool = _Pool(*ranges)
    taken = {*around.nodes, *around.gateways}
    for _name, subnet in around.subnets:
        taken |= {subnet.first, subnet.last}
    for each in services:
        taken.update(each.external_ips, each.load_balancer_ips)
    if pool.free(taken) < len(open_):
        listed = ", ".join(str(each) for each in around.load_balancer_cidrs)
        problems.append(
            f"podnet_load_balancer_cidrs is {listed}, which has room for {pool.free(taken)} of "
            f"the {len(open_)} services that need an address; valid is a list with another CIDR."
        )
        return {}
    held = {name: ips[0] for name, ips in seen.load_balancer_ips.items() if ips}
    chosen = _choose(((name, name) for name in open_), held, pool, taken)
    return {name: [ip] for name, ip in chosen.items()}


def _node_ports(
    services: Sequence[Service], around: Around, seen: Allocated, problems: list[str]
) -> dict[str, int]:
    """Choose node ports: of one number for both protocols of a port, where that is free."""
    result: dict[str, int] = {}
    pool = _Pool(around.node_ports)
    for protocol in ("TCP", "UDP"):
        taken = {
            port.host_port
            for placed in around.pods
            for port in placed.pod.ports
            if port.host_port is not None and port.protocol == protocol
        }
        wanted = []
        for each in services:
            on_nodes = any(ip in around.nodes for ip in each.external_ips)
            for port in each.ports:
                if port.protocol != protocol:
                    continue
                if port.node_port is not None:
                    taken.add(port.node_port)
                elif each.wants_node_port(port):
                    wanted.append(
                        (words.full_name(each.name, port.label), f"{each.name}:{port.port}")
                    )
                if on_nodes:
                    taken.add(port.port)
        # What a node holds already is not moved: a process that has it now is in the way.
        taken |= listening.numbers(around, protocol) - set(seen.node_ports.values())
        if pool.free(taken) < len(wanted):
            problems.append(
                f"{len(wanted)} {protocol} ports of services need a node port, and of "
                f"{around.node_ports[0]} to {around.node_ports[-1]} there are "
                f"{pool.free(taken)} left; valid is allocate_node_ports: false for services of "
                "type LoadBalancer, or fewer of them."
            )
            continue
        result.update(_choose(wanted, seen.node_ports, pool, taken))
    return result
