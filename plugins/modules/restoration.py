#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: restoration
short_description: Have a node's pod network come back after events of the host's network
version_added: 0.1.0
description:
  - When the host's device loses its address or goes down, or whoever manages it clears up, the kernel drops routes to
    pods. This module writes down what there shall be of addresses, routes, neighbors and forwarding entries, and
    has the host start C(podnet restore), which brings them back, after each such event.
  - The command C(/usr/local/sbin/podnet) is made of the code of this collection's modules. Nothing runs between events.
  - With systemd-networkd, a path unit waits for changes of the node's device; ifupdown, NetworkManager and dhclient run
    a hook, where their folders are. Without systemd, the hooks start the command themselves.
  - M(podnet.fabric.teardown) takes it away.
author: The podnet.fabric developers (@podnet)
attributes:
  check_mode:
    support: full
    description: Changes nothing and says what it would write.
  diff_mode:
    support: full
    description: Shows files by their hashes, and what is written down as a whole.
options:
  node:
    description: The node's part of the plan, the fact C(podnet_node).
    type: dict
    required: true
seealso:
  - module: podnet.fabric.status_info
"""

EXAMPLES = r"""
- name: Have the network come back after events of the host's network
  podnet.fabric.restoration:
    node: "{{ podnet_node }}"
"""

RETURN = r"""
changes:
  description: What was changed, or in check mode would be, a line each.
  returned: success
  type: list
  elements: str
  sample: [create file /var/lib/podnet/entries.json, create file /usr/local/sbin/podnet]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import entries
from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.restoration import converge


def main() -> None:
    module = AnsibleModule(
        argument_spec={"node": {"type": "dict", "required": True}}, supports_check_mode=True
    )

    def work() -> dict[str, object]:
        node = module.params["node"]
        changes = converge.converge(
            entries.build(node), node["device_ifindex"], check_mode=module.check_mode
        )
        return changes.result()

    runner.run(module, work, needs=("pyroute2",))


if __name__ == "__main__":
    main()
