# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: cluster_report
short_description: The plan of a cluster as people read it
version_added: 1.0.0
description:
  - From the summary that M(podnet.fabric.plan) returns to a report with the cluster's ranges, what a
    range holds at each node CIDR mask size, and its nodes.
  - A node that reported in this run is as usable as its own report says; all others as the plan has them.
positional: _input, hostvars
options:
  _input:
    description: RV(podnet.fabric.plan#module:cluster).
    type: dict
    required: true
  hostvars:
    description:
      - The variables of all hosts, for what M(podnet.fabric.status_info) and M(podnet.fabric.node_plan) said of a node,
        registered as C(podnet_status) and C(podnet_node).
      - By default nothing is known beside the plan.
    type: dict
author: The podnet.fabric developers (@podnet)
"""

EXAMPLES = r"""
- name: Bring up the pod network
  ansible.builtin.import_playbook: podnet.fabric.site

- name: Show the cluster
  hosts: podnet_nodes
  gather_facts: false
  tasks:
    - name: Plan the network
      ansible.builtin.include_role:
        name: podnet.fabric.plan

    - name: Read the status
      podnet.fabric.status_info:
        path: "{{ podnet_node.path }}"
      register: podnet_status

    - name: Show the cluster
      ansible.builtin.debug:
        msg: "{{ plan_result.cluster | podnet.fabric.cluster_report(hostvars) }}"
      run_once: true
"""

RETURN = r"""
_value:
  description: The report, many lines.
  type: str
  sample: "Cluster:                demo"
"""

from typing import Any

from ansible_collections.podnet.fabric.plugins.module_utils.plan import report


def cluster_report(cluster: dict[str, Any], hostvars: Any = None) -> str:
    """Return the report of one cluster."""
    names = [node["name"] for node in cluster["nodes"]] if hostvars else []
    reported = {name: _reported(hostvars[name]) for name in names}
    return report.render(cluster, {name: said for name, said in reported.items() if said})


def _reported(variables: Any) -> dict[str, Any]:
    """Return ``usable`` and ``reason`` by a node's own report; empty where it has none."""
    read = variables.get("podnet_status") or {}
    if "status" in read:
        return dict(read["status"]["node"])
    refused = (variables.get("podnet_node") or {}).get("refused") or (
        read.get("failed") and read.get("msg")
    )
    return {"usable": False, "reason": refused} if refused else {}


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return them by name."""
        return {"cluster_report": cluster_report}
