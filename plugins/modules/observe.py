#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: observe
short_description: Look at the packets of a node while they pass
version_added: 1.0.0
description:
  - Says for a while of each packet that the programs of a node see, what becomes of it. It is forwarded, dropped and why,
    translated and to what, allowed or denied and by which policy. Of processes that call services it says which backend
    they get.
  - The node's programs report packets for as long as somebody looks, and O(only) and O(exclude) are asked where they pass.
    Who looks at all packets of a busy node costs it some percent, who looks at a few next to nothing.
  - One can look at a node's packets at a time.
  - Nothing of the node is changed, so check mode looks as well.
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.attributes.reads
options:
  seconds:
    description: For how long, up to an hour.
    type: float
    default: 5
  count:
    description: End when there are so many lines, V(100000) at most.
    type: int
    default: 1000
  only:
    description:
      - Return what fits alone. Of an option with several words one of them has to fit, and all options that are given.
    type: dict
    default: {}
    suboptions: &words
      pod:
        description: Pod that is the source or the destination, or pattern as of a shell, such as V(shop_web-*).
        type: list
        elements: str
      from_pod:
        description: Pod that is the source.
        type: list
        elements: str
      to_pod:
        description: Pod that is the destination.
        type: list
        elements: str
      address:
        description: Address or prefix of the source or the destination, as the packet comes or as it goes on.
        type: list
        elements: str
      port:
        description: Port of the source or the destination, as the packet comes or as it goes on.
        type: list
        elements: str
      protocol:
        description: V(tcp), V(udp), V(icmp), V(sctp), or a number.
        type: list
        elements: str
      verdict:
        description: V(forwarded), V(dropped), V(translated), V(allowed), V(denied), V(audited), or where a packet is
          forwarded to, such as V(to_endpoint). The documentation of the datapath lists them.
        type: list
        elements: str
      reason:
        description: Why a packet is dropped, such as V(ingress_denied). The documentation of the datapath lists them.
        type: list
        elements: str
      direction:
        description: V(egress) of what a pod or the node sends, V(ingress) of what comes to one.
        type: list
        elements: str
      policy:
        description: Policy that allows or denies, such as V(default/web), or pattern as of a shell.
        type: list
        elements: str
  exclude:
    description: Leave out what fits any of these words.
    type: dict
    default: {}
    suboptions: *words
  names:
    description: Pods of other nodes by their addresses. The role P(podnet.fabric.observe#role) gives them.
    type: dict
    default: {}
seealso:
  - module: podnet.fabric.drops_info
  - module: podnet.fabric.policy_info
"""

EXAMPLES = r"""
# On nodes to which the playbook podnet.fabric.site has brought the network.
- name: Look at packets
  hosts: podnet_nodes
  gather_facts: false
  tasks:
    - name: What is dropped at this moment?
      podnet.fabric.observe:
        seconds: 2
        only:
          verdict: [dropped]
      register: seen

    - name: Show it
      ansible.builtin.debug:
        msg: "{{ seen.report }}"

    - name: Who asks for the shop's database, but for its own pods?
      podnet.fabric.observe:
        seconds: 2
        only:
          to_pod: [shop_db-*]
          port: [5432]
        exclude:
          from_pod: [shop_*]
"""

RETURN = r"""
flows:
  description:
    - What was seen, the earliest first. A packet has a line for each policy that was asked, one for its translation, and one
      for what became of it.
    - C(time) is in UTC. C(verdict) is FORWARDED, DROPPED, TRANSLATED, ALLOWED, DENIED or AUDITED.
    - C(point) says where. That is the way that a packet is forwarded, or the program that drops or translates it,
      C(policy-ingress) or C(policy-egress), or C(socket) for a process that calls a service.
    - C(source_name) and C(destination_name) say whose the addresses are, null where nobody knows. Who sent a spoofed packet is
      named by its device.
    - Of a packet that is TRANSLATED C(to_source) and C(to_destination) are the ends that it goes on with. Where it is
      FORWARDED it has these already.
    - C(reply) says whether it answers, as far as it says so or its beginning was seen. C(quotes) is true of an ICMP error
      with the ends of what would answer the packet that it quotes.
    - C(reason) says why it was dropped, C(rule) by which rule it was allowed or whose rules do not let it through, and
      C(policies) names the policies.
  returned: success
  type: list
  elements: dict
  sample:
    - time: "2026-11-27T14:01:20.633012Z"
      verdict: FORWARDED
      point: to-endpoint
      source: 10.111.160.1
      source_name: netpod
      source_port: 40000
      destination: 10.111.160.3
      destination_name: webpod1
      destination_port: 80
      to_source: null
      to_source_name: null
      to_source_port: null
      to_destination: null
      to_destination_name: null
      to_destination_port: null
      protocol: TCP
      ethertype: "0x0800"
      tcp_flags: [SYN]
      icmp_type: null
      icmp_code: null
      quotes: false
      reply: false
      summary: "TCP Flags: SYN"
      hook: from_container
      direction: egress
      device: pn_8f14e45fceea
      length: 74
      reason: null
      rule: null
      policies: []
lost:
  description: How many packets are in no line, since they came faster than they were read.
  returned: success
  type: int
  sample: 0
complete:
  description: Whether the time was over before there were O(count) lines.
  returned: success
  type: bool
  sample: true
report:
  description: The same as people read it, a line for each.
  returned: success
  type: str
  sample: >-
    2026-11-27T14:01:20.633012Z 10.111.160.1:40000 (netpod) -> 10.111.160.3:80 (webpod1) to-endpoint FORWARDED (TCP Flags: SYN)
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.flows import watch
from ansible_collections.podnet.fabric.plugins.module_utils.flows.wanted import MEANS, Wanted


def words() -> dict[str, object]:
    """Return the argument spec of what is wanted, and of what is not."""
    options = {option: {"type": "list", "elements": "str"} for option in MEANS}
    return {"type": "dict", "default": {}, "options": options}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "seconds": {"type": "float", "default": 5},
            "count": {"type": "int", "default": 1000},
            "only": words(),
            "exclude": words(),
            "names": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    given = module.params

    def work() -> dict[str, object]:
        wanted, unwanted = (
            {option: asked for option, asked in (given[word] or {}).items() if asked}
            for word in ("only", "exclude")
        )
        found = watch.gather(
            Wanted(wanted, unwanted),
            seconds=given["seconds"],
            count=given["count"],
            others=given["names"],
        )
        return {"changed": False, **found, "report": watch.render(found)}

    runner.run(module, work)


if __name__ == "__main__":
    main()
