# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: unknown_nodes
short_description: Nodes of which nobody in the run knows what they hold
version_added: 1.0.0
description:
  - A run with C(--limit) sees its own hosts alone. Their kernels mostly know the pod CIDRs of all
    others; what is left is what this filter returns.
positional: _input, hostvars
options:
  _input:
    description: Names of the nodes, an inventory group.
    type: list
    elements: str
    required: true
  hostvars:
    description: The C(hostvars) of the inventory, with what was observed in C(podnet_observed).
    type: dict
    required: true
author: The podnet.fabric developers (@podnet)
"""

EXAMPLES = r"""
- name: See which nodes nobody knows
  hosts: podnet_nodes
  gather_facts: false
  tasks:
    - name: Read the node
      podnet.fabric.node_info:
        node_ip: "{{ ansible_host }}"
      register: podnet_observed

    - name: Show whom to ask
      ansible.builtin.debug:
        msg: "{{ groups.podnet_nodes | podnet.fabric.unknown_nodes(hostvars) }}"
"""

RETURN = r"""
_value:
  description: Their names, in the order of the inventory.
  type: list
  elements: str
  sample: [node-63344]
"""

from typing import Any

from ansible_collections.podnet.fabric.plugins.plugin_utils.observed import whole


def unknown_nodes(names: list[str], hostvars: Any) -> list[str]:
    """Return the nodes that neither were observed nor are a peer of one that was."""
    known: set[str] = set()
    unseen = []
    for name in names:
        observed = whole(hostvars[name].get("podnet_observed") or {})
        if "peers" in observed:
            known.update(observed["peers"].values())
        else:
            unseen.append(name)
    return [name for name in unseen if _address(hostvars[name]) not in known]


def _address(variables: Any) -> str | None:
    address = variables.get("podnet_node_ip") or variables.get("ansible_host")
    return None if address is None else str(address)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return them by name."""
        return {"unknown_nodes": unknown_nodes}
