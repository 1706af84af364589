#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: flows_info
short_description: Say who talks to whom at which service of a node's pods, and how much
version_added: 1.0.0
description:
  - Reads what the programs of a node have counted of aggregated flows, where the variable C(podnet_flows) is on. Elsewhere
    it returns no flow, and says so.
  - Packets between a client and a port of a server are one flow, whatever ports the client has. Both are the real ones,
    behind services and masquerading.
  - A node counts the flows of its own pods, each packet once.
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.attributes.reads
  - podnet.fabric.others
options:
  pod:
    description:
      - Return flows alone of this pod of the node, as the client or the server. A pod of another Kubernetes namespace than
        V(default) goes by both names, such as V(shop_web-1). It may be a pattern as of a shell.
    type: str
  address:
    description: Return flows alone from or to this address or prefix, such as V(10.111.160.0/25).
    type: str
  protocol:
    description: Return flows of this protocol alone. V(tcp), V(udp), V(icmp), V(sctp), or a number.
    type: str
  port:
    description: Return flows alone whose server has this port.
    type: int
  since:
    description:
      - Return flows alone of which the last packet was then or later. A time in ISO 8601, in UTC unless it says so, or how
        long ago that is, such as V(90s), V(15m), V(3h) or V(2d).
    type: str
  sort:
    description: Those with the most of this come first, both directions together.
    type: str
    choices: [bytes, packets, connections, retries, resets, dropped]
    default: bytes
  top:
    description: Return so many flows at most; V(0) for all. RV(matched) counts all of them in any case.
    type: int
    default: 20
seealso:
  - module: podnet.fabric.drops_info
  - module: podnet.fabric.observe
"""

EXAMPLES = r"""
# On nodes to which the playbook podnet.fabric.site has brought the network.
- name: Ask who talks to whom
  hosts: podnet_nodes
  gather_facts: false
  tasks:
    - name: Who exchanged most in the last hour?
      podnet.fabric.flows_info:
        since: 1h
        top: 10
      register: found

    - name: Show it
      ansible.builtin.debug:
        msg: "{{ found.report }}"

    - name: To whom are connections of the shop's pods not answered at once?
      podnet.fabric.flows_info:
        pod: shop_*
        protocol: tcp
        sort: retries
"""

RETURN = r"""
flows:
  description:
    - The flows, those with the most first.
    - C(client) began, as far as that is known. Of TCP it sent the first segment, of an ICMP echo the request. Where nobody saw
      that, the end with the smaller port is the server.
    - C(client_name) and C(server_name) say whose the addresses are now. That is a pod of this node, or a node, or the node
      that has a pod; null for all others.
    - C(port) is that of the server, and 0 where the protocol has none. Fragments without ports are a flow with port 0.
    - C(packets) and C(bytes), layer 2 included, are those from the client, C(back_packets) and C(back_bytes) those from the
      server. With C(podnet_flows_sample) they are estimates. C(dropped) counts packets that policies did not let through;
      they are in none of these.
    - C(syns) are segments of the client that open a connection, C(retries) those of them, and answers to them, that were sent
      again, C(resets) segments of either end that reset one.
    - C(rtt) is how long the server took to answer the first segment of a connection, in milliseconds and as seen from the
      node. It is C(last), C(min) and C(mean) of so many C(handshakes), and null without any.
    - C(verdict) is that of the last packet. C(first) and C(last) are times in UTC.
  returned: success
  type: list
  elements: dict
  sample:
    - client: 10.111.160.1
      client_name: web-1
      server: 10.111.160.3
      server_name: db-1
      port: 5432
      protocol: TCP
      packets: 1200
      bytes: 96000
      back_packets: 1100
      back_bytes: 1400000
      dropped: 0
      syns: 12
      retries: 0
      resets: 0
      handshakes: 12
      rtt: {last: 0.061, min: 0.048, mean: 0.059}
      verdict: to_endpoint
      first: "2026-11-27T03:00:01Z"
      last: "2026-11-27T03:12:08Z"
matched:
  description: How many flows there are of those, O(top) or not.
  returned: success
  type: int
  sample: 1
counter:
  description:
    - What there is in all, whatever is asked for. C(used) places are in use of C(size), of all CPUs together; each CPU has
      places of its own, so a flow may have more than one. C(used) is null where no flows are counted.
    - C(begun) flows were given a place, C(given_up) of them lost it to another one, with C(lost_packets) and C(lost_bytes) that
      are in no flow any more. For C(no_room) packets there was no place.
    - C(tcp) counts segments by their flags, C(icmp) packets by their type.
  returned: success
  type: dict
  sample:
    used: 1
    size: 16384
    begun: 1
    given_up: 0
    lost_packets: 0
    lost_bytes: 0
    no_room: 0
    tcp: {syn: 12, syn_ack: 12, fin: 24, rst: 0}
    icmp: {"8": 2}
report:
  description: The same as people read it, a row for each flow.
  returned: success
  type: str
  sample: |-
    Client                Server                    Protocol  Packets  Bytes  Back  Bytes back  Opened  ...
    web-1 (10.111.160.1)  db-1 (10.111.160.3:5432)  TCP       1200     96000  1100  1400000     12      ...
    In all: 1/16384 places of all CPUs
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.node import presence
from ansible_collections.podnet.fabric.plugins.module_utils.talkers import info, report


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "pod": {"type": "str"},
            "address": {"type": "str"},
            "protocol": {"type": "str"},
            "port": {"type": "int"},
            "since": {"type": "str"},
            "sort": {"type": "str", "choices": list(info.SORTS), "default": "bytes"},
            "top": {"type": "int", "default": 20},
            "names": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    given = module.params

    def work() -> dict[str, object]:
        words = ("pod", "address", "protocol", "port", "since")
        wanted = info.Filter(**{word: given[word] for word in words})
        found = info.gather(wanted, given["top"], given["sort"], given["names"])
        return {"changed": False, **found, "report": presence.told(report.render(found))}

    runner.run(module, work)


if __name__ == "__main__":
    main()
