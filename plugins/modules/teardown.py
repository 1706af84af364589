#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: teardown
short_description: Take a pod network away from a host
version_added: 1.0.0
description:
  - Removes every endpoint, program, route, device and pin that carries this collection's names, and
    nothing else. It reads what is there and needs no plan.
  - With O(keep) it clears up after a change of the datapath, below the pods that live on.
  - Kernel settings and mounts are brought back by M(podnet.fabric.sysctls) and M(podnet.fabric.mounts);
    the role C(teardown) does all of it.
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.attributes.changes
attributes:
  diff_mode:
    details: Shows each object that goes.
options:
  keep:
    description:
      - What belongs to the datapath that the node has now. Of the devices of the node itself, the
        programs of a datapath, and where on other devices those are attached, what is not listed is
        removed.
      - Endpoints and what is attached to their devices, maps, routes and settings stay.
      - Without it, everything is removed.
    type: dict
    suboptions:
      devices:
        description: Names of devices; with one end of a pair stays the other.
        type: list
        elements: str
        required: true
      programs:
        description: Names of programs, as they are pinned below C(/sys/fs/bpf/podnet/programs).
        type: list
        elements: str
        required: true
      attached:
        description:
          - By the name of a program, a list of the devices at which it stays. A program that is not in it stays
            wherever it is.
        type: dict
        default: {}
      maps:
        description: Of the maps that not every node has, the names of those that stay, such as V(flows).
        type: list
        elements: str
        default: []
seealso:
  - module: podnet.fabric.sysctls
  - module: podnet.fabric.mounts
"""

EXAMPLES = r"""
# On nodes to which the playbook podnet.fabric.site has brought the network.
- name: Remove the network
  hosts: podnet_nodes
  gather_facts: false
  tasks:
    - name: Remove pn_host, had the pods become ports of a bridge
      podnet.fabric.teardown:
        keep:
          devices: [pn_host, pn_net]
          programs: [from_container, from_host, from_netdev]
          attached:
            from_netdev: [eth0]

    - name: Remove the network
      podnet.fabric.teardown:
"""

RETURN = r"""
changes:
  description: What was removed, or in check mode would be, a line each.
  returned: success
  type: list
  elements: str
  sample: [remove endpoint nginx-app-1, remove device pn_host]
"""

from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.specs.teardown import SPEC


def main() -> None:
    runner.main(SPEC)


if __name__ == "__main__":
    main()
