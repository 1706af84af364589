#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: restoration
short_description: Have a node's pod network come back after events of the host's network
version_added: 1.0.0
description:
  - When the host's device loses its address or goes down, or whoever manages it clears up, the kernel drops routes to
    pods. This module writes down what there shall be of addresses, routes, neighbors and forwarding entries, and
    has the host start C(podnet restore), which brings them back, after each such event.
  - The command C(/usr/local/sbin/podnet) is made of the code of this collection's modules. Nothing runs between events.
  - With systemd-networkd, a path unit waits for changes of the node's device; ifupdown, NetworkManager and dhclient run
    a hook, where their folders are. Without systemd, the hooks start the command themselves.
  - M(podnet.fabric.teardown) takes it away.
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.attributes.changes
attributes:
  diff_mode:
    details: Shows files by their hashes, and what is written down as a whole.
options:
  addresses:
    description:
      - Addresses of the network's own devices, each a dict of C(dev) and C(address), with its prefix length.
      - C(of) names the host's device that has the address as well. What hangs on the address survives when that device
        loses it for a while; where the device has another one instead, the address is given up.
    type: list
    elements: dict
    required: true
  routes:
    description: Routes, as items of O(podnet.fabric.routes#module:routes) less C(state) and C(netns).
    type: list
    elements: dict
    required: true
  neighbors:
    description: Entries, as items of O(podnet.fabric.neighbors#module:neighbors) less C(state) and C(netns).
    type: list
    elements: dict
    required: true
  ifindex:
    description: Number of the device whose changes by systemd-networkd matter.
    type: int
    required: true
  command:
    description: Whether the command is installed as well; V(false) where M(podnet.fabric.node_command) has done it.
    type: bool
    default: true
seealso:
  - module: podnet.fabric.node_command
  - module: podnet.fabric.status_info
"""

EXAMPLES = r"""
- name: Read the number of the node's device
  ansible.builtin.command: cat /sys/class/net/eth0/ifindex
  changed_when: false
  register: device

- name: Have a route come back after events of the host's network
  podnet.fabric.restoration:
    addresses: []
    routes:
      - {dst: 10.111.160.128/25, via: 10.111.0.9}
    neighbors: []
    ifindex: "{{ device.stdout }}"
"""

RETURN = r"""
changes:
  description: What was changed, or in check mode would be, a line each.
  returned: success
  type: list
  elements: str
  sample: [create file /usr/local/sbin/podnet, create file /var/lib/podnet/entries.json]
"""

from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.specs.restoration import SPEC
from ansible_collections.podnet.fabric.plugins.module_utils.words import main as command

#: Ansible sends what it finds imported, and the node's command is made of what was sent.
SENT = command


def main() -> None:
    runner.main(SPEC)


if __name__ == "__main__":
    main()
