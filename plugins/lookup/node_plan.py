# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: node_plan
short_description: Read one node's slice of a plan
version_added: 1.0.0
description:
  - Reads, from the folder of the plan on the controller, all that a host must hold. It is in no variable and in no fact,
    since every task would carry it along.
  - M(podnet.fabric.node_plan) is to have run for the host before.
options:
  _terms:
    description: The RV(podnet.fabric.plan#module:path) that M(podnet.fabric.plan) returned in this run.
    required: true
    type: list
    elements: str
author: The podnet.fabric developers (@podnet)
"""

EXAMPLES = r"""
- name: Show each node's pods
  hosts: podnet_nodes
  gather_facts: false
  tasks:
    - name: Plan the network
      ansible.builtin.include_role:
        name: podnet.fabric.plan

    - name: Show this node's pods
      ansible.builtin.debug:
        msg: "{{ lookup('podnet.fabric.node_plan', podnet_node.path).endpoints }}"
"""

RETURN = r"""
_raw:
  description: The slice of the host.
  type: list
  elements: dict
"""

from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.plugin_utils import slices


class LookupModule(LookupBase):  # type: ignore[misc]
    """Reads slices."""

    def run(
        self, terms: list[str], variables: dict[str, Any] | None = None, **_kwargs: Any
    ) -> list[dict[str, Any]]:
        """Return the slice of the host from each folder."""
        try:
            return [slices.of_host(path, variables or {}) for path in terms]
        except Failure as failure:
            raise AnsibleError(failure.message) from failure
