# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A cluster as people read it: a verdict, what is wrong, and the rest on one screen."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from ..text import masquerading, networks
from ..text.tables import counted, line, table
from .problems import ROWS, folded, more, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Cluster = Mapping[str, Any]
    Reported = Mapping[str, Mapping[str, Any]]


def summary(cluster: Cluster, reported: Reported) -> dict[str, Any]:
    """Return the verdict on one cluster, for machines.

    :param reported: by the name of a node that said so itself in this run ``usable`` and
        ``reason``, and its ``status`` where that was read.
    """
    nodes = cluster["nodes"]
    states = {node["name"]: _state(node, reported.get(node["name"])) for node in nodes}
    pending = len(cluster["pending"])
    problems = folded(_problems(cluster, reported, states), len(nodes))
    problems += [f"{counted(pending, 'pod')} pending"] if pending else []
    unusable = {f"{node['name']} is not usable: {node['reason']}" for node in nodes}
    statuses = {name: said["status"] for name, said in reported.items() if said.get("status")}
    return {
        "name": cluster["name"],
        "ok": not problems,
        "problems": problems,
        # What a problem says already is no warning.
        "warnings": [one for one in cluster["warnings"] if one not in unusable],
        "nodes": states,
        "usable": sum(state.startswith("usable") for state in states.values()),
        "pods": {
            "planned": cluster["pods"],
            "pending": pending,
            "ready": sum(map(_ready, statuses.values())) if statuses else None,
        },
        "drops": _drops(statuses),
    }


def _problems(
    cluster: Cluster, reported: Reported, states: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    for node in cluster["nodes"]:
        name, state = node["name"], states[node["name"]]
        if state not in ("usable", "usable, not asked"):
            yield name, state
        found = reported.get(name, {}).get("status")
        if found and state == "usable":
            for sentence in _minded(found["masquerade"]):
                yield name, sentence


def _minded(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield what there is to mind of a node's masquerading."""
    if found["missing"]:
        yield f"masquerading lacks {', '.join(found['missing'])}"
    if found["unplanned"]:
        yield f"masquerading has {', '.join(found['unplanned'])}, which is not planned"
    if found["exhausted"]:
        yield "packets were dropped for want of a port: nat_exhausted in its drops"
    yield from found["warnings"]


def _state(node: Mapping[str, Any], said: Mapping[str, Any] | None) -> str:
    if not node["usable"]:
        return f"not usable: {node['reason']}"
    if said and not said["usable"]:
        return f"not usable: {said['reason']}"
    if said or node["observed"]:
        return "usable"
    return "did not answer" if node["asked"] else "usable, not asked"


def _ready(status: Mapping[str, Any]) -> int:
    ready = [one for one in status["endpoints"] if one["state"] == "ready"]
    return sum(one["kind"] == "pod" for one in ready)


def _drops(statuses: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the packets that nodes have dropped, by the reason, the most first."""
    packets: Counter[str] = Counter()
    on: dict[str, list[str]] = {}
    for name, status in statuses.items():
        for count in status["drops"]:
            packets[count["verdict"]] += count["packets"]
            if name not in on.setdefault(count["verdict"], []):
                on[count["verdict"]].append(name)
    return [
        {"reason": reason, "packets": number, "nodes": on[reason]}
        for reason, number in packets.most_common()
    ]


def render(cluster: Cluster, reported: Reported | None = None, *, verbose: bool = False) -> str:
    """Return the report of one cluster, many lines.

    :param reported: see :func:`summary`; none by default.
    :param verbose: with every node of a large cluster, and what other node CIDR mask sizes hold.
    """
    said = reported or {}
    found = summary(cluster, said)
    lines = [
        line("Cluster", cluster["name"]),
        line("Verdict", verdict(found["problems"])),
        *(f"  {problem}" for problem in found["problems"]),
        *(line("Warning", warning) for warning in found["warnings"]),
        line("VPC", cluster["vpc_cidr"]),
        line("Routing", networks.shown(cluster["network_type"], cluster["datapath"])),
        line("Native-routing CIDR", cluster["native_routing_cidr"] or "none"),
        line("Nodes", f"{found['usable']}/{len(cluster['nodes'])} usable"),
        *_nodes(cluster, said, found, verbose=verbose),
        line("Pods", _pods(found["pods"])),
    ]
    if cluster["services"]:
        cidr = cluster["service_cidr"] or "none"
        lines.append(line("Services", f"{cluster['services']} (service CIDR {cidr})"))
    if cluster["policies"]:
        lines.append(line("Network policies", cluster["policies"]))
    behind = cluster["masquerade"]
    shown = masquerading.shown(behind["devices"], behind["cidrs"]) if behind else None
    lines.append(line("Masquerading", shown or masquerading.DISABLED))
    for each in cluster["ranges"]:
        lines += _range(each, verbose=verbose)
    if any("status" in one for one in said.values()):
        lines.append(line("Drops", sum(one["packets"] for one in found["drops"])))
        rows = [(one["reason"], one["packets"], len(one["nodes"])) for one in found["drops"]]
        lines += table(("Reason", "Packets", "Nodes"), rows if verbose else rows[:ROWS])
    return "\n".join(lines)


def _nodes(
    cluster: Cluster, reported: Reported, found: Mapping[str, Any], *, verbose: bool
) -> list[str]:
    """Return the table of the nodes: of a large cluster those with a problem first, and a few."""
    states = found["nodes"]
    nodes = list(cluster["nodes"])
    left = len(nodes) - ROWS
    if not verbose and left > 0:
        nodes = sorted(nodes, key=lambda node: states[node["name"]] == "usable")[:ROWS]
    rows = []
    for node in nodes:
        status = reported.get(node["name"], {}).get("status")
        pods = f"{_ready(status)}/{node['pods']}" if status else node["pods"]
        # The reason stands above; the table says which node.
        state = states[node["name"]].partition(": ")[0]
        cidr = node["pod_cidr"] or "none"
        rows.append((node["name"], node["node_ip"], cidr, pods, node["usable_pods"], state))
    heads = ("Name", "Address", "Pod CIDR", "Pods", "Usable pods", "State")
    return table(heads, rows) + more(left, verbose=verbose)


def _pods(pods: Mapping[str, Any]) -> str:
    if pods["ready"] is None:
        return f"{pods['planned']} placed, {pods['pending']} pending"
    wanted = pods["planned"] + pods["pending"]
    return f"{pods['ready']}/{wanted} ready, {pods['pending']} pending"


def _range(each: Mapping[str, Any], *, verbose: bool) -> list[str]:
    used = f"{each['used']}/{each['total']} node CIDRs of /{each['node_cidr_mask_size']} used"
    heads = ("Node CIDR mask size", "Addresses a node", "Nodes", "Addresses for pods")
    rows = [
        (
            f"/{row['mask']}",
            row["addresses_per_node"],
            row["nodes"],
            row["pod_addresses"],
            row["usable_pods"],
        )
        for row in each["capacity"]
    ]
    return [
        line("Secondary range", f"{each['name']}   {each['cidr']}   {used}"),
        *(table((*heads, "Usable pods"), rows) if verbose else []),
    ]
