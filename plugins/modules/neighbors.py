#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
---
module: neighbors
short_description: Manage neighbor and forwarding entries
version_added: 1.0.0
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.netlink
  - podnet.fabric.netlink.changes
  - podnet.fabric.netns
description:
  - Adds, changes and removes entries of ARP and NDP, and entries of the forwarding databases of bridges and VXLAN devices, many in one task.
  - Changing an entry is one request to the kernel, so that no packet sees it missing.
  - Entries of ARP and NDP are marked with the protocol number 112. Forwarding entries cannot be marked.
options:
  neighbors:
    description: The entries.
    type: list
    elements: dict
    required: true
    suboptions:
      type:
        description: Whether it is an entry of ARP or NDP, V(neighbor), or one that tells behind which port or tunnel endpoint a MAC address is, V(fdb).
        type: str
        choices: [neighbor, fdb]
        default: neighbor
      dev:
        description: Device of the entry.
        type: str
        required: true
      state:
        description:
          - Whether the entry shall be there, and its state in the kernel; V(present) is V(permanent).
          - For V(fdb), V(permanent) is what C(bridge fdb) calls local, V(noarp) static and V(reachable) dynamic.
          - Entries that the kernel ages are one state with V(reachable), V(stale), V(delay) and V(probe) alike.
        type: str
        choices: [present, absent, permanent, noarp, reachable, stale, delay, probe]
        default: present
      netns:
        description: Namespace of this one; the default is O(netns).
        type: str
      dst:
        description: >-
          IP address of the neighbor; for V(fdb) that of the tunnel endpoint. An all-zero MAC address may stand in several items, one for each endpoint.
        type: str
      lladdr:
        description: MAC address.
        type: str
      proxy:
        description: Whether this host answers for O(neighbors[].dst).
        type: bool
        default: false
      router:
        description: Whether the neighbor is a router.
        type: bool
        default: false
      extern_learn:
        description: Whether the entry counts as learned by somebody outside of the kernel, which then does not age it.
        type: bool
        default: false
      vlan:
        description: VLAN of an V(fdb) entry of a bridge.
        type: int
      vni:
        description: VNI that an V(fdb) entry sends with; the default is that of the device.
        type: int
      src_vni:
        description: VNI that an V(fdb) entry is for, on a device with C(external).
        type: int
      port:
        description: UDP port of the tunnel endpoint; the default is that of the device.
        type: int
      via:
        description: Device that the tunnel's packets leave by.
        type: str
      master:
        description: Whether an V(fdb) entry is one of the bridge that O(neighbors[].dev) is a port of, and not of the device itself.
        type: bool
        default: false
      sticky:
        description: Whether an V(fdb) entry of a bridge stays at its port.
        type: bool
        default: false
  devices:
    description: Devices that O(purge) looks at beside those that the items name.
    type: list
    elements: str
    default: []
  purge:
    description:
      - Whether to remove entries that are not listed, on O(devices) and the devices that the items name.
      - Of ARP and NDP those that are permanent, noarp or proxies and carry the protocol number 112.
      - Of the forwarding databases those that do not age, and only on devices of this collection, known by their name C(pn_*) or their alias C(podnet:*);
        never the addresses of the devices themselves, of multicast, or the remote that a VXLAN device has by its own attribute.
    type: bool
    default: false
seealso:
  - module: podnet.fabric.neighbors_info
  - module: podnet.fabric.vxlan
"""

EXAMPLES = r"""
- name: Make a namespace with one end of a pair
  podnet.fabric.netns:
    names: [web1]

- name: Connect the namespace
  podnet.fabric.veth:
    veths: [{name: pn_web1, peer: {name: eth0, netns: web1}}]

- name: Make a tunnel
  podnet.fabric.vxlan:
    vxlans: [{name: pn_vxlan, id: 7, dstport: 4789}]

- name: The gateway of a pod, whose address an eBPF program answers for
  podnet.fabric.neighbors:
    netns: web1
    neighbors:
      - {dev: eth0, dst: 10.111.160.126, lladdr: "0e:58:0a:6f:a0:01"}

- name: Where the pods of other nodes are, and where to flood
  podnet.fabric.neighbors:
    purge: true
    neighbors:
      - {type: fdb, dev: pn_vxlan, lladdr: "0a:58:0a:6f:a0:81", dst: 10.111.0.9}
      - {type: fdb, dev: pn_vxlan, lladdr: "00:00:00:00:00:00", dst: 10.111.0.9}
      - {type: fdb, dev: pn_vxlan, lladdr: "00:00:00:00:00:00", dst: 10.111.0.14}
"""

RETURN = r"""
changes:
  description: A line for each object that differs.
  returned: always
  type: list
  elements: str
  sample: ["create neighbor 10.111.160.126 dev eth0 in netns web1"]
left:
  description: What was not done, a line each, first what failed.
  returned: failure
  type: list
  elements: str
  sample: ["create neighbor 10.111.160.126 dev eth0 in netns web1"]
neighbors:
  description: The entries after the run, in the order of O(neighbors); in check mode as they would be.
  returned: success
  type: list
  elements: dict
  sample:
    - type: neighbor
      dev: eth0
      netns: web1
      dst: 10.111.160.126
      lladdr: "0e:58:0a:6f:a0:01"
      state: permanent
      proxy: false
      router: false
      extern_learn: false
      protocol: 112
"""

from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.specs.neighbors import SPEC


def main() -> None:
    runner.main(SPEC)


if __name__ == "__main__":
    main()
