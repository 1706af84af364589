# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: why_begin
short_description: Begin to lead a packet from node to node
version_added: 1.0.0
description:
  - From a question to a walk at its first node. C(at) of it is what M(podnet.fabric.packet_path_info) is to be asked there.
positional: _input, source, destination, protocol, port, source_address
options:
  _input:
    description: By the names of the nodes what M(podnet.fabric.packet_path_info) said of each without a packet.
    type: dict
    required: true
  source:
    description: A pod or a node by its name or an address; any other address is somebody outside.
    type: str
    required: true
  destination:
    description: The same, or the address of a service.
    type: str
    required: true
  protocol:
    description: V(tcp), V(udp) or V(icmp).
    type: str
    required: true
  port:
    description: Port of the destination, for V(tcp) and V(udp).
    type: int
  source_address:
    description: The source that the packet says, where that is not the sender's own address.
    type: str
  silent:
    description: Nodes that did not answer, or failed. Who asks for one of them, or for what may be a pod of it, is told so.
    type: list
    elements: str
    default: []
author: The podnet.fabric developers (@podnet)
seealso:
  - plugin: podnet.fabric.why_follow
    plugin_type: filter
"""

EXAMPLES = r"""
# On nodes to which the playbook podnet.fabric.site has brought the network.
- name: Begin to lead a packet
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

    - name: Show what to ask first
      ansible.builtin.debug:
        var: walk.at
      run_once: true
"""

RETURN = r"""
_value:
  description:
    - The walk; of a question that cannot be asked C(refused) alone, a sentence that names the variable.
  type: dict
"""

from typing import TYPE_CHECKING, Any

from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.why import walk as walks

if TYPE_CHECKING:
    from collections.abc import Collection


def why_begin(
    nodes: dict[str, Any],
    source: object,
    destination: object,
    protocol: object,
    port: object = None,
    source_address: object = None,
    silent: Collection[str] = (),
) -> dict[str, Any]:
    """Return the walk of a question, or what is wrong with it."""
    try:
        return walks.begin(nodes, source, destination, protocol, port, source_address, silent)
    except Failure as failure:
        return {"refused": failure.message, "at": None}


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return them by name."""
        return {"why_begin": why_begin}
