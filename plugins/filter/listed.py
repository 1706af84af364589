# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: listed
short_description: The list that a text stands for
version_added: 1.0.0
description:
  - Surveys of AWX, INI inventories and C(--extra-vars) have lists as texts. This filter reads one as the plan reads it.
positional: _input, variable
options:
  _input:
    description:
      - A text with commas or lines between the items, or a list in YAML or JSON. What is no text is returned as it is.
    type: raw
    required: true
  variable:
    description: The variable that has it, for the message where it cannot be read.
    type: str
    required: true
author: The podnet.fabric developers (@podnet)
"""

EXAMPLES = r"""
- name: Show the packages
  ansible.builtin.debug:
    msg: "{{ 'iproute2, procps' | podnet.fabric.listed('podnet_node_packages') }}"
"""

RETURN = r"""
_value:
  description: The list.
  type: list
  elements: raw
  sample: [iproute2, procps]
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.plugin_utils import survey


def listed(value: Any, variable: str) -> Any:
    """Return the list that a text stands for; all else as it is."""
    try:
        return survey.listed(value, variable)
    except Failure as failure:
        raise AnsibleFilterError(failure.message) from failure


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return them by name."""
        return {"listed": listed}
