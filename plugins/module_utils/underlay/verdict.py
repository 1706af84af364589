# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From which packets arrived to what is in the way between two nodes, in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..text.tables import counted, line, table
from . import packets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_HEADS = ("From", "To", "Way", "Largest packet", "")


@dataclass(frozen=True)
class Node:
    """What a node was asked to send, and what it heard.

    :param own: what it sent as, with ``size``, the largest packet that is planned.
    :param peers: by name whom it sent to: see :func:`packets.send`.
    :param failures: by name of a peer why it could not send.
    :param wire: what arrived at its devices, by sender: kind and size.
    :param arrived: the same at its sockets, and out of its tunnel.
    :param by_path: how many packets its reverse path filter has dropped.
    """

    own: Mapping[str, Any]
    peers: Mapping[str, Mapping[str, Any]]
    failures: Mapping[str, str] = field(default_factory=dict)
    wire: frozenset[tuple[int, int, str]] = frozenset()
    arrived: frozenset[tuple[int, int, str]] = frozenset()
    by_path: int = 0


def read(sent: Mapping[str, Any], heard: Mapping[str, Any]) -> Node:
    """Return a node from what its two tasks returned."""
    return Node(
        sent["own"],
        {peer["name"]: peer for peer in sent["peers"]},
        sent["failures"],
        frozenset(tuple(one) for one in heard.get("wire", ())),
        frozenset(tuple(one) for one in heard.get("sockets", ())),
        heard.get("by_path", 0),
    )


def summary(nodes: Mapping[str, Node]) -> dict[str, Any]:
    """Return what is in the way: ``ok``, ``problems``, and ``pairs`` with what each of them has."""
    pairs = []
    for name, node in nodes.items():
        for other in node.peers:
            if other in nodes:
                pairs.append(_pair(name, other, nodes))
    problems = [
        f"{one['from']} -> {one['to']}: {text}" for one in pairs for text in one["in_the_way"]
    ]
    return {"ok": not problems, "problems": problems, "pairs": pairs}


def _pair(name: str, other: str, nodes: Mapping[str, Node]) -> dict[str, Any]:
    sender, receiver = nodes[name], nodes[other]
    peer, address = sender.peers[other], sender.own["node_ip"]
    sizes = [size for kind, size, ip in receiver.wire if (kind, ip) == (packets.SIZED, address)]
    return {
        "from": name,
        "to": other,
        "way": peer["way"],
        "largest": max(sizes, default=0),
        "planned": sender.own["size"],
        "in_the_way": list(_in_the_way(name, other, nodes)),
    }


def _in_the_way(name: str, other: str, nodes: Mapping[str, Node]) -> Iterator[str]:
    sender, receiver = nodes[name], nodes[other]
    peer, address = sender.peers[other], sender.own["node_ip"]
    here = {(kind, size) for kind, size, ip in receiver.wire if ip == address}
    kinds = {kind for kind, _size in here}
    if packets.NODE not in kinds:
        why = sender.failures.get(other)
        yield (
            f"nothing arrives at {peer['node_ip']}, not even from the node's own address: the node "
            "is down, or a security group drops all of it" + (f" ({why})" if why else "")
        )
        return
    if other in sender.failures:
        yield f"packets cannot be sent: {sender.failures[other]}"
    if packets.SIZED not in kinds or (packets.SIZED, sender.own["size"]) not in here:
        yield _too_large(here, sender, peer)
    passes = {kind for kind, _size, ip in receiver.arrived if ip == address}
    if packets.NODE not in passes:
        yield _dropped_by_host(receiver, f"UDP port {packets.PORT} and perhaps others")
    if peer["tunnel"]:
        yield from _of_tunnel(peer, receiver, kinds, passes)
    elif other not in sender.failures:
        yield from _of_pods(name, other, nodes, kinds, passes)


def _too_large(here: set[tuple[int, int]], sender: Node, peer: Mapping[str, Any]) -> str:
    size = max((size for kind, size in here if kind == packets.SIZED), default=0)
    fits = size - (packets.OVERHEAD if peer["tunnel"] else 0)
    arrives = (
        f"the largest that does has {size}; podnet_mtu: {fits} fits" if size else "none of 576 does"
    )
    return (
        f"the MTU is smaller than planned: a packet of {sender.own['size']} bytes does not arrive, "
        f"{arrives}"
    )


def _dropped_by_host(receiver: Node, what: str) -> str:
    if receiver.by_path:
        return (
            "the packet arrives, and the node's reverse path filter drops it: set "
            "net.ipv4.conf.*.rp_filter to 2 or 0, or let the answer leave by the same device"
        )
    return f"the packet arrives, and the node's own firewall drops it: let it take {what}"


def _of_tunnel(
    peer: Mapping[str, Any], receiver: Node, kinds: set[int], passes: set[int]
) -> Iterator[str]:
    address, port = peer["tunnel"]["address"], peer["tunnel"]["port"]
    if packets.TUNNEL not in kinds:
        yield (
            "a security group or a firewall on the way drops the tunnel's port: let UDP port "
            f"{port} to {address} pass"
        )
    elif packets.TUNNEL not in passes:
        yield _dropped_by_host(receiver, f"UDP port {port} of the tunnel")


def _of_pods(
    name: str, other: str, nodes: Mapping[str, Node], kinds: set[int], passes: set[int]
) -> Iterator[str]:
    sender, receiver = nodes[name], nodes[other]
    peer = sender.peers[other]
    if packets.SOURCE not in kinds:
        if _sends_as_pods(sender, nodes):
            yield (
                "a security group drops packets from pods' addresses: let "
                f"{sender.own['pod_cidr']} in where {other} is"
            )
        else:
            yield (
                "the cloud checks sources (spoof protection): no packet from a pod's address "
                f"leaves {name}; switch that check off for {name}, or allow it "
                f"{sender.own['pod_cidr']}"
            )
    elif packets.TARGET not in kinds:
        if peer["way"] == "gateway":
            yield (
                f"a route is missing in the VPC: {peer['pod_cidr']} via {peer['node_ip']}; without "
                f"it the router does not know the pods of {other}"
            )
        else:
            yield (
                "a security group or a check of destinations drops packets to pods' addresses: "
                f"let {peer['pod_cidr']} pass to {other}"
            )
    elif packets.PODS not in kinds:
        yield (
            f"a security group drops packets between pods: let {sender.own['pod_cidr']} to "
            f"{peer['pod_cidr']} pass"
        )
    elif packets.SOURCE not in passes and packets.NODE in passes:
        yield _dropped_by_host(receiver, f"packets from {sender.own['pod_cidr']}")


def _sends_as_pods(sender: Node, nodes: Mapping[str, Node]) -> bool:
    """Say whether anybody has got a packet from an address of the sender's pods, or an answer."""
    kinds = (packets.SOURCE, packets.PODS, packets.ANSWER)
    address = sender.own["node_ip"]
    return any(
        kind in kinds and ip == address for node in nodes.values() for kind, _size, ip in node.wire
    )


def render(found: Mapping[str, Any], failures: Mapping[str, str]) -> list[str]:
    """Return the report: a verdict, what is in the way, and the pairs of nodes."""
    bad = len(found["problems"]) + len(failures)
    rows = [
        (
            one["from"],
            one["to"],
            one["way"],
            one["largest"],
            "; ".join(one["in_the_way"]) and "blocked",
        )
        for one in found["pairs"]
    ]
    return [
        line("Between the nodes", counted(len(found["pairs"]), "way")),
        line("Verdict", counted(bad, "problem") if bad else "OK"),
        *(line("Problem", f"{name}: {why}") for name, why in failures.items()),
        *(line("Problem", one) for one in found["problems"]),
        *table(_HEADS, rows),
    ]
