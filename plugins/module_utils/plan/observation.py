# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the nodes were seen to hold, as far as the planner needs it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..engine.failure import Failure
from .prefix import Prefix, parse_address, parse_prefix
from .services.allocate import Allocated

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@dataclass(frozen=True)
class Observed:
    """One node: the CIDR it holds, its table of peers as it stands, its endpoints.

    ``services`` are the allocations that it holds, as they stand: see :func:`allocations`;
    ``device`` is the name of the node's device; ``listening`` the ports of its processes;
    ``policy_classes`` has the class of each block of addresses that it tells apart.
    """

    pod_cidr: Prefix | None
    peers: Mapping[str, str]
    endpoints: Mapping[str, int]
    services: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    device: str | None = None
    listening: Sequence[Mapping[str, Any]] = ()
    policy_classes: Mapping[str, int] = field(default_factory=dict)


def read(observed: Mapping[str, Mapping[str, Any] | None]) -> dict[str, Observed]:
    """Read the nodes that answered."""
    result = {}
    for node, seen in observed.items():
        if seen is None:
            continue
        try:
            held = seen.get("pod_cidr")
            result[node] = Observed(
                parse_prefix(held) if held else None,
                dict(seen.get("peers") or {}),
                {
                    name: parse_address(address)
                    for name, address in (seen.get("endpoints") or {}).items()
                },
                dict(seen.get("services") or {}),
                (seen.get("device") or {}).get("name"),
                tuple(seen.get("listening") or ()),
                dict(seen.get("policy_classes") or {}),
            )
        except (ValueError, TypeError, AttributeError) as error:
            raise Failure(
                f"What was observed of {node} cannot be read ({error}); valid is pod_cidr (a CIDR "
                "or none), peers (CIDR: node IP) and endpoints (name: IP)."
            ) from None
    return result


def held_by_peers(seen: Iterable[Observed]) -> dict[int, list[Prefix]]:
    """Return the CIDRs that peers' tables have for each node address, the most named one first.

    A table that was not brought up to date in a while is outvoted by the others. The tables of n
    nodes have n * n lines in all, so they are merged as they stand, and only what differs is read.
    """
    lines: Counter[tuple[str, str]] = Counter()
    for node in seen:
        lines.update(node.peers.items())
    result: dict[int, list[Prefix]] = {}
    for cidr, ip in sorted(lines, key=lambda line: (-lines[line], line)):
        node_ip, held = peer(cidr, ip)
        result.setdefault(node_ip, []).append(held)
    return result


def peer(cidr: str, ip: str) -> tuple[int, Prefix]:
    """Read one line of a table of peers: the node's address and its pod CIDR."""
    try:
        return parse_address(ip), parse_prefix(cidr)
    except ValueError:
        raise Failure(
            f"A node was observed with the peer {cidr}: {ip}; valid is a CIDR and a node IP."
        ) from None


def allocations(seen: Iterable[Observed]) -> Allocated:
    """Return what was allocated to services: ``{"cluster_ips": {"default/web": "10.96.0.7"},
    "load_balancer_ips": {"default/web": ["203.0.113.9"]}, "node_ports": {"default/web:80/TCP":
    30080}}`` of every node, the most named first.

    All nodes hold the same, but for one that was left out of a run.
    """
    lines: dict[str, Counter[tuple[str, Any]]] = {
        kind: Counter() for kind in ("cluster_ips", "load_balancer_ips", "node_ports")
    }
    try:
        for node in seen:
            for kind, counter in lines.items():
                held = node.services.get(kind) or {}
                if kind == "load_balancer_ips":
                    counter.update((name, tuple(ips)) for name, ips in held.items())
                else:
                    counter.update(held.items())
        return Allocated(
            {name: parse_address(ip) for name, ip in _most_named(lines["cluster_ips"])},
            {
                name: [parse_address(ip) for ip in ips]
                for name, ips in _most_named(lines["load_balancer_ips"])
            },
            {name: int(port) for name, port in _most_named(lines["node_ports"])},
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise Failure(
            f"The services of a node were observed, and cannot be read ({error}); valid is "
            "cluster_ips (name: IP), load_balancer_ips (name: list of IPs) and node_ports (name: "
            "port)."
        ) from None


def _most_named(lines: Counter[tuple[str, Any]]) -> Iterable[tuple[str, Any]]:
    """Return one value for each name: a later pair of a dict wins, so the most named comes last."""
    return sorted(lines, key=lambda line: (lines[line], line))
