# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: cluster_report
short_description: The plan of a cluster as people read it
version_added: 0.1.0
description:
  - From the summary that M(podnet.fabric.plan) returns to a report with the cluster's ranges, what a
    range holds at each node CIDR mask size, and its nodes.
options:
  _input:
    description: RV(podnet.fabric.plan#module:cluster).
    type: dict
    required: true
author: The podnet.fabric developers (@podnet)
"""

EXAMPLES = r"""
- name: Show the cluster
  ansible.builtin.debug:
    msg: "{{ plan_result.cluster | podnet.fabric.cluster_report }}"
"""

RETURN = r"""
_value:
  description: The report, many lines.
  type: str
  sample: "Cluster:                demo"
"""

from typing import Any

from ansible_collections.podnet.fabric.plugins.module_utils.plan import report


def cluster_report(cluster: dict[str, Any]) -> str:
    """Return the report of one cluster."""
    return report.render(cluster)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return them by name."""
        return {"cluster_report": cluster_report}
