#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: endpoints_info
short_description: Say which pods a node's kernel has a network for
version_added: 1.0.0
description:
  - Reads every endpoint that M(podnet.fabric.endpoints) made, whole or not.
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.attributes.reads
options:
  name:
    description: Return the endpoint of this name alone.
    type: str
  program:
    description: Pin of the program that sits at each host-side device.
    type: path
    default: /sys/fs/bpf/podnet/programs/from_container
  delivery_program:
    description: Pin of the program there that sees what the kernel gives the pod, where there is to be one.
    type: path
  datapath:
    description: Datapath of the pods; an endpoint is ready when its device has what belongs to that.
    type: str
    choices: [ebpf, bridge, routed]
    default: ebpf
seealso:
  - module: podnet.fabric.endpoints
"""

EXAMPLES = r"""
# On nodes to which the playbook podnet.fabric.site has brought the network.
- name: Look for pods that are not ready
  hosts: podnet_nodes
  gather_facts: false
  tasks:
    - name: Which pods are not ready?
      podnet.fabric.endpoints_info:
      register: found
      failed_when: found.endpoints | rejectattr('ready') | length > 0
"""

RETURN = r"""
endpoints:
  description: The endpoints by name; what of one is not there is null.
  returned: success
  type: list
  elements: dict
  sample:
    - name: web-1
      ip: 10.111.160.1
      mac: "0a:58:0a:6f:a0:01"
      gateway_mac: "0e:58:0a:6f:a0:7e"
      mtu: 1500
      isolated: false
      device: pn_0f1e2d3c4b5a
      netns: web-1
      program: tcx
      ready: true
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.podnet.fabric.plugins.module_utils.endpoints import info
from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str"},
            "program": {"type": "path", "default": "/sys/fs/bpf/podnet/programs/from_container"},
            "delivery_program": {"type": "path"},
            "datapath": {"type": "str", "choices": ["ebpf", "bridge", "routed"], "default": "ebpf"},
        },
        supports_check_mode=True,
    )
    given = module.params

    def work() -> dict[str, object]:
        found = info.gather(given["program"], given["datapath"], given["delivery_program"])
        return {
            "changed": False,
            "endpoints": [one for one in found if given["name"] in (None, one["name"])],
        }

    runner.run(module, work, needs=("pyroute2",))


if __name__ == "__main__":
    main()
