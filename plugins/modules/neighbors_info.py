#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
---
module: neighbors_info
short_description: Read neighbor and forwarding entries
version_added: 1.0.0
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.attributes.reads
  - podnet.fabric.netlink
  - podnet.fabric.netns
description:
  - Reads the entries of ARP and NDP and of the forwarding databases of a namespace, less those that a filter leaves out.
options:
  type:
    description: Only entries of ARP and NDP, or only forwarding entries.
    type: str
    choices: [neighbor, fdb]
  dev:
    description: Only entries of this device.
    type: str
  protocol:
    description: Only entries of ARP and NDP with this protocol number.
    type: int
seealso:
  - module: podnet.fabric.neighbors
"""

EXAMPLES = r"""
- name: Make a tunnel
  podnet.fabric.vxlan:
    vxlans: [{name: pn_vxlan, id: 7, dstport: 4789}]

- name: Read where a VXLAN device sends
  podnet.fabric.neighbors_info:
    type: fdb
    dev: pn_vxlan
  register: found
"""

RETURN = r"""
neighbors:
  description: What was found, in the words of the options of M(podnet.fabric.neighbors).
  returned: success
  type: list
  elements: dict
  sample:
    - type: fdb
      dev: pn_vxlan
      lladdr: "0a:58:0a:6f:a0:81"
      dst: 10.111.0.9
      state: permanent
      vni: null
      port: null
      master: false
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.network import neighbors


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "type": {"type": "str", "choices": ["neighbor", "fdb"]},
            "dev": {"type": "str"},
            "protocol": {"type": "int"},
            "netns": {"type": "str"},
        },
        supports_check_mode=True,
    )
    runner.run(
        module,
        lambda: {"neighbors": neighbors.gather(**module.params)},
        needs=("pyroute2",),
    )


if __name__ == "__main__":
    main()
