#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
---
module: veth
short_description: Manage veth pairs
version_added: 1.0.0
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.netlink
  - podnet.fabric.netlink.changes
  - podnet.fabric.netns
description:
  - Makes, changes and removes pairs of virtual Ethernet devices, many in one task, each end in a namespace of its own.
  - What an item does not name stays as it is. The kernel is read once and only the differences are written.
  - A device of the wanted name that is no veth is an error. So is a veth whose other end is not the wanted one,
    unless O(veths[].recreate) is set, or the device is one of this collection, by its name C(pn_*) or its alias C(podnet:*).
    A pair that is made anew says why in the diff, as C(recreated_because).
options:
  veths:
    description: The pairs, each by its first end.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the device, at most 15 characters.
        type: str
        required: true
      netns:
        description:
          - Namespace of this device, as a name or a path of a namespace file, such as C(/proc/4711/ns/net) for that of a process.
          - The default is O(netns).
        type: str
      mac:
        description: MAC address of the device.
        type: str
      mtu:
        description: Largest packet in bytes, from 68 to 65535.
        type: int
      up:
        description: Whether the device is up.
        type: bool
        default: true
      arp:
        description: Whether the device resolves addresses; V(false) is C(NOARP).
        type: bool
      alias:
        description: A free text that C(ip link) shows; the empty string takes it away.
        type: str
      txqueuelen:
        description: Length of the transmit queue in packets.
        type: int
      devgroup:
        description: Number of the device's group, which C(ip link) calls C(group).
        type: int
      master:
        description: Bridge that the device is a port of; the empty string takes it out.
        type: str
      addresses:
        description: Addresses with prefix length that the device shall have, such as V(10.0.0.1/24) or V(10.0.0.1 peer 10.0.0.2/32).
        type: list
        elements: str
      purge_addresses:
        description:
          - Whether to take away addresses that are not listed.
          - The IPv6 link-local addresses that the kernel gives stay.
        type: bool
        default: false
      numtxqueues:
        description: Number of transmit queues; another number re-creates the pair.
        type: int
      numrxqueues:
        description: Number of receive queues; another number re-creates the pair.
        type: int
      state:
        description: Whether the pair shall be there.
        type: str
        choices: [present, absent]
        default: present
      recreate:
        description: Whether a veth that belongs to another pair may be replaced.
        type: bool
        default: false
      peer:
        description: The other end; required for V(present).
        type: dict
        suboptions:
          name:
            description: Name of the device, at most 15 characters.
            type: str
            required: true
          netns:
            description:
              - Namespace of this device, as a name or a path of a namespace file, such as C(/proc/4711/ns/net) for that of a process.
              - The default is O(netns).
            type: str
          mac:
            description: MAC address of the device.
            type: str
          mtu:
            description: Largest packet in bytes, from 68 to 65535.
            type: int
          up:
            description: Whether the device is up.
            type: bool
            default: true
          arp:
            description: Whether the device resolves addresses; V(false) is C(NOARP).
            type: bool
          alias:
            description: A free text that C(ip link) shows; the empty string takes it away.
            type: str
          txqueuelen:
            description: Length of the transmit queue in packets.
            type: int
          devgroup:
            description: Number of the device's group, which C(ip link) calls C(group).
            type: int
          master:
            description: Bridge that the device is a port of; the empty string takes it out.
            type: str
          addresses:
            description: Addresses with prefix length that the device shall have, such as V(10.0.0.1/24) or V(10.0.0.1 peer 10.0.0.2/32).
            type: list
            elements: str
          purge_addresses:
            description:
              - Whether to take away addresses that are not listed.
              - The IPv6 link-local addresses that the kernel gives stay.
            type: bool
            default: false
          numtxqueues:
            description: Number of transmit queues; another number re-creates the pair.
            type: int
          numrxqueues:
            description: Number of receive queues; another number re-creates the pair.
            type: int
seealso:
  - module: podnet.fabric.veth_info
  - module: podnet.fabric.netns
"""

EXAMPLES = r"""
- name: Make the namespaces
  podnet.fabric.netns:
    names: [web1, router, host1, host2]

- name: Connect two namespaces
  podnet.fabric.veth:
    veths:
      - name: pn_web1
        mac: 0e:58:0a:6f:a0:01
        mtu: 1500
        alias: podnet:endpoint:web1
        peer:
          name: eth0
          netns: web1
          mac: 0a:58:0a:6f:a0:01
          addresses: [10.111.160.1/32]

- name: Two pairs in another namespace, with exactly these addresses
  podnet.fabric.veth:
    netns: router
    veths:
      - {name: left, addresses: [10.0.1.1/24], purge_addresses: true, peer: {name: eth0, netns: host1}}
      - {name: right, addresses: [10.0.2.1/24], purge_addresses: true, peer: {name: eth0, netns: host2}}

- name: Remove a pair
  podnet.fabric.veth:
    veths:
      - name: pn_web1
        state: absent
"""

RETURN = r"""
changes:
  description: A line for each object that differs.
  returned: always
  type: list
  elements: str
  sample: ["create veth pn_web1"]
left:
  description: What was not done, a line each, first what failed.
  returned: failure
  type: list
  elements: str
  sample: ["create veth a0"]
veths:
  description: The pairs after the run, in the order of O(veths); in check mode as they would be.
  returned: success
  type: list
  elements: dict
  sample:
    - name: pn_web1
      netns: null
      ifindex: 12
      state: present
      mac: "0e:58:0a:6f:a0:01"
      mtu: 1500
      up: true
      arp: true
      alias: "podnet:endpoint:web1"
      txqueuelen: 1000
      devgroup: 0
      master: ""
      addresses: []
      numtxqueues: 2
      numrxqueues: 2
      peer:
        name: eth0
        netns: web1
        mac: "0a:58:0a:6f:a0:01"
        mtu: 1500
        up: true
        addresses: [10.111.160.1/32]
"""

from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.specs.veth import SPEC


def main() -> None:
    runner.main(SPEC)


if __name__ == "__main__":
    main()
