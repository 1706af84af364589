# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: plan
short_description: Plan a pod network from the inventory
version_added: 1.0.0
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
description:
  - Computes, once a run and on the controller, what every node of a cluster must hold. That is its pod
    CIDR, its peers, routes, endpoints and their addresses.
  - Reads the C(podnet_*) variables and C(ansible_host) of all hosts of a group, whether they are in the
    play or not, and what was observed of those that are. Variables count as this task sees them, those of the
    play, roles, blocks and includes among them.
  - Addresses are sticky. What the nodes and their peers hold is the memory, so nothing has to last on
    the controller.
  - Services get their backends from pods of all nodes or from manifests, and addresses and node ports where they
    have none. M(podnet.fabric.services) takes them from RV(path).
  - A configuration of ip-masq-agent (C(podnet_ip_masq_agent)) is looked for like the files of services, and read here.
  - Every variable is checked before anything is touched. All that is wrong is reported at once. A variable whose
    name is like one of the collection's is refused, and of any other that begins with C(podnet) it warns.
  - Run it with C(run_once) after all nodes of the play were observed, and not in batches (C(serial)),
    since an observation that is older than the last change is a wrong one.
options:
  group:
    description: Inventory group of the nodes.
    type: str
    default: podnet_nodes
  observed:
    description:
      - Name of the variable of each host that has what it was observed to hold, with the keys C(pod_cidr),
        C(peers), C(endpoints), C(services), C(device), C(machine) and C(compiler). Other keys are left alone.
      - Take a registered variable. Facts may come from a cache, and what was true in an earlier run
        would count as true now.
      - A host of the play without it is taken as one that did not answer, a host outside the play as one
        that was not asked.
    type: str
    default: podnet_observed
  tests:
    description:
      - Whether the pods, services and policies of the connectivity test are planned beside what the inventory has, for
        M(podnet.fabric.connectivity_pods). Warnings of the plan are not shown then.
    type: bool
    default: false
requirements:
  - netaddr and PyYAML on the controller
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
  - module: podnet.fabric.node_plan
"""

EXAMPLES = r"""
- name: Plan a cluster, and change nothing
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

    - name: Show which node has which pod CIDR
      ansible.builtin.debug:
        msg: "{{ podnet_plan.cluster.nodes | items2dict(key_name='name', value_name='pod_cidr') }}"
      run_once: true
"""

RETURN = r"""
path:
  description: Folder on the controller with the slices. Ansible removes it when the run ends.
  returned: success
  type: str
  sample: /home/deploy/.ansible/tmp/ansible-local-4711abcd/podnet-plan-x1y2z3
compilers:
  description:
    - Machine type to the host of the play that compiles eBPF programs for it. It is the first host that can, or
      else the first one.
  returned: success
  type: dict
  sample: {x86_64: node-1}
cluster:
  description: Summary of the cluster of the host on which the task runs.
  returned: success
  type: dict
  contains:
    name:
      description: Name of the cluster.
      type: str
      sample: demo
    network_type:
      description: V(native_routing) or V(overlay).
      type: str
      sample: native_routing
    datapath:
      description: V(ebpf), V(bridge) or V(routed).
      type: str
      sample: ebpf
    vpc_cidr:
      description: CIDR of the VPC.
      type: str
      sample: 10.111.0.0/16
    native_routing_cidr:
      description: Where pods are reached without masquerading. None in an overlay.
      type: str
      sample: 10.111.0.0/16
    ranges:
      description: The secondary ranges in use, one row for each node CIDR mask size that cuts them.
      type: list
      elements: dict
      sample:
        - name: default
          cidr: 10.111.160.0/20
          node_cidr_mask_size: 25
          used: 3
          total: 32
          capacity:
            - {mask: 25, addresses_per_node: 128, nodes: 32, pod_addresses: 128, usable_pods: 64}
    nodes:
      description: All nodes of the cluster, in the order of the inventory.
      type: list
      elements: dict
      sample:
        - name: node-e6e4d
          node_ip: 10.111.0.8
          pod_cidr: 10.111.160.0/25
          health_ip: 10.111.160.125
          observed: true
          usable: true
          reason: ""
          pods: 7
          usable_pods: 64
    pods:
      description: How many pods have a place, as far as the nodes that answered tell.
      type: int
      sample: 20
    pending:
      description: Pods that have no place, with the reason.
      type: list
      elements: dict
      sample:
        - name: nginx-app-3
          reason: presumed on node-39206, which did not answer
    services:
      description: How many services there are.
      type: int
      sample: 3
    policies:
      description: How many network policies there are.
      type: int
      sample: 2
    service_cidr:
      description: Where cluster IPs come from. None where it is not set.
      type: str
      sample: 10.10.0.0/16
    masquerade:
      description:
        - What pods are masqueraded behind. C(devices) are those that all of the nodes have, as far as the nodes that
          answered tell, and C(cidrs) is where pods keep their own addresses; C(nodes) says whether what is for
          other nodes is masqueraded, too. None where nothing is.
      type: dict
      sample:
        devices: [eth0]
        cidrs: [10.111.0.0/16]
        nodes: false
    warnings:
      description: What a person should know.
      type: list
      elements: str
      sample: []
clusters:
  description: Summary of every cluster in the group, by its name.
  returned: success
  type: dict
  sample: {}
problems:
  description: All that is wrong with the variables, a sentence each.
  returned: failure
  type: list
  elements: str
  sample:
    - >-
      podnet_subnets other is 10.112.0.0/24, which lies outside its VPC; valid is a CIDR within
      podnet_vpc_cidr 10.111.0.0/16.
"""
