#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: endpoints
short_description: Make the network of all pods of a node
version_added: 1.0.0
description:
  - Gives each pod its network namespace, a veth pair into it with one address and one route, the
    program at the host-side device, and the entries of the maps by which packets find it.
  - Hundreds of pods in one call. What is complete already is left alone, to the packet.
  - What goes wrong with one pod concerns that pod alone. All others are completed; then the module fails, and
    RV(unfinished) names what is left. What a pod does in its namespace changes nothing at the node's end.
  - Live pods go from one O(datapath) to another in place, with their namespace, device, address and
    connections.
  - The program and the maps are pinned by the roles C(native_routing) and C(overlay).
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.attributes.changes
attributes:
  diff_mode:
    details: Shows what differs of each endpoint.
options:
  endpoints:
    description: The pods, with the addresses that the plan gives them.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the pod; its namespace is named after it.
        type: str
        required: true
      ip:
        description: Its IPv4 address.
        type: str
        required: true
      mac:
        description: MAC address of its device C(eth0).
        type: str
        required: true
      netns:
        description:
          - A namespace that exists already, as a path or a name of C(ip netns), such as that of a
            container. It is not removed with the endpoint. It accepts no ICMP redirects from then on.
          - Without it a namespace is made, and removed with the endpoint, whatever the pod made in it. Processes
            of the pod lose the network and live on.
        type: str
      isolated:
        description:
          - Whether a network policy selects the pod, so that what it gets and sends is judged. Its policies are there
            by then, written by M(podnet.fabric.policy); without them it gets and sends nothing.
          - Of the connections of TCP that it has when it is judged for the first time, those stay that its policies allow.
        type: bool
        default: false
  gateway_ip:
    description: Address that all pods of the node have for a gateway; C(pn_host), or the bridge, holds it.
    type: str
    required: true
  gateway_mac:
    description: MAC address of the gateway, which all host-side devices share.
    type: str
    required: true
  host_addresses:
    description: The node's own addresses that pods reach through its stack.
    type: list
    elements: str
    default: []
  mtu:
    description: MTU of the pods' devices, bytes.
    type: int
    required: true
  program:
    description:
      - Pin of the program that sits at each host-side device and sees what the pod sends. Its name is that of the pin's
        last part.
    type: path
    default: /sys/fs/bpf/podnet/programs/from_container
  delivery_program:
    description:
      - Pin of a program at each host-side device that sees what the node's stack or its bridge gives the pod. Without it
        there is none, and one that is there goes.
      - What another program hands over to the pod does not pass it.
    type: path
  datapath:
    description:
      - What carries the packets of the pods. V(ebpf) is the program at their host-side devices.
      - With V(bridge) those are ports of O(bridge), which sends a pod's frames back to it, too.
      - With V(routed) a route to each pod, with protocol 112, leads to its device, which forwards and
        answers ARP for everything behind it.
    type: str
    choices: [ebpf, bridge, routed]
    default: ebpf
  bridge:
    description:
      - Bridge of O(datapath=bridge). It has the alias C(podnet:bridge:) and its name, and is there
        before; in check mode it may be yet to come.
    type: str
    default: cbr0
  prefix_length:
    description: Prefix length of the pods' addresses, from 1 to 32; that of the pod CIDR with O(datapath=bridge).
    type: int
    default: 32
  route_src:
    description: Preferred source address of the routes of O(datapath=routed), an address of the node.
    type: str
  non_masquerade_cidrs:
    description:
      - What the pods reach by their own addresses, where all else sees the node's; left out, nothing does.
      - By its own address a pod sends to all else only what answers somebody who called it by that. The
        connections that it has already are kept, before the node notes who calls it, and where the list gets
        shorter.
    type: list
    elements: str
  attach_mode:
    description:
      - How the program is attached. V(tcx) needs Linux 6.6, V(clsact) works everywhere, V(auto) takes
        V(tcx) where the kernel has it.
    type: str
    choices: [auto, tcx, clsact]
    default: auto
  purge:
    description: Whether endpoints of this node that are not listed are removed.
    type: bool
    default: false
"""

EXAMPLES = r"""
# On nodes to which the playbook podnet.fabric.site has brought the network.
- name: Add two pods to those of the plan
  hosts: node-1
  gather_facts: false
  tasks:
    - name: Make a namespace, as a container runtime does
      podnet.fabric.netns:
        names: [made-elsewhere]

    - name: Connect a pod of a new namespace, and that of the other one
      podnet.fabric.endpoints:
        endpoints:
          - name: front
            ip: 10.111.160.1
            mac: 0a:58:0a:6f:a0:01
          - name: database
            ip: 10.111.160.2
            mac: 0a:58:0a:6f:a0:02
            netns: /run/netns/made-elsewhere
        gateway_ip: 10.111.160.126
        gateway_mac: 0e:58:0a:6f:a0:7e
        host_addresses: [10.111.160.126, 10.111.0.8]
        mtu: 1500
"""

RETURN = r"""
changes:
  description: What was changed, or in check mode would be, a line each.
  returned: success, and where RV(unfinished) is
  type: list
  elements: str
  sample: [create endpoint web-1]
unfinished:
  description: The endpoints that are not as they are wanted; all others are.
  returned: when the module fails at its end
  type: list
  elements: dict
  contains:
    name:
      description: Name of the endpoint.
      type: str
      sample: web-1
    reason:
      description: What it lacks, or what is in the way, a sentence.
      type: str
      sample: netns 'web-1' of endpoint 'web-1' has our device under the name 'tun9'; rename it to 'eth0' again, or remove the endpoint.
"""

from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.specs.endpoints import SPEC


def main() -> None:
    runner.main(SPEC)


if __name__ == "__main__":
    main()
