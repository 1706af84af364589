# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: why_report
short_description: The way of a packet as people read it
version_added: 1.0.0
description:
  - From a walk at its end to a report, a table for each direction.
options:
  _input:
    description: The walk, as P(podnet.fabric.why_follow#filter) ended it.
    type: dict
    required: true
author: The podnet.fabric developers (@podnet)
"""

EXAMPLES = r"""
- name: Show the way
  ansible.builtin.debug:
    msg: "{{ walk | podnet.fabric.why_report }}"
"""

RETURN = r"""
_value:
  description: The report, many lines.
  type: str
  sample: "Forward: delivered to default/web-1 on node-1"
"""

from typing import Any

from ansible_collections.podnet.fabric.plugins.module_utils.why import report


def why_report(walk: dict[str, Any]) -> str:
    """Return the report of a walk."""
    return report.render(walk)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return them by name."""
        return {"why_report": why_report}
