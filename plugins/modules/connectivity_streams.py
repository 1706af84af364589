#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: connectivity_streams
short_description: Keep streams flowing while the network is changed, and say what was lost
version_added: 1.0.0
description:
  - Starts one process on a node that sends a datagram, and a message over a connection that stays open, fifty times a second from
    the node and its health endpoint to those of two other nodes, and answers those of others, at port 4242.
  - What is asked is the network as it is there, by what the last run has written down on the node. Where no run was, there is no stream.
  - The playbook C(podnet.fabric.site_under_traffic) runs it around C(podnet.fabric.site). It reports no change, since nothing of it stays.
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
attributes:
  check_mode:
    support: full
    details: In check mode no stream begins, since nothing is changed that could harm one.
  diff_mode:
    support: none
    details: There is nothing to show.
options:
  state:
    description:
      - V(present) begins the streams of this node, and answers those of others.
      - V(begun) waits until each of them has had an answer, for ten seconds at most, and fails where one has none.
      - V(read) sends no more, and says how they went; those of others are answered on.
      - V(absent) ends the process.
    type: str
    choices: [present, begun, read, absent]
    default: present
  lifetime:
    description: After how many seconds the process ends by itself, should nobody end it.
    type: int
    default: 3600
seealso:
  - module: podnet.fabric.connectivity_pods
"""

EXAMPLES = r"""
# On nodes to which the playbook podnet.fabric.site has brought the network.
- name: Change something of the hosts and see whether packets are lost
  hosts: podnet_nodes
  gather_facts: false
  tasks:
    - name: Answer streams, and begin those of this node
      podnet.fabric.connectivity_streams:

    - name: Wait until all flow
      podnet.fabric.connectivity_streams:
        state: begun

    - name: Do what might harm them
      ansible.builtin.command: ip route flush cache
      changed_when: false

    - name: Ask how they went
      podnet.fabric.connectivity_streams:
        state: read
      register: mine

    - name: End them
      podnet.fabric.connectivity_streams:
        state: absent

    - name: Nothing was lost
      ansible.builtin.assert:
        that: mine.streams | rejectattr('lost', 'equalto', 0) | length == 0
"""

RETURN = r"""
streams:
  description:
    - With O(state=read) each stream of this node, from C(source) to C(target) by C(protocol) (V(tcp) or V(udp)); how many messages
      were C(sent), and how many of them C(lost), which is never answered; the longest C(silence) in seconds; and why
      a connection is C(broken), or an empty text.
  returned: success
  type: list
  elements: dict
  sample:
    - {source: pod, target: pod of node-2, protocol: udp, sent: 1731, lost: 0, silence: 0.004, broken: ""}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.podnet.fabric.plugins.module_utils.connectivity import streams
from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.installed import plan


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {
                "type": "str",
                "choices": ["present", "begun", "read", "absent"],
                "default": "present",
            },
            "lifetime": {"type": "int", "default": 3600},
        },
        supports_check_mode=True,
    )
    state = module.params["state"]

    def work() -> dict[str, Any]:
        node = plan.read()
        found: list[dict[str, Any]] = []
        if state == "absent":
            streams.stop()
        elif node is not None and not module.check_mode:
            if state == "present":
                streams.start(node, module.params["lifetime"])
            elif state == "read":
                found = streams.ask(streams.RESULT)
            else:
                _refuse_silence(streams.ask(streams.BEGUN))
        return {"changed": False, "streams": found}

    runner.run(module, work, needs=())


def _refuse_silence(silent: list[dict[str, Any]]) -> None:
    if silent:
        ways = ", ".join(
            f"{one['source']} -> {one['target']} ({one['protocol']})" for one in silent
        )
        raise Failure(
            f"Before anything is changed these streams have no answer: {ways}. The playbook "
            "podnet.fabric.connectivity says what is in the way."
        )


if __name__ == "__main__":
    main()
