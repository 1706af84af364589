# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: node_plan
short_description: Take one node's slice of a plan
version_added: 1.0.0
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
description:
  - Completes what this host must hold, from the plan that M(podnet.fabric.plan) made in the same run, by what was observed
    of its devices, and returns it in a word.
  - The whole slice stays in the plan's folder on the controller, where M(podnet.fabric.converge),
    M(podnet.fabric.status_info) and the lookup P(podnet.fabric.node_plan#lookup) read it. It is no fact.
  - Fails for a host that was not observed before the plan, since the pods that it holds are unknown then.
  - Names, numbers, MTUs and addresses of the node's devices come from what M(podnet.fabric.node_info) observed,
    registered as C(podnet_observed). Fails where they do not allow what was planned.
  - Fails where something else of the host stands in the network's way, such as a firewall that drops what pods
    send, or a process that listens at a port of a service; see docs/operations.md.
options:
  path:
    description: The RV(podnet.fabric.plan#module:path) that M(podnet.fabric.plan) returned.
    type: str
    required: true
  warn:
    description:
      - Whether what of the host stands in the way is a warning, and what its devices do not allow is RV(refused), and
        neither a failure. The slice of a node that is refused stays as it was planned.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    details: Returns the same in check mode.
  diff_mode:
    support: none
    details: It changes nothing.
  platform:
    platforms: posix
    description: The controller, without root's rights.
seealso:
  - module: podnet.fabric.plan
  - module: podnet.fabric.node_info
"""

EXAMPLES = r"""
- name: Show each node's pod CIDR
  hosts: podnet_nodes
  gather_facts: false
  tasks:
    - name: Read the node
      podnet.fabric.node_info:
        node_ip: "{{ ansible_host }}"
      register: podnet_observed

    - name: Plan the cluster
      podnet.fabric.plan:
      run_once: true
      register: podnet_plan

    - name: Take this node's slice
      podnet.fabric.node_plan:
        path: "{{ podnet_plan.path }}"
      register: podnet_node

    - name: Show this node's pod CIDR
      ansible.builtin.debug:
        var: podnet_node.pod_cidr
"""

RETURN = r"""
path:
  description: The O(path), for what reads the whole slice.
  returned: success
  type: str
  sample: /home/deploy/.ansible/tmp/ansible-local-4711abcd/podnet-plan-x1y2z3
refused:
  description: What the host's devices do not allow, with O(warn); empty where they allow what was planned.
  returned: success
  type: str
  sample: ""
cluster:
  description: Name of the cluster.
  returned: success
  type: str
  sample: demo
network_type:
  description: V(native_routing) or V(overlay).
  returned: success
  type: str
  sample: native_routing
datapath:
  description: V(ebpf), V(bridge) or V(routed).
  returned: success
  type: str
  sample: ebpf
name:
  description: The node's name.
  returned: success
  type: str
  sample: node-39206
node_ip:
  description: The node's address.
  returned: success
  type: str
  sample: 10.111.0.14
node_group:
  description: Its node group.
  returned: success
  type: str
  sample: default
device:
  description: Its device.
  returned: success
  type: str
  sample: eth0
mtu:
  description: MTU of its pods, bytes.
  returned: success
  type: int
  sample: 1500
attach_mode:
  description: How programs are attached.
  returned: success
  type: str
  sample: auto
usable:
  description: Whether it has a pod CIDR.
  returned: success
  type: bool
  sample: true
reason:
  description: Why it has none.
  returned: success
  type: str
  sample: ""
pod_cidr:
  description: Its pod CIDR; none where it is not usable, as are the two below.
  returned: success
  type: str
  sample: 10.111.161.0/25
gateway_ip:
  description: Its pods' gateway.
  returned: success
  type: str
  sample: 10.111.161.126
health_ip:
  description: Its health endpoint.
  returned: success
  type: str
  sample: 10.111.161.125
services:
  description: How many services its cluster has.
  returned: success
  type: int
  sample: 3
problems:
  description: All that the node's devices do not allow, a sentence each.
  returned: failure
  type: list
  elements: str
  sample:
    - "podnet_vxlan_device of node-39206: there is no eth9; name a device of the node."
"""
