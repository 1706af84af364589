# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Addresses of the pods of one node: those in use stay, a new one follows from the pod's name."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, NamedTuple

from ..names import HEALTH
from . import capacity
from .prefix import Prefix, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .model import Node, Pod


class Addresses(NamedTuple):
    """Of one node; ``pods`` in the order of its pods."""

    gateway: int
    health: int
    pods: list[int]


def problems(node: Node, cidr: Prefix) -> Iterator[str]:
    """Yield what is wrong with the addresses that are fixed by hand."""
    gateway = capacity.gateway(cidr)
    fixed = [(f"podnet_pods {pod.name}.ip", pod.ip) for pod in node.pods if pod.ip is not None]
    if node.health_ip is not None:
        fixed.append(("podnet_health_ip", node.health_ip))
    holder: dict[int, str] = {}
    for what, ip in fixed:
        if not cidr.holds(ip):
            yield (
                f"{what} on {node.name} is {text(ip)}, which lies outside the node's pod CIDR; "
                f"valid is an address of {cidr}."
            )
        elif ip == gateway or cidr.reserves(ip):
            yield (
                f"{what} on {node.name} is {text(ip)}, which is reserved; valid is an address of "
                f"{cidr} other than the first, the last and the gateway {text(gateway)}."
            )
        if ip in holder:
            yield (
                f"{what} on {node.name} is {text(ip)}, which {holder[ip]} has too; each "
                "address is valid once."
            )
        holder[ip] = what


def assign(node: Node, cidr: Prefix, pods: Sequence[Pod], observed: Mapping[str, int]) -> Addresses:
    """Give every pod of a node, and its health endpoint, an address.

    :param pods: at most :func:`capacity.upper_limit` of the CIDR.
    :param observed: the addresses that the node's endpoints were seen to have.
    """
    gateway = capacity.gateway(cidr)
    taken = {cidr.first, cidr.last, gateway}
    taken.update(pod.ip for pod in pods if pod.ip is not None)
    if node.health_ip is not None:
        taken.add(node.health_ip)

    chosen: dict[str, int] = {}
    # Addresses in use before new ones are chosen: nobody is pushed out by a newcomer.
    in_use = [pod.name for pod in pods if pod.ip is None]
    if node.health_ip is None:
        in_use.insert(0, HEALTH)
    for name in in_use:
        ip = observed.get(name)
        if ip is not None and cidr.holds(ip) and ip not in taken:
            chosen[name] = ip
            taken.add(ip)

    health = node.health_ip or chosen.get(HEALTH)
    if health is None:
        health = gateway - 1
        while health in taken:
            health -= 1
        taken.add(health)
    result = []
    for pod in pods:
        ip = pod.ip or chosen.get(pod.name)
        if ip is None:
            ip = _free(pod.name, cidr, taken)
            taken.add(ip)
        result.append(ip)
    return Addresses(gateway, health, result)


def _free(name: str, cidr: Prefix, taken: set[int]) -> int:
    """Return the address of the slot that follows from a name, or the next free one after it."""
    slot = zlib.crc32(name.encode()) % cidr.size
    while cidr.first + slot in taken:
        slot = (slot + 1) % cidr.size
    return cidr.first + slot
