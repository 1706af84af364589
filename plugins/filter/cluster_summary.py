# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: cluster_summary
short_description: The verdict on all clusters of a run
version_added: 1.0.0
description:
  - What P(podnet.fabric.cluster_report#filter) says of each cluster, for machines.
positional: _input, hostvars
options:
  _input:
    description: RV(podnet.fabric.plan#module:clusters).
    type: dict
    required: true
  hostvars:
    description: As of P(podnet.fabric.cluster_report#filter).
    type: dict
author: The podnet.fabric developers (@podnet)
"""

EXAMPLES = r"""
# On nodes to which the playbook podnet.fabric.site has brought the network.
- name: Check the cluster
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

    - name: Fail where something is wrong
      ansible.builtin.assert:
        that: (plan_result.clusters | podnet.fabric.cluster_summary(hostvars)).ok
      run_once: true
"""

RETURN = r"""
_value:
  description:
    - C(ok), C(problems) and C(warnings) of all, and each of C(clusters) by its name.
    - C(ready) of the pods is null where no node reported; C(drops) are those since the maps were made.
  type: dict
  sample:
    ok: false
    problems: ["node-39206: not usable: 1 route missing: route 10.111.160.128/25"]
    warnings: []
    clusters:
      demo:
        name: demo
        ok: false
        problems: ["node-39206: not usable: 1 route missing: route 10.111.160.128/25"]
        warnings: []
        nodes: {node-39206: "not usable: 1 route missing: route 10.111.160.128/25"}
        usable: 0
        pods: {planned: 6, pending: 0, ready: 6}
        drops: [{reason: spoofed_source, packets: 3, nodes: [node-39206]}]
"""

from typing import Any

from ansible_collections.podnet.fabric.plugins.module_utils.reports import status
from ansible_collections.podnet.fabric.plugins.plugin_utils import reported


def cluster_summary(clusters: dict[str, dict[str, Any]], hostvars: Any = None) -> dict[str, Any]:
    """Return the verdict on clusters."""
    found = {
        name: status.summary(cluster, reported.statuses(cluster, hostvars))
        for name, cluster in clusters.items()
    }
    return {
        "ok": all(one["ok"] for one in found.values()),
        "problems": [each for one in found.values() for each in one["problems"]],
        "warnings": [each for one in found.values() for each in one["warnings"]],
        "clusters": found,
    }


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return them by name."""
        return {"cluster_summary": cluster_summary}
