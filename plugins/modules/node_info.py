#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: node_info
short_description: See what a host has, and what of the network its kernel holds
version_added: 1.0.0
description:
  - The plan asks this of every node before anything is changed. It needs nothing but Python.
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.attributes.reads
options:
  node_ip:
    description: The node's address; the device that holds it is the node's device.
    type: str
  device:
    description: The node's device, where its address alone does not tell.
    type: str
  vtep_ip:
    description: Address of the node's tunnel endpoint; by default O(node_ip).
    type: str
  underlay_device:
    description: Device below the tunnel; by default the one that holds O(vtep_ip).
    type: str
  egress_devices:
    description: Names of the devices that pods reach the outside by; by default the node's device.
    type: list
    elements: str
    default: []
  hand_over:
    description:
      - Whether RV(peers), RV(endpoints) and RV(services) are left in a file of the run on the controller, where
        M(podnet.fabric.plan) finds them, and not returned. In a large cluster they are long, and each node has them.
    type: bool
    default: false
seealso:
  - module: podnet.fabric.plan
"""

EXAMPLES = r"""
- name: See what the node holds
  podnet.fabric.node_info:
    node_ip: "{{ ansible_host }}"
  register: podnet_observed
"""

RETURN = r"""
kernel:
  description: Release of the running kernel.
  returned: success
  type: str
  sample: 6.1.0-26-cloud-amd64
os:
  description: C(ID) of the distribution in C(/etc/os-release).
  returned: success
  type: str
  sample: debian
distribution:
  description: The first of C(debian), C(fedora) and C(rhel) that the distribution is, or is like.
  returned: success
  type: str
  sample: debian
package_lists:
  description: Whether apt, where the host has it, has lists of packages to install from.
  returned: success
  type: bool
  sample: true
machine:
  description: Machine type, as C(uname -m) has it.
  returned: success
  type: str
  sample: x86_64
missing:
  description: Python libraries that the modules need on every node and that are not there.
  returned: success
  type: list
  elements: str
  sample: [pyroute2]
compiler:
  description: Whether eBPF programs can be compiled here, by bcc and the C library's kernel headers.
  returned: success
  type: bool
  sample: false
bpffs:
  description: Whether bpffs is mounted at C(/sys/fs/bpf).
  returned: success
  type: bool
  sample: true
cgroup2:
  description: Where cgroup2 is mounted.
  returned: success
  type: str
  sample: /sys/fs/cgroup
device:
  description: The device that holds O(node_ip).
  returned: success
  type: dict
  contains:
    name:
      description: Its name.
      type: str
      returned: success
      sample: eth0
    ifindex:
      description: Its number.
      type: int
      returned: success
      sample: 2
    mtu:
      description: Its MTU, bytes.
      type: int
      returned: success
      sample: 1500
    ethernet:
      description: Whether it is an Ethernet device, and not such as C(lo) or a tunnel of layer 3.
      type: bool
      returned: success
      sample: true
underlay:
  description: The device below the tunnel.
  returned: success
  type: dict
  contains:
    name:
      description: Its name.
      type: str
      returned: success
      sample: eth0
    ifindex:
      description: Its number.
      type: int
      returned: success
      sample: 2
    mtu:
      description: Its MTU, bytes.
      type: int
      returned: success
      sample: 1500
    ethernet:
      description: Whether it is an Ethernet device, and not such as C(lo) or a tunnel of layer 3.
      type: bool
      returned: success
      sample: true
vtep_device:
  description: Name of the device that holds O(vtep_ip), none where no device does.
  returned: success
  type: str
  sample: eth0
egress_devices:
  description: The O(egress_devices) that there are, in the same order.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      type: str
      returned: success
      sample: eth0
    ifindex:
      description: Its number.
      type: int
      returned: success
      sample: 2
    mtu:
      description: Its MTU, bytes.
      type: int
      returned: success
      sample: 1500
    ip:
      description:
        - The address that others know it by. It is O(node_ip) where the device holds that, else its first global
          IPv4 address, none where it has none.
      type: str
      returned: success
      sample: 10.111.0.8
    ethernet:
      description: Whether it is an Ethernet device, and not such as C(lo) or a tunnel of layer 3.
      type: bool
      returned: success
      sample: true
foreign:
  description: Devices that have a name of this network's and are somebody else's.
  returned: success
  type: list
  elements: str
  sample: [cbr0]
tcx:
  description: Whether the kernel has tcx.
  returned: success
  type: bool
  sample: false
listening:
  description:
    - Ports on which processes of the node wait for anybody, in its own network namespace, each once. C(::) takes
      IPv4, too; sockets of IPv6 alone are left out.
  returned: success
  type: list
  elements: dict
  contains:
    protocol:
      description: C(TCP) or C(UDP).
      type: str
      returned: success
      sample: TCP
    address:
      description: The address.
      type: str
      returned: success
      sample: 0.0.0.0
    port:
      description: The port.
      type: int
      returned: success
      sample: 22
    process:
      description: Name of a process that has the socket, none where that is the kernel.
      type: str
      returned: success
      sample: sshd
    pid:
      description: Its number.
      type: int
      returned: success
      sample: 712
foreign_vxlans:
  description: VXLAN devices of others.
  returned: success
  type: list
  elements: dict
  sample: [{name: flannel.1, port: 8472, vni: 1, external: false}]
ingress_qdiscs:
  description: Devices that have an C(ingress) qdisc, where clsact cannot be as well.
  returned: success
  type: list
  elements: str
  sample: [eth0]
foreign_routes:
  description:
    - IPv4 routes of the main table without a metric, less the default, that neither this network nor the kernel made.
  returned: success
  type: list
  elements: dict
  sample: [{dst: 10.111.160.128/25, via: 10.111.0.1, dev: eth0, protocol: 3}]
firewall:
  description:
    - Base chains for IPv4 at the hooks C(forward) and C(input), of nftables and iptables, that have rules or drop what no
      rule accepts; with the rules, as far as their meaning is known, and the chains that these lead to.
  returned: success
  type: list
  elements: dict
  sample:
    - table: inet host
      chain: forward
      hook: forward
      policy: drop
      by: nftables
      rules: [{matches: [[iif, false, [eth1]]], verdict: accept}]
      chains: {}
bridge_nf:
  description: Whether the firewall sees what a bridge carries between its ports.
  returned: success
  type: bool
  sample: false
pod_cidr:
  description: The pod CIDR that the node was given.
  returned: success
  type: str
  sample: 10.111.160.0/25
peers:
  description: Pod CIDRs of the other nodes, and the address of each.
  returned: without O(hand_over)
  type: dict
  sample: {"10.111.160.128/25": 10.111.0.9}
endpoints:
  description: The node's endpoints and their addresses.
  returned: without O(hand_over)
  type: dict
  sample: {nginx-app-1: 10.111.160.3}
balances:
  description: Whether the node has anything of services.
  returned: success
  type: bool
  sample: true
holds_policies:
  description: Whether the node has anything of network policies.
  returned: success
  type: bool
  sample: false
policy_classes:
  description: The class of each block of addresses that network policies tell apart.
  returned: without O(hand_over)
  type: dict
  sample: {"10.111.160.3/32": 2931842331}
handed_over:
  description: Stands for what was left on the controller.
  returned: with O(hand_over)
  type: str
  sample: h4x0_2kq
services:
  description: What a plan chose for services that left it open, and the node holds.
  returned: without O(hand_over), where there is any
  type: dict
  contains:
    cluster_ips:
      description: Cluster IP of each service by its name.
      type: dict
      returned: success
      sample: {default/web: 10.96.12.7}
    load_balancer_ips:
      description: Load balancer IPs of each service by its name.
      type: dict
      returned: success
      sample: {default/web: [203.0.113.9]}
    node_ports:
      description: Node port of each port of a service.
      type: dict
      returned: success
      sample: {default/web:http/TCP: 30080}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.node import node_info


def main() -> None:
    options = ("node_ip", "device", "vtep_ip", "underlay_device")
    module = AnsibleModule(
        argument_spec={
            **{word: {"type": "str"} for word in options},
            "egress_devices": {"type": "list", "elements": "str", "default": []},
            "hand_over": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    given = {word: module.params[word] for word in (*options, "egress_devices")}
    runner.run(module, lambda: {"changed": False, **node_info.read(**given)})


if __name__ == "__main__":
    main()
