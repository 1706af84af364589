#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: underlay_info
short_description: Find what is in the way between nodes
version_added: 1.0.0
description:
  - Sends packets to the other nodes as the network would send those of pods, before there are any, and says which of the
    others' packets arrived, and how far they came.
  - It needs no network of pods, and disturbs none that is there. What it starts ends with O(phase=heard), or by itself
    after two minutes.
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.attributes.reads
options:
  path:
    description: The RV(podnet.fabric.plan#module:path) that M(podnet.fabric.plan) returned in this run.
    type: str
    required: true
  phase:
    description:
      - V(listen) on all hosts first, then V(send) on all of them, then V(heard).
    type: str
    choices: [listen, send, heard]
    required: true
  _given:
    description: What the action plugin makes of the plan.
    type: dict
"""

EXAMPLES = r"""
- name: Say what arrives
  hosts: podnet_nodes
  gather_facts: false
  tasks:
    - name: Plan the network
      ansible.builtin.include_role:
        name: podnet.fabric.plan

    - name: Listen, send, and say what was heard
      podnet.fabric.underlay_info:
        path: "{{ podnet_node.path }}"
        phase: "{{ item }}"
      loop: [listen, send, heard]
"""

RETURN = r"""
own:
  description: What the node has sent as.
  returned: with O(phase=send)
  type: dict
peers:
  description: Whom it has sent to.
  returned: with O(phase=send)
  type: list
  elements: dict
failures:
  description: By the name of a node why packets could not be sent there.
  returned: with O(phase=send)
  type: dict
heard:
  description: What has arrived, at the node's devices (C(wire)) and at its sockets, by kind, size and sender.
  returned: with O(phase=heard)
  type: dict
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.underlay import listener, packets


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "str", "required": True},
            "phase": {"type": "str", "required": True, "choices": ["listen", "send", "heard"]},
            "_given": {"type": "dict"},
        },
        supports_check_mode=True,
    )
    given, phase = module.params["_given"], module.params["phase"]
    if given is None:
        module.fail_json(
            msg=f"path: {module.params['path']!r} is read where Ansible runs, by the action plugin of this module; "
            "call it as podnet.fabric.underlay_info."
        )

    def work() -> dict[str, Any]:
        if phase == "listen":
            listener.start(given["own"], given["run"])
            return {"changed": False}
        if phase == "send":
            failures = packets.send(given["own"], given["peers"], given["run"])
            words = ("own", "peers")
            return {"changed": False, "failures": failures, **{word: given[word] for word in words}}
        return {"changed": False, "heard": listener.heard()}

    runner.run(module, work)


if __name__ == "__main__":
    main()
