#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: drops_info
short_description: Say which packets a node dropped, and why
version_added: 1.0.0
description:
  - Reads what the programs of a node have recorded of the packets that they dropped, since the node booted or its network
    was made. Nobody has to watch meanwhile.
  - Packets between the same ends, to the same port, that the same program dropped for the same reason are one record.
  - A pod, or the device of the node that a packet came by where no pod is known, has 64 records at most, and of those
    256 a second may be written on each CPU. RV(recorder) says how many packets were not recorded for that.
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.attributes.reads
  - podnet.fabric.others
options:
  pod:
    description:
      - Return drops alone of this pod of the node, whether it sent the packets or they were for it. A pod of another
        Kubernetes namespace than V(default) goes by both names, such as V(shop_web-1). It may be a pattern as of a shell.
    type: str
  address:
    description: Return drops alone of packets from or to this address or prefix, such as V(10.111.160.0/25).
    type: str
  reason:
    description: Return drops for these reasons alone, such as V(ingress_denied). The documentation of the datapath lists them.
    type: list
    elements: str
    default: []
  protocol:
    description: Return drops of this protocol alone. V(tcp), V(udp), V(icmp), V(sctp), or a number.
    type: str
  since:
    description:
      - Return drops alone of which the last one was then or later. A time in ISO 8601, in UTC unless it says so, or how long
        ago that is, such as V(90s), V(15m), V(3h) or V(2d).
    type: str
  limit:
    description: Return so many records at most, the latest; V(0) for all. RV(matched) counts all of them in any case.
    type: int
    default: 1000
seealso:
  - module: podnet.fabric.status_info
  - module: podnet.fabric.policy_info
"""

EXAMPLES = r"""
# On nodes to which the playbook podnet.fabric.site has brought the network.
- name: Ask what was dropped
  hosts: podnet_nodes
  gather_facts: false
  tasks:
    - name: What was dropped of the shop's database since last evening?
      podnet.fabric.drops_info:
        pod: shop_db-*
        since: 12h
      register: found

    - name: Show it
      ansible.builtin.debug:
        msg: "{{ found.report }}"

    - name: Whom do policies keep out?
      podnet.fabric.drops_info:
        reason: [ingress_denied, egress_denied]
"""

RETURN = r"""
drops:
  description:
    - The records, the latest first.
    - C(hook) is the program that dropped the packets, C(reason) its verdict, and C(what) that in words.
    - C(source_name) and C(destination_name) say whose the addresses are now. That is a pod of this node, or a node, or the
      node that has a pod; null for all others. Who sent a spoofed packet is named by its device.
    - C(source_port) is that of the last packet.
    - Addresses and C(protocol) are null where the packet is no IP, or shorter than its headers.
      With C(quoted) it is an ICMP error, and they are those of what would answer the packet that it quotes.
    - C(policies) are those that isolate the pod; none of their rules let the packets through. None are known any more once no
      pod has the same ones.
    - C(first) and C(last) are times in UTC. C(length) is that of the first packet, in bytes, and C(head) its first 96
      bytes as hexadecimal digits, as they were when it was dropped.
  returned: success
  type: list
  elements: dict
  sample:
    - hook: from_container
      direction: egress
      reason: ingress_denied
      what: for a pod that a policy isolates, and no rule lets it in
      source: 10.111.160.1
      source_name: web-1
      source_port: 40001
      destination: 10.111.160.3
      destination_name: db-1
      destination_port: 5432
      protocol: TCP
      ethertype: "0x0800"
      quoted: false
      device: pn_8f14e45fceea
      pod: web-1
      policies: [default/db]
      packets: 3
      bytes: 222
      first: "2026-11-27T03:00:01Z"
      last: "2026-11-27T03:00:08Z"
      length: 74
      head: 0a580a6fa0030e580a6fa07e0800
matched:
  description: How many records there are of those, O(limit) or not.
  returned: success
  type: int
  sample: 1
recorder:
  description:
    - How many records there are, whatever is asked for, and how many there is room for; how many packets they are of, how
      many dropped packets are in none since each had more than its share, and how many records gave way to later ones of
      the same pod or device. C(used) is null where there is no recorder.
  returned: success
  type: dict
  sample: {used: 1, size: 16384, packets: 3, unrecorded: 0, overwritten: 0}
report:
  description: The same as people read it, a line for each record.
  returned: success
  type: str
  sample: |-
    2026-11-27T03:00:08Z from_container ingress_denied TCP 10.111.160.1:40001 (web-1) -> 10.111.160.3:5432 (db-1) ...
    In all: 3 packets in 1/16384 records
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.podnet.fabric.plugins.module_utils.drops import info, report
from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.node import presence


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "pod": {"type": "str"},
            "address": {"type": "str"},
            "reason": {"type": "list", "elements": "str", "default": []},
            "protocol": {"type": "str"},
            "since": {"type": "str"},
            "limit": {"type": "int", "default": 1000},
            "names": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    given = module.params

    def work() -> dict[str, object]:
        wanted = info.Filter(
            pod=given["pod"],
            address=given["address"],
            reasons=given["reason"],
            protocol=given["protocol"],
            since=given["since"],
        )
        found = info.gather(wanted, given["limit"], given["names"])
        return {"changed": False, **found, "report": presence.told(report.render(found))}

    runner.run(module, work)


if __name__ == "__main__":
    main()
