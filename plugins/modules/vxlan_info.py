#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
---
module: vxlan_info
short_description: Read vxlan devices
version_added: 1.0.0
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.attributes.reads
  - podnet.fabric.netlink
  - podnet.fabric.netns
description:
  - Reads the vxlan devices of a namespace with all their attributes.
options:
  name:
    description: Only the device of this name.
    type: str
seealso:
  - module: podnet.fabric.vxlan
"""

EXAMPLES = r"""
- name: Make a tunnel
  podnet.fabric.vxlan:
    vxlans: [{name: pn_vxlan, id: 7, dstport: 4789}]

- name: Read one device
  podnet.fabric.vxlan_info:
    name: pn_vxlan
  register: found
"""

RETURN = r"""
vxlans:
  description: What was found, in the words of the options of M(podnet.fabric.vxlan).
  returned: success
  type: list
  elements: dict
  sample:
    - name: pn_vxlan
      netns: null
      id: 7
      local: 10.111.0.8
      remote: null
      dev: eth0
      dstport: 4789
      learning: false
      mtu: 1450
      up: true
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.podnet.fabric.plugins.module_utils.engine import kinds, runner
from ansible_collections.podnet.fabric.plugins.module_utils.network.vxlan import VXLAN


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str"},
            "netns": {"type": "str"},
        },
        supports_check_mode=True,
    )
    runner.run(
        module,
        lambda: {"vxlans": kinds.gather(VXLAN, module.params["netns"], module.params["name"])},
        needs=("pyroute2",),
    )


if __name__ == "__main__":
    main()
