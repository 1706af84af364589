#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
---
module: netns_info
short_description: Read named network namespaces
version_added: 1.0.0
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.attributes.reads
  - podnet.fabric.netlink
description:
  - Reads the network namespaces that C(ip netns list) shows, with the devices in them.
seealso:
  - module: podnet.fabric.netns
"""

EXAMPLES = r"""
- name: Read all namespaces
  podnet.fabric.netns_info:
  register: found
"""

RETURN = r"""
namespaces:
  description: The namespaces, in the order of their names.
  returned: success
  type: list
  elements: dict
  sample:
    - name: host1
      inode: 4026532265
      loopback: true
      devices: [eth0, lo]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.network import netns


def main() -> None:
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    runner.run(module, lambda: {"namespaces": netns.gather()}, needs=("pyroute2",))


if __name__ == "__main__":
    main()
