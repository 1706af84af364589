#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
---
module: bridge_info
short_description: Read bridge devices
version_added: 1.0.0
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.attributes.reads
  - podnet.fabric.netlink
  - podnet.fabric.netns
description:
  - Reads the bridge devices of a namespace with all their attributes.
options:
  name:
    description: Only the device of this name.
    type: str
seealso:
  - module: podnet.fabric.bridge
"""

EXAMPLES = r"""
- name: Make a bridge
  podnet.fabric.bridge:
    bridges: [{name: cbr0}]

- name: Read one device
  podnet.fabric.bridge_info:
    name: cbr0
  register: found
"""

RETURN = r"""
bridges:
  description: What was found, in the words of the options of M(podnet.fabric.bridge).
  returned: success
  type: list
  elements: dict
  sample:
    - name: cbr0
      netns: null
      mac: "5e:3a:c2:11:7f:09"
      mtu: 1500
      up: true
      addresses: [10.244.0.1/24]
      ports: [veth1, veth2]
      stp_state: false
      forward_delay: 0
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.podnet.fabric.plugins.module_utils.engine import kinds, runner
from ansible_collections.podnet.fabric.plugins.module_utils.network.bridge import BRIDGE


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
        lambda: {"bridges": kinds.gather(BRIDGE, module.params["netns"], module.params["name"])},
        needs=("pyroute2",),
    )


if __name__ == "__main__":
    main()
