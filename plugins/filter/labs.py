# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The labs that an inventory describes."""

from __future__ import annotations

DOCUMENTATION = r"""
name: labs
short_description: The labs that an inventory describes
version_added: 1.0.0
description:
  - Collects the hosts that have C(podnet_lab) and C(lab_links), one item for each name of a lab.
positional: _input
options:
  _input:
    description: The C(hostvars) of the inventory.
    type: dict
    required: true
author: The podnet.fabric developers (@podnet)
seealso:
  - module: podnet.fabric.lab
"""

EXAMPLES = r"""
- name: Show the labs of the inventory
  ansible.builtin.debug:
    msg: "{{ hostvars | podnet.fabric.labs }}"
"""

RETURN = r"""
_value:
  description: For each lab its name and its hosts, as the module M(podnet.fabric.lab) takes them.
  type: list
  elements: dict
  sample:
    - name: demo
      hosts:
        - name: node-e6e4d
          links: [{segment: default, address: 10.111.0.8/24}]
          routes: [{dst: default, via: 10.111.0.1}]
          sysctls: {}
"""

from typing import TYPE_CHECKING

from ansible_collections.podnet.fabric.plugins.module_utils.lab.spec import labs_of

if TYPE_CHECKING:
    from collections.abc import Callable


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., object]]:
        """Filters by name."""
        return {"labs": labs_of}
