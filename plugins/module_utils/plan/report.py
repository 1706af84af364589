# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The summary of a cluster as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..text import masquerading
from ..text.tables import line, table

if TYPE_CHECKING:
    from collections.abc import Mapping


def render(
    cluster: Mapping[str, Any], reported: Mapping[str, Mapping[str, Any]] | None = None
) -> str:
    """Return the report of one cluster, many lines.

    :param reported: ``usable`` and ``reason`` by the name of a node that said so itself; none by
        default.
    """
    said = reported or {}
    states = {node["name"]: _state(node, said.get(node["name"])) for node in cluster["nodes"]}
    usable = [state for state in states.values() if state.startswith("usable")]
    lines = [
        line("Cluster", cluster["name"]),
        line("VPC", cluster["vpc_cidr"]),
        line("Native-routing CIDR", cluster["native_routing_cidr"] or "none"),
        line("Nodes", f"{len(usable)}/{len(cluster['nodes'])} usable"),
        *table(
            ("Name", "Address", "Pod CIDR", "Pods", "Usable pods", "State"),
            [
                (
                    node["name"],
                    node["node_ip"],
                    node["pod_cidr"] or "none",
                    node["pods"],
                    node["usable_pods"],
                    states[node["name"]],
                )
                for node in cluster["nodes"]
            ],
        ),
        line("Pods", f"{cluster['pods']} placed, {len(cluster['pending'])} pending"),
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
        used = f"{each['used']}/{each['total']} node CIDRs of /{each['node_cidr_mask_size']} used"
        lines.append(line("Secondary range", f"{each['name']}   {each['cidr']}   {used}"))
        lines += table(
            (
                "Node CIDR mask size",
                "Addresses a node",
                "Nodes",
                "Addresses for pods",
                "Usable pods",
            ),
            [
                (
                    f"/{row['mask']}",
                    row["addresses_per_node"],
                    row["nodes"],
                    row["pod_addresses"],
                    row["usable_pods"],
                )
                for row in each["capacity"]
            ],
        )
    lines += [f"Warning: {warning}" for warning in cluster["warnings"]]
    return "\n".join(lines)


def _state(node: Mapping[str, Any], reported: Mapping[str, Any] | None) -> str:
    if not node["usable"]:
        return "not usable"
    if reported and not reported["usable"]:
        return f"not usable: {reported['reason']}"
    if node["observed"]:
        return "usable"
    return "usable, did not answer" if node["asked"] else "usable, not asked"
