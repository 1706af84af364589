# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The slice of a node out of its two parts: what its cluster has in common, and what is its own.

Apart from what makes the parts: each task of each node reads a slice, and imports no planner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def slice_of(shared: Mapping[str, Any], mine: Mapping[str, Any]) -> dict[str, Any]:
    """Put the two parts together; the cost is that of one list of the nodes."""
    ways, vxlan, masquerade = shared["ways"], shared["vxlan"], shared["masquerade"]
    peers = [
        {
            "name": node["name"],
            "node_ip": node["node_ip"],
            "pod_cidr": node["pod_cidr"],
            "health_ip": node["health_ip"],
            "route": ways["near" if node["subnet"] == mine["subnet"]["name"] else "far"],
            "vtep_ip": node["vtep_ip"],
            "vtep_mac": node["vtep_mac"],
            "addresses": node["addresses"],
        }
        for node in shared["nodes"]
        if node["name"] != mine["name"]
    ]
    return {
        **{key: value for key, value in shared.items() if key not in ("nodes", "ways")},
        **mine,
        "vxlan": vxlan and {**vxlan, **mine["vxlan"]},
        "masquerade": masquerade and {**masquerade, **mine["masquerade"]},
        "peers": peers,
    }
