# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: health_targets
short_description: What a node probes
version_added: 1.0.0
description:
  - From a node's slice of the plan to the targets of M(podnet.fabric.health_info).
options:
  _input:
    description: The slice, as the lookup P(podnet.fabric.node_plan#lookup) reads it.
    type: dict
    required: true
author: The podnet.fabric developers (@podnet)
"""

EXAMPLES = r"""
# On nodes to which the playbook podnet.fabric.site has brought the network.
- name: Probe every node
  hosts: podnet_nodes
  gather_facts: false
  tasks:
    - name: Plan the network
      ansible.builtin.include_role:
        name: podnet.fabric.plan

    - name: Probe every node
      podnet.fabric.health_info:
        targets: "{{ lookup('podnet.fabric.node_plan', podnet_node.path) | podnet.fabric.health_targets }}"
"""

RETURN = r"""
_value:
  description: The node itself and each peer.
  type: list
  elements: dict
  sample:
    - {name: node-e6e4d, host: 10.111.0.8, endpoint: 10.111.160.125, local: true}
"""

from typing import Any


def health_targets(node: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the node itself and its peers, each with its two addresses."""
    own = {
        "name": node["name"],
        "host": node["node_ip"],
        "endpoint": node["health_ip"],
        "local": True,
    }
    peers = [
        {
            "name": peer["name"],
            "host": peer["node_ip"],
            "endpoint": peer["health_ip"],
            "local": False,
        }
        for peer in node["peers"]
    ]
    return [own, *peers]


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return them by name."""
        return {"health_targets": health_targets}
