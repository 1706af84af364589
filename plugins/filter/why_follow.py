# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: why_follow
short_description: Lead a packet from node to node
version_added: 1.0.0
description:
  - From a walk and the answer of the node that it is at to the walk at the next one. C(at) of it is what
    M(podnet.fabric.packet_path_info) is to be asked there, null at the end.
positional: _input, answer
options:
  _input:
    description: The walk, as P(podnet.fabric.why_begin#filter) begins it.
    type: dict
    required: true
  answer:
    description: What M(podnet.fabric.packet_path_info) returned.
    type: dict
    required: true
author: The podnet.fabric developers (@podnet)
seealso:
  - plugin: podnet.fabric.why_begin
    plugin_type: filter
"""

EXAMPLES = r"""
# On nodes to which the playbook podnet.fabric.site has brought the network.
- name: Lead a packet on
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
"""

RETURN = r"""
_value:
  description: The walk.
  type: dict
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.why import walk as walks


def why_follow(walk: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """Return the walk after an answer."""
    try:
        return walks.follow(walk, answer)
    except Failure as failure:
        raise AnsibleFilterError(failure.message) from failure


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return them by name."""
        return {"why_follow": why_follow}
