# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: cluster_report
short_description: A cluster as people read it
version_added: 1.0.0
description:
  - From the summary that M(podnet.fabric.plan) returns to a report of one screen, with a verdict and what is wrong on top.
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
  verbose:
    description: Whether every node of a large cluster is shown, and what a range holds at other node CIDR mask sizes.
    type: bool
    default: false
author: The podnet.fabric developers (@podnet)
"""

EXAMPLES = r"""
# On nodes to which the playbook podnet.fabric.site has brought the network.
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
  description: The lines of the report.
  type: list
  elements: str
  sample: ["Cluster:                demo"]
"""

from typing import Any

from ansible_collections.podnet.fabric.plugins.module_utils.reports import status
from ansible_collections.podnet.fabric.plugins.plugin_utils import reported


def cluster_report(
    cluster: dict[str, Any], hostvars: Any = None, verbose: bool = False
) -> list[str]:
    """Return the report of one cluster."""
    return status.render(
        cluster, reported.statuses(cluster, hostvars), verbose=verbose
    ).splitlines()


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return them by name."""
        return {"cluster_report": cluster_report}
