#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: policy_info
short_description: Say which network policies a node enforces, and what they did
version_added: 1.0.0
description:
  - Reads the maps that M(podnet.fabric.policy) fills, with what programs have counted there.
  - A policy that selects no pod of the node is not there.
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.attributes.reads
options:
  name:
    description:
      - Return the policies of this name alone, such as V(default/db), or V(db) of any namespace. It may be a pattern as of
        a shell.
    type: str
seealso:
  - module: podnet.fabric.policy
  - module: podnet.fabric.status_info
"""

EXAMPLES = r"""
# On nodes to which the playbook podnet.fabric.site has brought the network.
- name: Ask what policies do
  hosts: podnet_nodes
  gather_facts: false
  tasks:
    - name: What do the policies of the shop do here?
      podnet.fabric.policy_info:
        name: shop/*
      register: found

    - name: Show it
      ansible.builtin.debug:
        msg: "{{ found.report }}"
"""

RETURN = r"""
policies:
  description:
    - The policies by their names, with the pods of the node that each selects, and what each of its rules let through.
    - A rule whose traffic a rule before it lets through already is not there. C(audit) is whether it is evaluated and
      counted alone.
  returned: success
  type: list
  elements: dict
  sample:
    - name: default/db
      audit: false
      ingress: [db-1]
      egress: []
      rules:
        - {name: "default/db ingress[0]", number: 2931842331, packets: 12, bytes: 840}
sets:
  description:
    - What pods with the same policies share. C(dropped) is what none of the rules let through, C(would_drop) what none
      would if audited policies counted.
  returned: success
  type: list
  elements: dict
  sample:
    - number: 1893467203
      direction: ingress
      policies: [default/db]
      pods: [10.111.160.3]
      entries: 2
      dropped: {packets: 3, bytes: 222}
      would_drop: {packets: 0, bytes: 0}
pods:
  description:
    - The pods that policies select, with the policies that isolate each by direction; below C(audit_ingress) and
      C(audit_egress) those that would if audited policies counted, where there are any.
    - C(judged) is whether programs ask for it.
  returned: success
  type: list
  elements: dict
  sample:
    - name: db-1
      ip: 10.111.160.3
      ingress: [default/db]
      egress: []
      audit_ingress: []
      audit_egress: []
      judged: true
isolated:
  description: How many pods are isolated by direction.
  returned: success
  type: dict
  sample: {ingress: 1, egress: 0}
audited:
  description: How many pods an audited policy selects.
  returned: success
  type: int
  sample: 0
judges:
  description: Whether programs find the one that judges; where a pod is isolated and they do not, it gets and sends nothing.
  returned: success
  type: bool
  sample: true
notes:
  description: How many connections of isolated pods are known, so that what answers passes.
  returned: success
  type: int
  sample: 4
maps:
  description: The maps of policies, how many entries each has and has room for; null where it is not pinned.
  returned: success
  type: list
  elements: dict
  sample:
    - {name: policy_pods, used: 1, size: 65535}
report:
  description: The same as people read it.
  returned: success
  type: str
  sample: |-
    Policy       Mode       Ingress of   Egress of
    default/db   enforced   db-1         -

    Rule                    Packets   Bytes
    default/db ingress[0]   12        840
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.policy import info, report


def main() -> None:
    module = AnsibleModule(argument_spec={"name": {"type": "str"}}, supports_check_mode=True)

    def work() -> dict[str, object]:
        found = info.gather(module.params["name"])
        return {"changed": False, **found, "report": report.render(found)}

    runner.run(module, work)


if __name__ == "__main__":
    main()
