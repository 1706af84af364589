#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: connectivity_pods
short_description: Make the pods of the connectivity test, and remove them
version_added: 1.0.0
description:
  - Makes pods of the namespaces C(podnet-connectivity) and C(podnet-connectivity-other) on a node, and their services and
    policies, beside what is there. Nothing else is written or removed.
  - Starts one process that answers in these pods and at the node's address. Should nobody stop it, it removes the
    pods and ends by itself after O(lifetime).
  - The role P(podnet.fabric.connectivity#role) runs it. It reports no change, since nothing of it stays.
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
attributes:
  check_mode:
    support: full
    details: It makes and removes the pods in check mode, too; what the inventory describes is not touched.
  diff_mode:
    support: none
    details: There is nothing to show.
options:
  state:
    description: Whether they shall be there.
    type: str
    choices: [present, absent]
    default: present
  path:
    description:
      - The RV(podnet.fabric.plan#module:path) that M(podnet.fabric.plan) returned in this run, with
        O(podnet.fabric.plan#module:tests). Needed for O(state=present) on a node.
    type: str
  name:
    description: Name of a host outside of the pod network, which answers and gets no pods.
    type: str
  address:
    description: Address at which the host of O(name) answers.
    type: str
  lifetime:
    description: After how many seconds the node removes the pods by itself.
    type: int
    default: 120
  _given:
    description: What the action plugin makes of the plan.
    type: dict
seealso:
  - module: podnet.fabric.connectivity_info
"""

EXAMPLES = r"""
# On nodes to which the playbook podnet.fabric.site has brought the network.
- name: Have pods to try things with
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

    - name: Remove them
      podnet.fabric.connectivity_pods:
        state: absent
"""

RETURN = r"""
done:
  description: What was made or removed, a line each.
  returned: success
  type: list
  elements: str
  sample: [create endpoint podnet-connectivity_client-1]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.podnet.fabric.plugins.module_utils.connectivity import pods, responder
from ansible_collections.podnet.fabric.plugins.module_utils.engine import failure, lock, runner
from ansible_collections.podnet.fabric.plugins.module_utils.node import presence


def _remove() -> list[str]:
    with lock.held("connectivity_pods"):
        return pods.absent()


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "path": {"type": "str"},
            "name": {"type": "str"},
            "address": {"type": "str"},
            "lifetime": {"type": "int", "default": 120},
            "_given": {"type": "dict"},
        },
        supports_check_mode=True,
        no_log=True,  # the journal is no place for a plan
    )
    given, plan = module.params, module.params["_given"]
    outside = given["name"] is not None
    if given["state"] == "present" and plan is None:
        module.fail_json(
            msg=f"path: {given['path']!r} is read where Ansible runs, by the action plugin of this module; "
            "call it as podnet.fabric.connectivity_pods."
        )

    def work() -> dict[str, Any]:
        if given["state"] == "absent":
            responder.stop()
            return {"changed": False, "done": [] if outside else pods.absent()}
        if not outside and not presence.has_network():
            raise failure.Failure(presence.ABSENT)
        done = [] if outside else pods.present(plan["node"], plan["services"], plan["policies"])
        then = None if outside else _remove
        responder.start(plan["places"], lifetime=given["lifetime"], then=then)
        return {"changed": False, "done": done}

    runner.run(module, work, needs=() if outside else ("pyroute2",))


if __name__ == "__main__":
    main()
