#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
---
module: veth_info
short_description: Read veth devices
version_added: 1.0.0
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.attributes.reads
  - podnet.fabric.netlink
  - podnet.fabric.netns
description:
  - Reads the veth devices of a namespace, each with the name and the namespace of its peer.
options:
  name:
    description: Only the device of this name.
    type: str
seealso:
  - module: podnet.fabric.veth
"""

EXAMPLES = r"""
- name: Make the namespace
  podnet.fabric.netns:
    names: [router]

- name: Make a pair in it
  podnet.fabric.veth:
    netns: router
    veths: [{name: left, peer: {name: right}}]

- name: Read all veth devices of a namespace
  podnet.fabric.veth_info:
    netns: router
  register: found
"""

RETURN = r"""
veths:
  description: What was found, in the words of the options of M(podnet.fabric.veth).
  returned: success
  type: list
  elements: dict
  sample:
    - name: pn_web1
      netns: null
      mac: "0e:58:0a:6f:a0:01"
      mtu: 1500
      up: true
      addresses: []
      peer:
        name: eth0
        netns: web1
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.network import veth


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
        lambda: {"veths": veth.gather(module.params["netns"], module.params["name"])},
        needs=("pyroute2",),
    )


if __name__ == "__main__":
    main()
