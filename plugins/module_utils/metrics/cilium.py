# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Metrics once more by the names and labels that dashboards published for Cilium ask for.

They choose an agent by ``k8s_app`` and ``pod``; here that is the node.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from .families import counter, gauge

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .families import Family, Sample

#: Our verdicts in Cilium's words, where it has some.
_REASONS = {
    "unsupported_l3": "Unsupported L3 protocol",
    "malformed": "Invalid packet",
    "spoofed_source": "Invalid source ip",
    "blackhole_route": "FIB lookup failed",
    "fib_failed": "FIB lookup failed",
    "unknown_vni": "Invalid VNI",
    "no_backend": "Service backend not found",
    "no_local_backend": "Service backend not found",
    "not_from_outside": "Is a ClusterIP",
    "unknown_fragment": "First logical datagram fragment not found",
    "nat_exhausted": "No mapping for NAT masquerade",
    "ttl_exceeded": "TTL exceeded",
    "too_big": "Fragmentation needed",
    "nat_unsupported": "Unsupported protocol for NAT masquerade",
    "unknown_connection": "Unknown connection tracking state",
    "vlan_tagged": "VLAN traffic disallowed by VLAN filter",
    "encapsulation_prohibited": "Encapsulation traffic is prohibited",
    "ingress_denied": "Policy denied",
    "egress_denied": "Policy denied",
}


def names(found: Iterable[Family]) -> list[Family]:
    """Return those of the metrics that Cilium has, too."""
    own = {family.name: family.samples for family in found}
    plan = own.get("podnet_plan_info", [])
    agent = {"k8s_app": "cilium", "pod": plan[0][0]["node"] if plan else ""}
    made = []
    for unit, word in (("packets", "count"), ("bytes", "bytes")):
        drops, forwards = _by_fate(own.get(f"podnet_{unit}_total", []))
        made.append(counter(f"cilium_drop_{word}_total", f"Dropped {unit}.", _listed(drops)))
        made.append(
            counter(f"cilium_forward_{word}_total", f"Forwarded {unit}.", _listed(forwards))
        )
    maps = [
        (each["map"], used, size)
        for (each, used), (_same, size) in zip(
            own.get("podnet_map_entries", []), own.get("podnet_map_capacity", [])
        )
    ]
    made += [
        gauge(
            "cilium_endpoint_state",
            "Endpoints by their state.",
            [
                ({"endpoint_state": "ready" if each["state"] == "up" else "not-ready"}, number)
                for each, number in own.get("podnet_endpoints", [])
            ],
        ),
        gauge(
            "cilium_bpf_map_pressure",
            "Share of a map that is in use.",
            [({"map_name": name}, round(used / size, 6)) for name, used, size in maps],
        ),
        gauge(
            "cilium_bpf_map_capacity",
            "Entries that a map has room for.",
            [({"map_group": name}, size) for name, _used, size in maps],
        ),
        gauge(
            "cilium_ip_addresses",
            "Allocated addresses.",
            [
                ({"family": "ipv4"}, number)
                for each, number in own.get("podnet_addresses", [])
                if each["state"] == "used"
            ],
        ),
        gauge("cilium_policy", "Policies.", own.get("podnet_policies", [])),
        gauge(
            "cilium_policy_endpoint_enforcement_status",
            "Endpoints by what policies isolate them for.",
            own.get("podnet_policy_endpoints", []),
        ),
        gauge(
            "cilium_nodes_all_num",
            "Nodes of the cluster.",
            [(each, 1 + number) for each, number in own.get("podnet_peers", [])],
        ),
        *(
            gauge(
                f"cilium_unreachable_{word}",
                f"{told} that do not answer.",
                [
                    ({}, number)
                    for each, number in own.get("podnet_peer_health", [])
                    if each == {"target": target, "state": "unreachable"}
                ],
            )
            for word, told, target in (
                ("nodes", "Nodes", "node"),
                ("health_endpoints", "Health endpoints", "endpoint"),
            )
        ),
        gauge(
            "cilium_nat_endpoint_max_connection",
            "Highest share, in percent, of the ports that an address has for one destination.",
            [
                ({"family": "ipv4"}, round(100 * number, 2))
                for _none, number in own.get("podnet_nat_ports_used_ratio", [])
            ],
        ),
    ]
    lost = sum(number for _kind, number in own.get("podnet_events_lost_total", []))
    made.append(
        counter(
            "hubble_lost_events_total",
            "Events that there was no room for.",
            [({"source": "perf_event_ring_buffer"}, lost)],
        )
    )
    for family in made:
        family.samples[:] = [({**labels, **agent}, value) for labels, value in family.samples]
    return made


def _by_fate(
    samples: Iterable[Sample],
) -> tuple[Counter[tuple[str, ...]], Counter[tuple[str, ...]]]:
    """Return what was dropped by direction and reason, and what went on by direction."""
    drops: Counter[tuple[str, ...]] = Counter()
    forwards: Counter[tuple[str, ...]] = Counter()
    for labels, number in samples:
        way = labels["direction"].upper()
        if labels["dropped"] == "yes":
            word = labels["verdict"]
            drops[way, _REASONS.get(word, word.replace("_", " ").capitalize())] += int(number)
        else:
            forwards[(way,)] += int(number)
    return drops, forwards


def _listed(counted: Mapping[tuple[str, ...], int]) -> list[Sample]:
    words = ("direction", "reason")
    return [(dict(zip(words, key)), number) for key, number in counted.items()]
