#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: connectivity_info
short_description: Ask from the pods of the connectivity test
version_added: 1.0.0
description:
  - Asks from the test's pods of a node, and from the node itself, what the scenarios say, and returns what was asked,
    expected and seen. One process does all of a group, many at a time.
  - While it runs, the first host of the play shows which scenario it does.
  - M(podnet.fabric.connectivity_pods) is to have run on all hosts of the play before.
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.attributes.reads
options:
  path:
    description: As that of M(podnet.fabric.connectivity_pods).
    type: str
    required: true
  scenarios:
    description: Names of scenarios or of groups of them; by default all.
    type: list
    elements: str
    default: []
  outside:
    description: Name of a host outside that answers, too.
    type: str
  address:
    description: Its address.
    type: str
  from_outside:
    description: Whether the task runs on the host of O(outside), and asks what is asked from there.
    type: bool
    default: false
  since:
    description:
      - RV(began) of the probes of this node. Nothing is asked then; the drops that the programs have recorded of the
        test's pods since are returned.
    type: float
  _actions:
    description: What the action plugin makes of the plan.
    type: list
    elements: dict
  _addresses:
    description: The same, addresses of the test's pods on the node.
    type: list
    elements: str
"""

EXAMPLES = r"""
# On nodes to which the playbook podnet.fabric.site has brought the network.
- name: Ask from pod to pod
  hosts: podnet_nodes
  gather_facts: false
  tasks:
    - name: Plan the network with the pods of the test
      ansible.builtin.include_role:
        name: podnet.fabric.plan
      vars: {plan_tests: true}

    - name: Make the pods of the test
      podnet.fabric.connectivity_pods:
        path: "{{ podnet_node.path }}"

    - name: Ask
      podnet.fabric.connectivity_info:
        path: "{{ podnet_node.path }}"
        scenarios: [pods]

    - name: Remove the pods
      podnet.fabric.connectivity_pods:
        state: absent
"""

RETURN = r"""
began:
  description: When the node began, in seconds since 1970 by its own clock.
  returned: success
  type: float
results:
  description: What was asked, expected and seen, in the order of the scenarios.
  returned: without O(since)
  type: list
  elements: dict
  sample:
    - scenario: pod-to-pod-across
      source: client-1
      target: server-2
      own: 10.111.160.10
      address: 10.111.160.140
      command: ip netns exec podnet-connectivity_client-1 nc 10.111.160.140 8080
      expected: an answer of podnet-connectivity_server-2 that saw 10.111.160.10
      saw: an answer of podnet-connectivity_server-2, which saw 10.111.160.10
      ok: true
      seconds: 0.002
left_out:
  description: By scenario why this node has nothing to ask for it.
  returned: without O(since)
  type: dict
  sample: {pod-to-service: "the nodes balance no service yet"}
drops:
  description: Recorded drops of packets from or to the test's pods, as M(podnet.fabric.drops_info) has them.
  returned: with O(since)
  type: list
  elements: dict
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.podnet.fabric.plugins.module_utils.connectivity import dropped, probes
from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "str", "required": True},
            "scenarios": {"type": "list", "elements": "str", "default": []},
            "outside": {"type": "str"},
            "address": {"type": "str"},
            "from_outside": {"type": "bool", "default": False},
            "since": {"type": "float"},
            "_actions": {"type": "list", "elements": "dict"},
            "_addresses": {"type": "list", "elements": "str"},
        },
        supports_check_mode=True,
        no_log=True,  # the journal is no place for hundreds of actions
    )
    given = module.params
    if given["_actions"] is None and given["_addresses"] is None:
        module.fail_json(
            msg=f"path: {given['path']!r} is read where Ansible runs, by the action plugin of this module; "
            "call it as podnet.fabric.connectivity_info."
        )

    def work() -> dict[str, Any]:
        began = time.time()
        if given["_addresses"] is not None:
            found = {"drops": dropped.since(given["since"], given["_addresses"])}
        else:
            found = {"results": probes.run(given["_actions"])}
        return {"changed": False, "began": began, **found}

    runner.run(module, work)


if __name__ == "__main__":
    main()
