#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: node_command
short_description: Give a node its own command podnet
version_added: 1.0.0
description:
  - Installs C(/usr/local/sbin/podnet), which says on the node what this collection's modules say from the controller, by
    their own code. It is one file, for root alone, and does nothing unless somebody calls it.
  - It reads what the last run was to make from C(/var/lib/podnet/plan.json), which this module writes, and for
    C(podnet why) what the node's programs are made of.
  - Completions for bash and zsh are installed with it.
  - Where the plan has metrics for Prometheus, systemd's units of them are installed, too. Without systemd there is a
    warning, and nothing of them.
  - M(podnet.fabric.teardown) takes all of it away.
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.attributes.changes
attributes:
  diff_mode:
    details: Shows files by their hashes.
options:
  path:
    description:
      - The RV(podnet.fabric.plan#module:path) that M(podnet.fabric.plan) returned in this run. The action plugin takes the
        node's slice from there.
    type: str
  node:
    description: The node's slice of the plan itself.
    type: dict
  _folded:
    description: Sources of the programs. The action plugin fills it in.
    type: dict
seealso:
  - module: podnet.fabric.status_info
  - module: podnet.fabric.restoration
"""

EXAMPLES = r"""
- name: Give each node its command
  hosts: podnet_nodes
  gather_facts: false
  tasks:
    - name: Plan the network
      ansible.builtin.include_role:
        name: podnet.fabric.plan

    - name: Install the command
      podnet.fabric.node_command:
        path: "{{ podnet_node.path }}"
"""

RETURN = r"""
changes:
  description: What was changed, or in check mode would be, a line each.
  returned: success
  type: list
  elements: str
  sample: [create file /usr/local/sbin/podnet, create file /var/lib/podnet/plan.json]
"""

from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.specs.node_command import SPEC
from ansible_collections.podnet.fabric.plugins.module_utils.words import main as command

#: Ansible sends what it finds imported, and the node's command is made of what was sent.
SENT = command


def main() -> None:
    runner.main(SPEC)


if __name__ == "__main__":
    main()
