# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: node_plan
short_description: Take one node's slice of a plan
version_added: 0.1.0
author: The podnet.fabric developers (@podnet)
description:
  - Sets the fact C(podnet_node) to what this host must hold, from the plan that M(podnet.fabric.plan) made
    in the same run.
  - Fails for a host that was not observed before the plan, since the pods that it holds are unknown then.
  - Names, numbers, MTUs and addresses of the node's devices come from what M(podnet.fabric.node_info) observed,
    registered as C(podnet_observed). Fails where they do not allow what was planned.
options:
  path:
    description: The RV(podnet.fabric.plan#module:path) that M(podnet.fabric.plan) returned.
    type: str
    required: true
attributes:
  check_mode:
    description: Can run in check mode and return the same without changing anything.
    support: full
  diff_mode:
    description: Returns details of what has changed.
    support: none
    details: It changes nothing.
seealso:
  - module: podnet.fabric.plan
  - module: podnet.fabric.node_info
"""

EXAMPLES = r"""
- name: Take this node's slice
  podnet.fabric.node_plan:
    path: "{{ podnet_plan.path }}"

- name: Show this node's pod CIDR
  ansible.builtin.debug:
    var: podnet_node.pod_cidr
"""

RETURN = r"""
ansible_facts:
  description: The slice of this host.
  returned: success
  type: dict
  contains:
    podnet_node:
      description: What this host must hold.
      type: dict
      sample:
        cluster: demo
        network_type: native_routing
        datapath: ebpf
        vpc_cidr: 10.111.0.0/16
        native_routing_cidr: 10.111.0.0/16
        vxlan: null
        services: 3
        masquerade:
          nodes: false
          prefixes:
            - {cidr: 10.111.0.0/16, why: native}
            - {cidr: 10.111.160.0/20, why: pods}
            - {cidr: 169.254.0.0/16, why: link_local}
            - {cidr: 192.168.0.0/16, why: listed}
          devices:
            - {name: eth0, ifindex: 2, ip: 10.111.0.14}
        pod_ranges: [10.111.160.0/20]
        name: node-39206
        observed: true
        node_ip: 10.111.0.14
        device: eth0
        device_ifindex: 2
        device_mtu: 1500
        mtu: 1500
        attach_mode: auto
        addresses: []
        node_group: default
        subnet: {name: default, cidr: 10.111.0.0/24}
        vpc_gateway: 10.111.0.1
        usable: true
        reason: ""
        pod_cidr: 10.111.161.0/25
        gateway_ip: 10.111.161.126
        gateway_mac: "0e:58:0a:6f:a1:7e"
        health_ip: 10.111.161.125
        capacity: {addresses: 128, usable_pods: 64, used: 1}
        endpoints:
          - name: podnet-health
            ip: 10.111.161.125
            mac: "0a:58:0a:6f:a1:7d"
            kind: health
            labels: {}
            containers: []
          - name: nginx-app-3
            ip: 10.111.161.65
            mac: "0a:58:0a:6f:a1:41"
            kind: pod
            labels: {app: nginx}
            containers:
              - {name: nginx-app, command: [nginx, -g, daemon off;]}
        peers:
          - name: node-e6e4d
            node_ip: 10.111.0.8
            pod_cidr: 10.111.160.0/25
            health_ip: 10.111.160.125
            route: direct
            vtep_ip: null
            vtep_mac: null
            addresses: []
        routes:
          - {dst: 10.111.160.0/25, via: 10.111.0.8}
        ipcache:
          - {prefix: 10.111.160.0/25, node: 10.111.0.8}
          - {prefix: 10.111.161.0/25, node: 10.111.0.14}
problems:
  description: All that the node's devices do not allow, a sentence each.
  returned: failure
  type: list
  elements: str
  sample:
    - "podnet_vxlan_device of node-39206: there is no eth9; name a device of the node."
"""
