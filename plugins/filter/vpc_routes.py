# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: vpc_routes
short_description: The route table of a VPC
version_added: 1.0.0
description:
  - From the summary that M(podnet.fabric.plan) returns to what a cloud's router holds, each node's
    pod CIDR through the node.
options:
  _input:
    description: RV(podnet.fabric.plan#module:cluster).
    type: dict
    required: true
author: The podnet.fabric developers (@podnet)
"""

EXAMPLES = r"""
- name: Give the VPC its routes
  hosts: podnet_nodes
  gather_facts: false
  tasks:
    - name: Plan the network
      ansible.builtin.include_role:
        name: podnet.fabric.plan

    - name: Show what a router of the VPC needs
      ansible.builtin.debug:
        msg: "{{ plan_result.cluster | podnet.fabric.vpc_routes }}"
      run_once: true
"""

RETURN = r"""
_value:
  description: Items for the option O(podnet.fabric.routes#module:routes).
  type: list
  elements: dict
  sample:
    - {dst: 10.111.160.0/25, via: 10.111.0.8}
"""

from typing import Any


def vpc_routes(cluster: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a route to each node's pod CIDR."""
    return [
        {"dst": node["pod_cidr"], "via": node["node_ip"]}
        for node in cluster["nodes"]
        if node["usable"]
    ]


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return them by name."""
        return {"vpc_routes": vpc_routes}
