#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: packet_path_info
short_description: Say what would become of a packet on a node
version_added: 1.0.0
description:
  - Runs the node's own programs on a made-up packet, one after the other as their verdicts lead, and asks the kernel's
    routing table in between. The packet is sent to nobody.
  - The programs are loaded once more, of the very bytecode, between copies of all maps that programs write to. So no counter, no
    flow and no note is left, and RV(written) says what would have been.
  - What the node's kernel does by itself, such as the firewall of its administrator, is not looked at.
  - Without O(packet) it says who the node is, for who leads a packet from node to node; the playbook C(why) does.
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.attributes.reads
options:
  packet:
    description: The Ethernet frame in hexadecimal digits, of IPv4. The MAC addresses are put in on the node.
    type: str
  entry:
    description:
      - Where the packet gets onto the node. V(pod), a pod of it sends it; V(node), a process of its own; V(network), its
        device brings it; V(tunnel), the overlay does.
    type: str
    choices: [pod, node, network, tunnel]
  pod:
    description: Address of the pod that sends it, where O(entry=pod). The packet's own source may be another one.
    type: str
  tunnel_endpoint:
    description: Address of the tunnel endpoint that it comes from, where O(entry=tunnel).
    type: str
  written:
    description: What packets before this one would have left on this node, as RV(written) of their answers.
    type: dict
    default: {}
  compile:
    description: Compile a program on this node of which no object was kept. Where it is V(false), RV(lacks) says which.
    type: bool
    default: true
  _sources:
    description: Sources of the programs, and objects that were kept of them. The action plugin fills it in.
    type: dict
seealso:
  - module: podnet.fabric.policy_info
  - module: podnet.fabric.status_info
"""

EXAMPLES = r"""
# On nodes to which the playbook podnet.fabric.site has brought the network.
- name: Ask what becomes of a packet
  hosts: podnet_nodes
  gather_facts: false
  tasks:
    - name: Read who each node is
      podnet.fabric.packet_path_info:
      register: known

    - name: Put the question
      ansible.builtin.set_fact:
        walk: >-
          {{ dict(ansible_play_hosts | zip(ansible_play_hosts | map('extract', hostvars, 'known')))
             | podnet.fabric.why_begin('web-1', 'web-2', 'tcp', 80) }}
      run_once: true

    - name: Ask the node that has the packet
      podnet.fabric.packet_path_info:
        packet: "{{ walk.at.packet }}"
        entry: "{{ walk.at.entry }}"
        pod: "{{ walk.at.pod | default(omit) }}"
      delegate_to: "{{ walk.at.node }}"
      run_once: true
      register: answer
"""

RETURN = r"""
hops:
  description:
    - Programs and steps of the kernel, in order. C(hook) is the program, or V(kernel), V(tunnel), V(network), V(socket).
    - C(rules) are the policies' rules that let it through (C(kind=rule)), or the set of those that did not (C(kind=set); C(audit)
      where it would not if audited policies counted).
    - C(translated) is the packet as it goes on, where its addresses were changed, and C(service) the service that it is for.
  returned: where O(packet) is given
  type: list
  elements: dict
  sample:
    - hook: from_container
      device: pn_0123456789ab
      packet: 10.111.160.1:54321 -> 10.111.160.2:80 tcp
      verdict: to_endpoint
      what: delivered into a pod of this node
      rules: [{kind: rule, name: "default/db ingress[0]"}]
end:
  description:
    - V(pod) or V(node), it is delivered; V(network) or V(tunnel), it leaves the node; V(dropped).
  returned: where O(packet) is given
  type: str
  sample: pod
packet:
  description: The packet as it was then.
  returned: where O(packet) is given
  type: str
  sample: "0a580a6fa002"
pod:
  description: Address of the pod that it is delivered to.
  returned: where RV(end=pod)
  type: str
  sample: 10.111.160.2
reason:
  description: The verdict that dropped it, or what the kernel says.
  returned: where RV(end=dropped)
  type: str
  sample: ingress_denied
answered:
  description: Whether the program answers with an ICMP error.
  returned: where a program dropped it
  type: bool
  sample: false
node:
  description: Address of the node that has it next; null where it is none of the cluster.
  returned: where RV(end=network) or RV(end=tunnel)
  type: str
  sample: 10.111.0.9
tunnel_endpoint:
  description: Address of this node's tunnel endpoint.
  returned: where RV(end=tunnel)
  type: str
  sample: 10.222.0.8
recorded:
  description:
    - Drops of packets between the same ends, and to or from the same port, that were recorded; the latest five, as RV(podnet.fabric.drops_info#module:drops)
      has them.
  returned: where O(packet) is given
  type: list
  elements: dict
  sample: []
written:
  description: Map, key and value, all in hexadecimal digits, of what would be left; null of what would go.
  returned: where O(packet) is given
  type: dict
  sample: {}
node_ip:
  description: The address by which the node is known.
  returned: where O(packet) is not given
  type: str
  sample: 10.111.0.8
addresses:
  description: All addresses of the node.
  returned: where O(packet) is not given
  type: list
  elements: str
  sample: [10.111.0.8, 10.111.160.126]
pods:
  description: The node's pods, their names and addresses.
  returned: where O(packet) is not given
  type: dict
  sample: {web-1: 10.111.160.1, shop_db-1: 10.111.160.2}
machine:
  description: The node's machine type.
  returned: where O(packet) is not given
  type: str
  sample: x86_64
compiler:
  description: Whether the node has what compiles programs.
  returned: where O(packet) is not given
  type: bool
  sample: true
lacks:
  description: The programs that must be compiled first, for O(podnet.fabric.bpf_compile#module:lacks); C(wanted) for its C(programs).
  returned: where there are any, and nothing else then
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.why import node


def main() -> None:
    module = AnsibleModule(
        argument_spec={**node.ARGUMENTS, "_sources": {"type": "dict"}},
        supports_check_mode=True,
        **node.RULES,
    )

    def work() -> dict[str, object]:
        if module.params["packet"] is None:
            return {"changed": False, **node.identify()}
        if module.params["_sources"] is None:
            raise Failure(
                "packet: what programs are made of is read where Ansible runs, by the action plugin of "
                "this module; call it as podnet.fabric.packet_path_info."
            )

        def require(library: str) -> None:
            runner.require(module, library)

        found = node.answer(module.params, module.params["_sources"], require)
        return {"changed": False, **found}

    runner.run(module, work, needs=("pyroute2",))


if __name__ == "__main__":
    main()
