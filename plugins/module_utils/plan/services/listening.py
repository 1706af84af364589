# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ports of a node that services would take from processes which listen there.

What is sent to a node port or host port never reaches the node's own process: with port 22 a run
would lock itself out.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, NamedTuple

from ...services import words
from ..prefix import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .around import Around

    #: What ``listening`` of M(podnet.fabric.node_info) holds.
    Listener = Mapping[str, Any]


class Taken(NamedTuple):
    """A port that is led to backends.

    :param node: the one node where it is, None: on every one.
    :param address: the one address at which it is, None: at each of the node's.
    """

    what: str
    node: str | None
    address: str | None


def problems(services: Iterable[Mapping[str, Any]], around: Around) -> dict[str, list[str]]:
    """Return by the node's name a sentence for each port that a process of it would lose.

    :param services: as the nodes get them.
    """
    if not around.listening:
        return {}
    taken: dict[tuple[str, int], list[Taken]] = {}
    nodes = {text(ip): name for ip, name in around.nodes.items()}
    for service in services:
        for protocol, port, each in _ports(service, nodes):
            taken.setdefault((protocol, port), []).append(each)
    found = {}
    for node, listeners in around.listening.items():
        sentences = [
            _sentence(each, one, node)
            for one in listeners
            for each in taken.get((one["protocol"], one["port"]), ())
            if each.node in (None, node) and _meet(each.address, one["address"], node, nodes)
        ]
        if sentences:
            found[node] = list(dict.fromkeys(sentences))
    return found


def numbers(around: Around, protocol: str) -> set[int]:
    """Return the ports of a protocol on which a process of any node listens."""
    return {
        one["port"]
        for listeners in around.listening.values()
        for one in listeners
        if one["protocol"] == protocol
    }


def _ports(
    service: Mapping[str, Any], nodes: Mapping[str, str]
) -> Iterator[tuple[str, int, Taken]]:
    name = service["name"]
    if service["type"] == words.HOST_PORT:
        pod = name.partition("@")[0]
        for port in service["ports"]:
            what = f"host_port of pod {pod} is {port['port']}/{port['protocol']}"
            yield port["protocol"], port["port"], Taken(what, service["node"], service["host_ip"])
        return
    external = [(ip, nodes[ip]) for ip in service["external_ips"] if ip in nodes]
    for port in service["ports"]:
        protocol = port["protocol"]
        if port["node_port"] is not None:
            what = f"node_port of {name} is {port['node_port']}/{protocol}"
            yield protocol, port["node_port"], Taken(what, None, None)
        for ip, node in external:
            what = f"external_ips of {name} has {ip}, with port {port['port']}/{protocol}"
            yield protocol, port["port"], Taken(what, node, ip)


def _meet(taken: str | None, address: str, node: str, nodes: Mapping[str, str]) -> bool:
    """Say whether what is sent to the process comes to the taken address of the node."""
    found = ipaddress.ip_address(address)
    if found.is_unspecified:
        return True
    if taken is not None:
        return address == taken
    return found.is_loopback or nodes.get(address) == node


def _sentence(taken: Taken, one: Listener, node: str) -> str:
    who = "the kernel" if one["pid"] is None else f"{one['process']} (process {one['pid']})"
    return (
        f"{taken.what}, at which {who} of {node} listens on {one['address']}; valid is a port on "
        f"which nothing of the node listens, or end that first."
    )
