# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: workloads
short_description: What runs in the pods of a lab node
version_added: 1.0.0
description:
  - From a node's endpoints to the workloads of M(podnet.fabric.lab_workloads). A lab has no images; a table says the
    command of each.
positional: images
options:
  _input:
    description: The endpoints of a node's slice of the plan.
    type: list
    elements: dict
    required: true
  images:
    description:
      - Image to command, for containers without a command of their own. An image is found by its whole name, by that
        without tag and digest, or by the last part of it.
    type: dict
    required: true
author: The podnet.fabric developers (@podnet)
seealso:
  - module: podnet.fabric.lab_workloads
"""

EXAMPLES = r"""
- name: Show what runs in a lab node's pods
  hosts: podnet_nodes
  gather_facts: false
  tasks:
    - name: Plan the network
      ansible.builtin.include_role:
        name: podnet.fabric.plan

    - name: Show the workloads of each pod
      ansible.builtin.debug:
        msg: "{{ lookup('podnet.fabric.node_plan', podnet_node.path).endpoints | podnet.fabric.workloads({'nginx': ['nginx']}) }}"
"""

RETURN = r"""
_value:
  description: Items for the option O(podnet.fabric.lab_workloads#module:workloads).
  type: list
  elements: dict
  sample:
    - pod: nginx-app-1
      containers: [{name: nginx, command: [nginx]}]
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.lab import images as lab_images


def workloads(endpoints: list[dict[str, Any]], images: dict[str, list[str]]) -> Any:
    """Return the workloads of a node's pods."""
    try:
        return lab_images.workloads(endpoints, images)
    except Failure as failure:
        raise AnsibleFilterError(failure.message) from failure


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Any]:
        """Return them by name."""
        return {"workloads": workloads}
