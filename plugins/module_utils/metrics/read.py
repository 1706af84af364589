# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a node counts and holds, read once for a scrape, as metrics.

The same functions read it as do for the modules. Series are bounded: none is by pod, by address or
by service, but for rules of policies, of which those with the most packets are shown.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from ..datapath import counts, pinned, reasons
from ..datapath.drop_layout import DROPS
from ..datapath.event_layout import EVENT_LOST
from ..datapath.nat_layout import NAT
from ..drops.usage import usage as usage_of_recorder
from ..endpoints.counted import counted as counted_endpoints
from ..installed import plan, runs
from ..nat import flows
from ..nat.usage import FLOWS, usage
from ..policy import info as policies
from ..services.counted import counted as counted_services
from ..talkers.usage import usage as usage_of_flows
from .families import counter, gauge, one
from .health import health

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Optional

    from .families import Family

    Slice = Optional[Mapping[str, Any]]

#: So many rules of policies are shown, those with the most packets.
MOST_RULES = 400

#: Whether policies isolate an endpoint for ingress and for egress, in Cilium's words.
_ENFORCED = {
    (False, False): "none",
    (True, False): "ingress",
    (False, True): "egress",
    (True, True): "both",
}


def gather() -> list[Family]:
    """Return everything; what the node does not have is left out."""
    begun, spent = time.monotonic(), time.process_time()
    node = plan.read()
    held = counted_endpoints()
    found = [
        *health(node),  # first: what it sends is counted, too
        *_packets(),
        *_endpoints(node, held),
        *_services(),
        *_policies(sum(held.values())),
        *_translated_and_maps(),
        *_events(),
        *_talkers(),
        *_of_runs(node),
    ]
    return [
        *found,
        gauge(
            "podnet_scrape_duration_seconds",
            "What reading these metrics took.",
            one(time.monotonic() - begun),
        ),
        gauge(
            "podnet_scrape_cpu_seconds",
            "CPU time that reading them took.",
            one(time.process_time() - spent),
        ),
    ]


def _packets() -> Iterator[Family]:
    found = counts.verdicts()
    words = ("hook", "direction", "verdict")
    labels = [
        {**{word: each[word] for word in words}, "dropped": "yes" if each["drops"] else "no"}
        for each in found
    ]
    for unit in ("packets", "bytes"):
        yield counter(
            f"podnet_{unit}_total",
            f"{unit.capitalize()} by program (hook) and by what became of them, dropped or not.",
            zip(labels, [each[unit] for each in found]),
        )
    drops: Counter[tuple[str, str]] = Counter()
    for each in found:
        if each["drops"]:
            drops[each["verdict"], each["direction"]] += each["packets"]
    yield counter(
        "podnet_drops_total",
        "Packets dropped, by reason and by direction, as pods see it. What never was is 0.",
        [
            ({"reason": verdict.name, "direction": way}, drops[verdict.name, way])
            for verdict in reasons.VERDICTS
            if verdict.drops
            for way in ("ingress", "egress")
        ],
    )


def _endpoints(node: Slice, held: Mapping[str, int]) -> Iterator[Family]:
    yield gauge(
        "podnet_endpoints",
        "Endpoints, pods and the health endpoint: up where the device that programs know of one "
        "is there and has a carrier.",
        [({"state": state}, number) for state, number in held.items()],
    )
    if node and node["usable"]:
        planned = len(node["endpoints"])
        yield gauge("podnet_endpoints_planned", "Endpoints that the plan has.", one(planned))
        used, size = sum(held.values()), node["capacity"]["addresses"]
        yield gauge(
            "podnet_addresses",
            "Addresses of the node's pod CIDR, used by endpoints or free.",
            [({"state": "used"}, used), ({"state": "free"}, max(0, size - used))],
        )


def _services() -> Iterator[Family]:
    found = counted_services()
    yield gauge(
        "podnet_service_frontends",
        "Addresses and ports at which services are taken.",
        one(found["frontends"]),
    )
    yield gauge(
        "podnet_service_frontends_without_backends",
        "Those of them that lead nowhere.",
        one(found["empty"]),
    )
    yield gauge(
        "podnet_service_backends",
        "Backends of services; those that terminate take no new connection.",
        [({"state": state}, found[state]) for state in ("active", "terminating")],
    )


def _policies(endpoints: int) -> Iterator[Family]:
    found = policies.gather()
    yield gauge(
        "podnet_policies", "Network policies that select a pod here.", one(len(found["policies"]))
    )
    ways = Counter((bool(pod["ingress"]), bool(pod["egress"])) for pod in found["pods"])
    ways[False, False] += max(0, endpoints - len(found["pods"]))
    yield gauge(
        "podnet_policy_endpoints",
        "Endpoints by what policies isolate them for: none, ingress, egress, both.",
        [({"enforcement": word}, ways[way]) for way, word in _ENFORCED.items()],
    )
    rules = [rule for each in found["policies"] for rule in each["rules"] if rule.get("packets")]
    rules.sort(key=lambda rule: -int(rule["packets"]))
    yield gauge(
        "podnet_policy_rules_hit",
        f"Rules of policies that let packets through; of more than {MOST_RULES} those with the "
        "most have series of their own.",
        one(len(rules)),
    )
    shown = rules[:MOST_RULES]
    for unit in ("packets", "bytes"):
        yield counter(
            f"podnet_policy_{unit}_total",
            f"{unit.capitalize()} that a rule of a policy let through.",
            [(_rule(rule["name"]), rule[unit]) for rule in shown],
        )
    kinds = {"dropped": "dropped", "would_drop": "audit"}
    sums: Counter[tuple[str, str]] = Counter()
    for each in found["sets"]:
        for word, verdict in kinds.items():
            sums[each["direction"], verdict] += each[word]["packets"]
    yield counter(
        "podnet_policy_drops_total",
        "Packets that no rule of isolating policies let through; audit: that would be dropped.",
        [
            ({"direction": way, "verdict": verdict}, sums[way, verdict])
            for way in ("ingress", "egress")
            for verdict in kinds.values()
        ],
    )


def _rule(name: str) -> Mapping[str, str]:
    """Return the labels of a rule: ``default/db ingress[0]``."""
    policy, _blank, rule = name.partition(" ")
    namespace, _slash, own = policy.partition("/")
    return {"namespace": namespace, "policy": own, "rule": rule}


def _translated_and_maps() -> Iterator[Family]:
    used = usage(flows.read())
    table, ports = used["table"], used["ports"]
    recorder = usage_of_recorder()
    if table["used"] is not None:
        yield gauge("podnet_nat_flows", "Translated flows that are not over.", one(used["live"]))
        yield gauge("podnet_nat_flows_limit", "Flows that pods may have together.", one(FLOWS))
        ratio = max((each["used"] / each["size"] for each in ports), default=0.0)
        yield gauge(
            "podnet_nat_ports_used_ratio",
            "Ports in use of those that an address has for one destination: the highest share.",
            one(round(ratio, 4)),
        )
    yield counter(
        "podnet_drops_unrecorded_total",
        "Dropped packets that the recorder of drops had no time for.",
        one(recorder["unrecorded"] or 0),
    )
    maps = [
        each
        for each in counts.use_of_maps({NAT.name: table["used"], DROPS.name: recorder["used"]})
        if each["used"] is not None and "array" not in each["type"] and each["type"] != "queue"
    ]
    yield gauge(
        "podnet_map_entries",
        "Entries of a map of the programs; of an array all are there always, and it is not shown.",
        [({"map": each["name"], "type": each["type"]}, each["used"]) for each in maps],
    )
    yield gauge(
        "podnet_map_capacity",
        "Entries that a map has room for.",
        [({"map": each["name"], "type": each["type"]}, each["size"]) for each in maps],
    )


def _events() -> Iterator[Family]:
    """Yield what was lost of events; one who looks counts his own time, and this all of it."""
    with pinned.own(EVENT_LOST) as table:
        sums = list(table.sums().values()) if table else []
    kinds = [field.name for field in EVENT_LOST.value]
    yield counter(
        "podnet_events_lost_total",
        "What somebody who looked at packets and sockets did not see for want of room.",
        [({"kind": kind}, number) for row in sums for kind, number in zip(kinds, row)],
    )


def _talkers() -> Iterator[Family]:
    """Yield what is counted of aggregated flows, where the node counts them."""
    found = usage_of_flows()
    if found["used"] is None:
        return
    yield gauge(
        "podnet_flow_places",
        "Places of aggregated flows that are in use, of all CPUs together.",
        one(found["used"]),
    )
    yield gauge("podnet_flow_places_limit", "How many there are.", one(found["size"]))
    for name, word, what in (
        ("flows_given_up", "given_up", "Flows that gave way to others."),
        ("flow_packets_given_up", "lost_packets", "Packets that had been counted of these."),
        ("flow_packets_without_room", "no_room", "Packets that are in no flow for want of room."),
    ):
        yield counter(f"podnet_{name}_total", what, one(found[word]))
    yield counter(
        "podnet_tcp_segments_total",
        "Segments that pods sent or got, by the flag of TCP.",
        [({"flag": flag}, number) for flag, number in found["tcp"].items()],
    )
    yield counter(
        "podnet_icmp_packets_total",
        "ICMP packets that pods sent or got, by type.",
        [({"type": kind}, number) for kind, number in found["icmp"].items()],
    )


def _of_runs(node: Slice) -> Iterator[Family]:
    if node is None:
        return
    words = ("name", "cluster", "network_type", "datapath")
    labels = {"node" if word == "name" else word: str(node[word]) for word in words}
    yield gauge("podnet_plan_info", "What the node's slice of the plan is of.", one(1, **labels))
    yield gauge(
        "podnet_plan_usable",
        "Whether the plan has a pod CIDR for the node.",
        one(int(node["usable"])),
    )
    yield gauge("podnet_peers", "Other nodes of the cluster.", one(len(node["peers"])))
    times = runs.read()
    for name, word, what in (
        (
            "podnet_last_change_timestamp_seconds",
            runs.CHANGED,
            "When a run last changed something on the node.",
        ),
        (
            "podnet_last_confirm_timestamp_seconds",
            runs.CONFIRMED,
            "When what a run had changed was last confirmed.",
        ),
    ):
        yield gauge(name, what, one(times[word]) if word in times else [])
