#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: nat_info
short_description: Say which flows a node translates
version_added: 1.0.0
description:
  - Reads the map in which a node's programs note the flows that they translate, those that are masqueraded and those of
    services alike. A flow has two entries, one for each direction.
  - Warns where there are more than 80 % of the flows that pods may have together, or where more than 80 % of the common
    ports that an address has for one destination are taken.
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.attributes.reads
options:
  protocol:
    description: Return entries of this protocol alone.
    type: str
    choices: [tcp, udp, icmp]
  direction:
    description: Return entries for what begins a flow, V(out), or for what answers it, V(in), alone.
    type: str
    choices: [out, in]
  source:
    description:
      - Return entries alone of packets that come in from here. An address, a prefix, or an address and a port, such as
        V(10.111.160.1), V(10.111.160.0/25), V(10.111.160.1:49847) or V([fd00::1]:53). Of ICMP echo the identifier is
        the port of who asks, and who answers has port 0.
    type: str
  destination:
    description: Return entries alone of packets that come in for here, written as O(source).
    type: str
  translation:
    description: Return entries alone that put this in the place of the source or the destination, written as O(source).
    type: str
  kind:
    description:
      - Return entries alone that are for this. V(masquerade) is a pod that reaches the outside with the node's address,
        V(service) a connection to a service.
      - V(host) is a flow of the node's own, of which a port is taken by it or had to change, V(inbound) one that came in
        for a pod by the pod's own address and is not changed.
    type: list
    elements: str
    choices: [masquerade, service, host, inbound]
    default: []
  all:
    description:
      - Return flows that are over, too. A flow is over when no packet has used it for 60 seconds, with TCP for 6 hours,
        or for 10 seconds once it was closed. It is there until its place is wanted.
    type: bool
    default: false
  limit:
    description:
      - Return so many entries at most; V(0) for all. A hundred thousand are no matter for the module, but Ansible takes
        ten seconds to hand them over. RV(matched), RV(table) and RV(ports) count all of them in any case.
    type: int
    default: 1000
seealso:
  - module: podnet.fabric.services_info
  - module: podnet.fabric.status_info
"""

EXAMPLES = r"""
# On nodes to which the playbook podnet.fabric.site has brought the network.
- name: Ask for translated flows
  hosts: podnet_nodes
  gather_facts: false
  tasks:
    - name: What does the outside see of a pod?
      podnet.fabric.nat_info:
        source: 172.16.2.1
        direction: out
        kind: [masquerade]
      register: found

    - name: Show it
      ansible.builtin.debug:
        msg: "{{ found.report }}"

    - name: Whose connection is that of port 64431?
      podnet.fabric.nat_info:
        translation: 192.168.10.10:64431
        all: true
"""

RETURN = r"""
entries:
  description:
    - The entries, by protocol and by who began the flow, what answers it behind it.
    - Both addresses of a service's flow may change; then it has two C(translations).
    - C(state) is V(open), V(closing) after a FIN, or V(over).
  returned: success
  type: list
  elements: dict
  sample:
    - protocol: UDP
      direction: OUT
      source: 172.16.2.1
      source_port: 49847
      destination: 8.8.8.8
      destination_port: 53
      translations:
        - {kind: XLATE_SRC, address: 192.168.10.10, port: 49847}
      kind: masquerade
      age_seconds: 222
      idle_seconds: 3
      state: open
      service_id: null
matched:
  description: How many entries there are of those, O(limit) or not.
  returned: success
  type: int
  sample: 2
masquerades:
  description: Whether the node masquerades pods at all.
  returned: success
  type: bool
  sample: true
table:
  description:
    - How many entries the map has, whatever is asked for, how many it has room for, how many are of flows that are over,
      and how many are notes by which network policies know replies. C(used) is null where it is not pinned.
  returned: success
  type: dict
  sample: {used: 2, size: 131072, over: 0, notes: 0}
ports:
  description: The ten destinations with the most ports taken of an address of the node, by that address.
  returned: success
  type: list
  elements: dict
  sample:
    - protocol: UDP
      address: 192.168.10.10
      destination: 8.8.8.8
      destination_port: 53
      used: 1
      size: 38590
accounts:
  description:
    - Who has how many flows, with those that are over and not taken away yet, and how many were refused to whom since
      the maps were made. The most refused come first.
    - C(kind) is V(pod) for those that a pod began, and V(host) for the node's own. Of a pod are V(outside), those of
      clients of services from outside, and V(inbound), what came in by its own address; and V(policy) and
      V(policy_outside), notes of network policies for connections that the pod began, and for those of others to it.
  returned: success
  type: list
  elements: dict
  sample: [{address: 172.16.2.1, kind: pod, flows: 24576, refused: 40000}]
report:
  description:
    - The entries as people read them, in the shape of C(cilium bpf nat list). A sentence where there are none and the
      node masquerades nothing.
  returned: success
  type: str
  sample: |-
    UDP OUT 172.16.2.1:49847 -> 8.8.8.8:53 XLATE_SRC 192.168.10.10:49847 Created=222sec ago
    UDP IN 8.8.8.8:53 -> 192.168.10.10:49847 XLATE_DST 172.16.2.1:49847 Created=222sec ago
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.nat import filters, info, report
from ansible_collections.podnet.fabric.plugins.module_utils.node import presence


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "protocol": {"type": "str", "choices": ["tcp", "udp", "icmp"]},
            "direction": {"type": "str", "choices": ["out", "in"]},
            "source": {"type": "str"},
            "destination": {"type": "str"},
            "translation": {"type": "str"},
            "kind": {
                "type": "list",
                "elements": "str",
                "choices": ["masquerade", "service", "host", "inbound"],
                "default": [],
            },
            "all": {"type": "bool", "default": False},
            "limit": {"type": "int", "default": 1000},
        },
        supports_check_mode=True,
    )
    given = module.params

    def work() -> dict[str, object]:
        wanted = filters.Filter(
            protocol=given["protocol"] and given["protocol"].upper(),
            direction=given["direction"] and given["direction"].upper(),
            source=given["source"],
            destination=given["destination"],
            translation=given["translation"],
            kinds=given["kind"],
            all=given["all"],
        )
        found = info.gather(wanted, given["limit"])
        return {"changed": False, **found, "report": presence.told(report.render(found))}

    runner.run(module, work)


if __name__ == "__main__":
    main()
