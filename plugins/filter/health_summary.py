# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: health_summary
short_description: The verdict on the probes of a cluster
version_added: 1.0.0
description:
  - What P(podnet.fabric.health_report#filter) says, for machines.
positional: _input, hostvars
options:
  _input:
    description: The names of the hosts that were to probe.
    type: list
    elements: str
    required: true
  hostvars:
    description: As of P(podnet.fabric.health_report#filter).
    type: dict
    required: true
author: The podnet.fabric developers (@podnet)
"""

EXAMPLES = r"""
# On nodes to which the playbook podnet.fabric.site has brought the network.
- name: Probe the cluster
  hosts: podnet_nodes
  gather_facts: false
  tasks:
    - name: Have every node probe every node
      ansible.builtin.include_role:
        name: podnet.fabric.health

    - name: Keep the verdict for the next job
      ansible.builtin.set_stats:
        data:
          my_health: "{{ ansible_play_hosts_all | podnet.fabric.health_summary(hostvars) }}"
        per_host: false
      run_once: true
"""

RETURN = r"""
_value:
  description:
    - C(reachable) of C(total) nodes answered all who probed; C(unreached) names by a node those that it does not reach.
  type: dict
  sample:
    ok: false
    problems: ["node-2: endpoint 10.111.160.253 is not reached from node-1: ICMP: no reply within 3 s"]
    reachable: 1
    total: 2
    unreached: {node-1: [node-2]}
"""

from typing import Any

from ansible_collections.podnet.fabric.plugins.module_utils.reports import health
from ansible_collections.podnet.fabric.plugins.plugin_utils import reported


def health_summary(names: list[str], hostvars: Any) -> dict[str, Any]:
    """Return the verdict on the probes."""
    return health.summary(*reported.probes(names, hostvars))


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return them by name."""
        return {"health_summary": health_summary}
