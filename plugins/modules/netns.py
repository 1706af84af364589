#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
---
module: netns
short_description: Manage named network namespaces
version_added: 1.0.0
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.netlink
  - podnet.fabric.netlink.changes
description:
  - Makes and removes network namespaces as C(ip netns) does, many in one task.
  - A namespace that is removed lives on for as long as a process or a socket is in it; its name is free at once.
options:
  names:
    description: Names of the namespaces. Digits alone are a name, too, and never the number of a process.
    type: list
    elements: str
    required: true
  state:
    description: Whether the namespaces shall be there.
    type: str
    choices: [present, absent]
    default: present
  loopback:
    description: Whether the device C(lo) of the namespaces is up.
    type: bool
    default: true
attributes:
  check_mode:
    details: What an earlier task would have made may be missing.
seealso:
  - module: podnet.fabric.netns_info
  - module: podnet.fabric.veth
"""

EXAMPLES = r"""
- name: Two hosts
  podnet.fabric.netns:
    names: [host1, host2]

- name: Remove one
  podnet.fabric.netns:
    names: [host1]
    state: absent
"""

RETURN = r"""
changes:
  description: A line for each object that differs.
  returned: always
  type: list
  elements: str
  sample: ["create netns host1"]
names:
  description: The names that were given.
  returned: success
  type: list
  elements: str
  sample: [host1, host2]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.network import netns


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "names": {"type": "list", "elements": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "loopback": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    runner.run(
        module,
        lambda: netns.converge(
            module.params["names"],
            present=module.params["state"] == "present",
            loopback=module.params["loopback"],
            check_mode=module.check_mode,
        ),
        needs=("pyroute2",),
    )


if __name__ == "__main__":
    main()
