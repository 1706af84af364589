#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: lab
short_description: Build a VPC of network namespaces on one machine
version_added: 1.0.0
description:
  - Builds hosts on this machine that behave like machines of their own. Each one has its own
    network, mounts, host name, bpffs and cgroup2 root, and a file system that is the machine's
    with a layer of its own on top.
  - Hosts are joined by segments, which are bridges in a host called C(switch) that every lab has.
  - Several labs stand side by side under different names.
  - The connection plugin P(podnet.fabric.netns#connection) reaches the hosts.
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.attributes.changes
requirements:
  - pyroute2
  - root, cgroup2 and overlayfs
options:
  name:
    description: Name of the lab.
    type: str
    required: true
  state:
    description:
      - V(present) builds what is missing, boots hosts that died, removes hosts that are not
        listed.
      - V(absent) kills all that runs in the lab and removes it, in whatever state it is.
    type: str
    choices: [present, absent]
    default: present
  hosts:
    description: All hosts of the lab. Required with O(state=present).
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the host.
        type: str
        required: true
      links:
        description: Its network devices.
        type: list
        elements: dict
        default: []
        suboptions:
          segment:
            description: The segment that the device is plugged into.
            type: str
            required: true
          address:
            description: IPv4 address with prefix length; the MAC address follows from it.
            type: str
            required: true
          device:
            description: Name of the device; by default V(eth0), V(eth1) and so on.
            type: str
          mtu:
            description: MTU of the device.
            type: int
            default: 1500
      routes:
        description: Its routes, as a DHCP server would hand them out.
        type: list
        elements: dict
        default: []
        suboptions:
          dst:
            description: V(default), or an IPv4 network.
            type: str
            required: true
          via:
            description: IPv4 address of the gateway.
            type: str
            required: true
      sysctls:
        description: Its sysctls. Only those that start with C(net.) are a host's own.
        type: dict
        default: {}
seealso:
  - module: podnet.fabric.lab_info
  - module: podnet.fabric.lab_workloads
  - plugin: podnet.fabric.netns
    plugin_type: connection
"""

EXAMPLES = r"""
- name: Two hosts in a segment
  podnet.fabric.lab:
    name: pair
    hosts:
      - name: left
        links:
          - segment: wire
            address: 192.0.2.1/24
      - name: right
        links:
          - segment: wire
            address: 192.0.2.2/24
            mtu: 9000
        sysctls:
          net.ipv4.ip_forward: 1

- name: Take them away
  podnet.fabric.lab:
    name: pair
    state: absent
"""

RETURN = r"""
changes:
  description: What was done, or in check mode would be, a line each.
  returned: success
  type: list
  elements: str
  sample:
    - create host left
    - create segment wire
    - create link eth0 of left
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.lab import build, removal

LINK = {
    "segment": {"type": "str", "required": True},
    "address": {"type": "str", "required": True},
    "device": {"type": "str"},
    "mtu": {"type": "int", "default": 1500},
}
ROUTE = {"dst": {"type": "str", "required": True}, "via": {"type": "str", "required": True}}
HOST = {
    "name": {"type": "str", "required": True},
    "links": {"type": "list", "elements": "dict", "options": LINK, "default": []},
    "routes": {"type": "list", "elements": "dict", "options": ROUTE, "default": []},
    "sysctls": {"type": "dict", "default": {}},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "hosts": {"type": "list", "elements": "dict", "options": HOST},
        },
        required_if=[("state", "present", ("hosts",))],
        supports_check_mode=True,
    )
    name, hosts = module.params["name"], module.params["hosts"]
    if module.params["state"] == "absent":
        runner.run(module, lambda: removal.absent(name, check_mode=module.check_mode))
    else:
        runner.run(
            module,
            lambda: build.present(name, hosts, check_mode=module.check_mode),
            needs=("pyroute2",),
        )


if __name__ == "__main__":
    main()
