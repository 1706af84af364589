#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: policy
short_description: Write what network policies let through into a node's kernel
version_added: 1.0.0
description:
  - Fills the maps by which programs judge what pods of the node get and send; see docs/policy.md.
  - New sets and classes are written beside the old ones, then each pod goes over to them by one update of its entry, so
    that no packet meets half of a policy. What no pod has any more goes with O(purge), in a later call where pods come
    and go in between.
  - Notes by which replies pass are removed where nothing lets their connections begin any more. Where a pod is judged in
    one more direction, the connections of TCP that it has and may have are noted first, so they stay.
  - The roles call it by M(podnet.fabric.converge), with what M(podnet.fabric.plan) made of C(podnet_network_policies).
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.attributes.changes
options:
  partition:
    description: Number of the partition of all addresses into O(classes), from 1 on. Another partition has another number.
    type: int
  classes:
    description:
      - The class of each block of addresses that rules tell apart, a number from 1 on; the longest block that holds an
        address counts. What is in no block is let through by no rule.
    type: dict
  sets:
    description: What lists of policies let through.
    type: list
    elements: dict
    suboptions:
      number:
        description: The set's number, from 1 on. A set with other entries has another number.
        type: int
        required: true
      direction:
        description: What it judges, seen from its pods.
        type: str
        choices: [ingress, egress]
        required: true
      policies:
        description: The policies that isolate, for people.
        type: list
        elements: str
        required: true
      entries:
        description:
          - What is let through, each a list of five numbers. First the class of the other side; 0 for every one that
            has no entry of its own. Then protocol and port of the destination, and how many bits of the two, with a zero
            byte between them, count, 0 to 32; 16 are all ports of a protocol. Last the number of the rule, where 0 is
            not let through. The longest entry counts.
        type: list
        elements: list
        default: []
  pods:
    description: Pods of this node that policies select.
    type: list
    elements: dict
    suboptions:
      ip:
        description: The pod's address.
        type: str
        required: true
      netns:
        description: Its namespace, a path or a name of C(ip netns); without it the connections that it has are not kept.
        type: str
      ingress:
        description: Number of the set for what it gets; 0 where it is not isolated.
        type: int
        default: 0
      egress:
        description: Number of the set for what it sends; 0 where it is not isolated.
        type: int
        default: 0
      audit_ingress:
        description: As O(pods[].ingress), of what would be if audited policies counted; 0 without any.
        type: int
        default: 0
      audit_egress:
        description: As O(pods[].egress), of what would be if audited policies counted; 0 without any.
        type: int
        default: 0
  rules:
    description: Names of rules by their numbers, for people.
    type: dict
  write:
    description: Write what is listed. With V(false) O(purge) alone does anything.
    type: bool
    default: true
  purge:
    description: Remove all that is not listed. A pod that is not listed is judged no more, whatever O(pods) says of others.
    type: bool
    default: false
  _policies:
    description: The same as the plan has it, packed. The action plugin of M(podnet.fabric.converge) fills it in.
    type: list
    elements: str
  _labels:
    description:
      - Pods of the cluster by their labels, packed, to say in the diff what is newly allowed and newly denied. The action
        plugin of M(podnet.fabric.converge) fills it in.
    type: list
    elements: str
seealso:
  - module: podnet.fabric.policy_info
  - module: podnet.fabric.endpoints
  - module: podnet.fabric.converge
"""

EXAMPLES = r"""
# On nodes to which the playbook podnet.fabric.site has brought the network.
- name: Write policies by hand
  hosts: node-1
  gather_facts: false
  tasks:
    - name: Let one pod be reached by clients of 10.0.0.0/8 at TCP port 80 alone
      podnet.fabric.policy:
        partition: 1
        classes:
          0.0.0.0/0: 1
          10.0.0.0/8: 2
        sets:
          - number: 1
            direction: ingress
            policies: [default/web]
            entries: [[2, 6, 80, 32, 1]]
        pods:
          - ip: 10.111.160.1
            netns: web-1
            ingress: 1
        rules:
          1: default/web ingress[0]

    - name: Judge no pod any more
      podnet.fabric.policy:
        purge: true
"""

RETURN = r"""
changes:
  description: What was changed, or in check mode would be, a line each.
  returned: success
  type: list
  elements: str
  sample: ["create policy set 1", "create policies of pod 10.111.160.1"]
"""

from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.specs.policy import SPEC


def main() -> None:
    runner.main(SPEC)


if __name__ == "__main__":
    main()
