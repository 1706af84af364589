# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: health_report
short_description: The probes of a cluster as people read them
version_added: 1.0.0
description:
  - From the names of the hosts that were to probe to a report of one screen, with a verdict and what is not reached on top.
positional: _input, hostvars
options:
  _input:
    description: The names.
    type: list
    elements: str
    required: true
  hostvars:
    description:
      - The variables of all hosts, for what M(podnet.fabric.health_info) and M(podnet.fabric.node_plan) said, registered
        as C(podnet_health) and C(podnet_node).
    type: dict
    required: true
  verbose:
    description: Whether every node of a large cluster is shown.
    type: bool
    default: false
author: The podnet.fabric developers (@podnet)
"""

EXAMPLES = r"""
- name: Show who reaches whom
  ansible.builtin.debug:
    msg: "{{ ansible_play_hosts_all | podnet.fabric.health_report(hostvars) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: The lines of the report.
  type: list
  elements: str
  sample: ["Cluster health:         3/3 reachable"]
"""

from typing import Any

from ansible_collections.podnet.fabric.plugins.module_utils.reports import health
from ansible_collections.podnet.fabric.plugins.plugin_utils import reported


def health_report(names: list[str], hostvars: Any, verbose: bool = False) -> list[str]:
    """Return the report of the probes."""
    return health.render(*reported.probes(names, hostvars), verbose=verbose).splitlines()


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return them by name."""
        return {"health_report": health_report}
