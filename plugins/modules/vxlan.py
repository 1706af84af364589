#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
---
module: vxlan
short_description: Manage VXLAN devices
version_added: 1.0.0
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.netlink
  - podnet.fabric.netlink.changes
  - podnet.fabric.netns
description:
  - Makes, changes and removes VXLAN devices with every attribute that iproute2 has for them.
  - What an item does not name stays as it is.
  - An attribute that the kernel cannot change on a device that is there leads to a new device, which keeps what the old one had
    and the item does not name. The diff says why, as C(recreated_because). Routes, neighbors and forwarding entries on the old device are gone.
  - A value that the kernel takes without an error but does not keep, since it does not know the attribute, is an error.
options:
  vxlans:
    description: The devices.
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
      state:
        description: Whether the device shall be there.
        type: str
        choices: [present, absent]
        default: present
      id:
        description: VNI, from 0 to 16777215; required for a new device unless O(vxlans[].external); another value re-creates the device.
        type: int
      remote:
        description: Address of the other tunnel endpoint, for frames whose receiver is not in the forwarding table; the empty string takes it away.
        type: str
      group:
        description: Multicast group that takes the place of O(vxlans[].remote), and needs O(vxlans[].dev); the empty string takes it away.
        type: str
      local:
        description: Address that the packets come from; the empty string takes it away.
        type: str
      dev:
        description: Device that the packets leave by.
        type: str
      ttl:
        description: TTL of the packets, V(auto), V(inherit) or from 1 to 255. A change from or to V(inherit) re-creates the device.
        type: str
      tos:
        description: TOS of the packets, V(inherit) or from 0 to 255.
        type: str
      df:
        description: The bit Don't Fragment of the packets.
        type: str
        choices: [unset, set, inherit]
      flowlabel:
        description: Flow label of IPv6 packets.
        type: int
      dstport:
        description: UDP port of the receiver. The kernel's default is 8472; IANA's port for VXLAN is 4789. A change re-creates the device.
        type: int
      srcport:
        description: First and last UDP port of the sender; another value re-creates the device.
        type: list
        elements: int
      checksum_offload:
        description:
          - Whether the checksums inside are left to the device below, as C(ethtool -K tx) says it. Some devices below make wrong
            ones. Without it, segmentation offload ends as well.
        type: bool
      learning:
        description: Whether the tunnel endpoints of frames that come in are learned. A new device with O(vxlans[].external) does not, unless told so.
        type: bool
      ageing:
        description: Seconds after which a learned entry is forgotten.
        type: int
      maxaddress:
        description: Greatest number of entries; V(0) means no limit; another value re-creates the device.
        type: int
      proxy:
        description: Whether ARP requests are answered from the neighbor table; another value re-creates the device.
        type: bool
      rsc:
        description: Whether routes are short-circuited; another value re-creates the device.
        type: bool
      l2miss:
        description: Whether a missing forwarding entry is notified; another value re-creates the device.
        type: bool
      l3miss:
        description: Whether a missing neighbor is notified; another value re-creates the device.
        type: bool
      udpcsum:
        description: Whether UDP checksums are calculated for IPv4; another value re-creates the device.
        type: bool
      udp6zerocsumtx:
        description: Whether UDP checksums are left out over IPv6; another value re-creates the device.
        type: bool
      udp6zerocsumrx:
        description: Whether packets over IPv6 without a UDP checksum are taken; another value re-creates the device.
        type: bool
      remcsumtx:
        description: Whether remote checksum offload is used in sending; another value re-creates the device.
        type: bool
      remcsumrx:
        description: Whether remote checksum offload is used in receiving; another value re-creates the device.
        type: bool
      gbp:
        description: Whether the group policy extension is used; another value re-creates the device.
        type: bool
      gpe:
        description: Whether the generic protocol extension is used; needs O(vxlans[].external); another value re-creates the device.
        type: bool
      external:
        description: Whether VNI and endpoint come with each packet, from a route or an eBPF program; another value re-creates the device.
        type: bool
      vnifilter:
        description: Whether only listed VNIs are taken; needs O(vxlans[].external). Linux 5.18 or newer; another value re-creates the device.
        type: bool
      localbypass:
        description: Whether packets to an endpoint of this machine skip the network stack. Linux 6.5 or newer.
        type: bool
seealso:
  - module: podnet.fabric.vxlan_info
  - module: podnet.fabric.neighbors
"""

EXAMPLES = r"""
- name: An overlay between two hosts
  podnet.fabric.vxlan:
    vxlans:
      - name: pn_vxlan
        id: 7
        dstport: 4789
        local: "{{ ansible_host }}" # the node's address
        dev: eth0
        learning: false
        mtu: 1450
        addresses: [10.244.0.0/32]

- name: A device whose tunnels an eBPF program chooses
  podnet.fabric.vxlan:
    vxlans:
      - {name: pn_tunnels, external: true, dstport: 8472}
"""

RETURN = r"""
changes:
  description: A line for each object that differs.
  returned: always
  type: list
  elements: str
  sample: ["create vxlan pn_vxlan"]
left:
  description: What was not done, a line each, first what failed.
  returned: failure
  type: list
  elements: str
  sample: ["create vxlan pn_vxlan"]
vxlans:
  description: The devices after the run, with all attributes; in check mode as they would be.
  returned: success
  type: list
  elements: dict
  sample:
    - name: pn_vxlan
      netns: null
      id: 7
      local: 10.111.0.8
      remote: null
      dev: eth0
      dstport: 4789
      learning: false
      mtu: 1450
      up: true
"""

from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.specs.vxlan import SPEC


def main() -> None:
    runner.main(SPEC)


if __name__ == "__main__":
    main()
