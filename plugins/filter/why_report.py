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
# On nodes to which the playbook podnet.fabric.site has brought the network.
- name: Show the way of a packet
  hosts: podnet_nodes
  gather_facts: false
  tasks:
    - name: Read who each node is
      podnet.fabric.packet_path_info:
      register: known

    - name: Put the question
      ansible.builtin.set_fact:
        walk: >-
          {{ dict(ansible_play_hosts | zip(ansible_play_hosts | map('extract', hostvars, 'known')))
             | podnet.fabric.why_begin('web-1', 'web-2', 'tcp', 80) }}
      run_once: true

    - name: Ask the node that has the packet
      podnet.fabric.packet_path_info:
        packet: "{{ walk.at.packet }}"
        entry: "{{ walk.at.entry }}"
        pod: "{{ walk.at.pod | default(omit) }}"
      delegate_to: "{{ walk.at.node }}"
      run_once: true
      register: answer

    - name: Go on to the next node
      ansible.builtin.set_fact:
        walk: "{{ walk | podnet.fabric.why_follow(answer) }}"
      run_once: true

    - name: Show the way so far
      ansible.builtin.debug:
        msg: "{{ walk | podnet.fabric.why_report }}"
      run_once: true
"""

RETURN = r"""
_value:
  description: The lines of the report.
  type: list
  elements: str
  sample: ["Forward: delivered to default/web-1 on node-1"]
"""

from typing import Any

from ansible_collections.podnet.fabric.plugins.module_utils.why import report


def why_report(walk: dict[str, Any]) -> list[str]:
    """Return the report of a walk."""
    return report.render(walk).splitlines()


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return them by name."""
        return {"why_report": why_report}
