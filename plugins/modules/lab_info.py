#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: lab_info
short_description: Show the labs on this machine
version_added: 1.0.0
description:
  - Returns labs, their hosts and the pods on these. Changes nothing.
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.attributes.reads
requirements:
  - root and cgroup2
options:
  names:
    description: Show these labs only.
    type: list
    elements: str
    default: []
seealso:
  - module: podnet.fabric.lab
"""

EXAMPLES = r"""
- name: What runs here
  podnet.fabric.lab_info:
  register: here

- name: Hosts that died
  ansible.builtin.debug:
    msg: "{{ here.labs | map(attribute='hosts') | flatten | rejectattr('up') }}"
"""

RETURN = r"""
labs:
  description: The labs, each with its hosts.
  returned: success
  type: list
  elements: dict
  sample:
    - name: demo
      hosts:
        - name: node-e6e4d
          up: true
          links:
            - {device: eth0, segment: subnet, address: 10.111.0.8/24, mtu: 1500, mac: '02:00:0a:6f:00:08'}
          pods: [nginx-app-1, nginx-app-4]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.lab import listing


def main() -> None:
    module = AnsibleModule(
        argument_spec={"names": {"type": "list", "elements": "str", "default": []}},
        supports_check_mode=True,
    )
    names = module.params["names"]
    runner.run(module, lambda: {"changed": False, "labs": listing.labs(names)})


if __name__ == "__main__":
    main()
