# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: query
short_description: Ask a report a question
version_added: 1.0.0
description:
  - Evaluates a JMESPath expression over data, such as the reports of the playbooks C(status) and
    C(health).
positional: _input, expression
options:
  _input:
    description: The data.
    type: raw
    required: true
  expression:
    description: The expression, see U(https://jmespath.org).
    type: str
    required: true
requirements:
  - jmespath on the controller
author: The podnet.fabric developers (@podnet)
"""

EXAMPLES = r"""
# On nodes to which the playbook podnet.fabric.site has brought the network.
- name: Show every drop of every node
  hosts: podnet_nodes
  gather_facts: false
  tasks:
    - name: Plan the network
      ansible.builtin.include_role:
        name: podnet.fabric.plan

    - name: Read the status
      podnet.fabric.status_info:
        path: "{{ podnet_node.path }}"
      register: podnet_status

    - name: Show every drop
      ansible.builtin.debug:
        msg: "{{ podnet_status.status | podnet.fabric.query('drops[].{hook: hook, reason: verdict, packets: packets}') }}"
"""

RETURN = r"""
_value:
  description: What the expression yields, null where it matches nothing.
  type: raw
  sample:
    - {hook: from_container, reason: spoofed_source, packets: 3}
"""

import json
from typing import Any

from ansible.errors import AnsibleFilterError

try:
    import jmespath
except ImportError:
    jmespath = None


def query(data: Any, expression: str) -> Any:
    """Return what a JMESPath expression yields."""
    if jmespath is None:
        raise AnsibleFilterError(
            "This filter needs the Python library jmespath where Ansible runs."
        )
    # Plain types: jmespath knows none of those in which Ansible wraps strings and lists.
    plain = json.loads(json.dumps(data, default=str))
    try:
        return jmespath.search(str(expression), plain)
    except jmespath.exceptions.JMESPathError as error:
        raise AnsibleFilterError(f"podnet_query {expression!r} is no JMESPath: {error}") from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return them by name."""
        return {"query": query}
