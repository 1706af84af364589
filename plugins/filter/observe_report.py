# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: observe_report
short_description: Packets that several nodes have seen, as people read them
version_added: 1.0.0
description:
  - From what M(podnet.fabric.observe) returned on each node to the lines of all, in one order of time. The clocks of the
    nodes tell it.
options:
  _input:
    description: What each node has seen, by the name of the node.
    type: dict
    required: true
  silent:
    description: Nodes that did not answer, or failed before, for a line each.
    type: list
    elements: str
    default: []
author: The podnet.fabric developers (@podnet)
"""

EXAMPLES = r"""
# On nodes to which the playbook podnet.fabric.site has brought the network.
- name: Show what is dropped at this moment
  hosts: podnet_nodes
  gather_facts: false
  tasks:
    - name: Look at the packets
      podnet.fabric.observe:
        seconds: 1
        only: {verdict: [dropped]}
      register: seen

    - name: Show what all nodes have seen
      ansible.builtin.debug:
        msg: >-
          {{ dict(ansible_play_hosts | zip(ansible_play_hosts | map('extract', hostvars, 'seen')))
             | podnet.fabric.observe_report }}
      run_once: true
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
  sample: ["Nothing that was asked for passed."]
"""

from typing import TYPE_CHECKING, Any

from ansible_collections.podnet.fabric.plugins.module_utils.flows import merged

if TYPE_CHECKING:
    from collections.abc import Iterable


def observe_report(results: dict[str, Any], silent: Iterable[str] = ()) -> list[str]:
    """Return the lines."""
    return merged.render(results, silent)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return them by name."""
        return {"observe_report": observe_report}
