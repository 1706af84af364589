#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
---
module: routes_info
short_description: Read routes
version_added: 1.0.0
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.attributes.reads
  - podnet.fabric.netlink
  - podnet.fabric.netns
description:
  - Reads the routes of a namespace, of IPv4 and IPv6 and of all tables, less those that a filter leaves out.
options:
  table:
    description: Only this table, as V(main), V(local), V(default) or a number.
    type: str
  protocol:
    description: Only this protocol, as V(kernel), V(boot), V(static) or a number.
    type: str
  dev:
    description: Only routes by this device.
    type: str
  dst:
    description: Only this destination.
    type: str
seealso:
  - module: podnet.fabric.routes
"""

EXAMPLES = r"""
- name: Read the routes of this collection
  podnet.fabric.routes_info:
    protocol: "112"
  register: ours
"""

RETURN = r"""
routes:
  description: What was found, in the words of the options of M(podnet.fabric.routes).
  returned: success
  type: list
  elements: dict
  sample:
    - dst: 10.111.161.0/25
      type: unicast
      via: 10.111.0.14
      dev: eth0
      table: 254
      metric: 0
      protocol: 112
      scope: global
      nexthops: []
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.network import routes


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "table": {"type": "str"},
            "protocol": {"type": "str"},
            "dev": {"type": "str"},
            "dst": {"type": "str"},
            "netns": {"type": "str"},
        },
        supports_check_mode=True,
    )
    runner.run(
        module,
        lambda: {"routes": routes.gather(**module.params)},
        needs=("pyroute2",),
    )


if __name__ == "__main__":
    main()
