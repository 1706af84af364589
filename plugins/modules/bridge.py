#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
---
module: bridge
short_description: Manage bridges
version_added: 1.0.0
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.netlink
  - podnet.fabric.netlink.changes
  - podnet.fabric.netns
description:
  - Makes, changes and removes bridges with every attribute that iproute2 has for them, and their ports.
  - What an item does not name stays as it is. Times are in hundredths of a second, as in C(ip link).
  - A value that the kernel takes without an error but does not keep, since it does not know the attribute, is an error.
options:
  bridges:
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
      forward_delay:
        description: Forward delay in hundredths of a second, from 200 to 3000 while the spanning tree runs.
        type: int
      hello_time:
        description: Hello time in hundredths of a second, from 100 to 1000.
        type: int
      max_age:
        description: Greatest age of a message of the spanning tree in hundredths of a second, from 600 to 4000.
        type: int
      ageing_time:
        description: Time in hundredths of a second after which a learned address is forgotten; V(0) forwards everything to every port.
        type: int
      stp_state:
        description: Whether the spanning tree protocol runs.
        type: bool
      priority:
        description: Priority of the bridge in the spanning tree.
        type: int
      vlan_filtering:
        description: Whether the bridge knows VLANs.
        type: bool
      vlan_protocol:
        description: Ethernet type of the VLAN tags.
        type: str
        choices: [802.1Q, 802.1ad]
      group_fwd_mask:
        description: Bits of the link-local groups 01:80:c2:00:00:0X that are forwarded.
        type: int
      group_address:
        description: Link-local group in which the bridge takes part.
        type: str
      no_linklocal_learn:
        description: Whether addresses of link-local frames are not learned.
        type: bool
      vlan_default_pvid:
        description: VLAN of untagged frames on new ports; V(0) means none.
        type: int
      vlan_stats_enabled:
        description: Whether there are counters for each VLAN.
        type: bool
      vlan_stats_per_port:
        description: Whether there are counters for each VLAN of each port; only while no VLAN is configured on a port.
        type: bool
      mcast_snooping:
        description: Whether multicast is snooped.
        type: bool
      mcast_vlan_snooping:
        description: Whether multicast is snooped for each VLAN; needs O(bridges[].vlan_filtering).
        type: bool
      mcast_router:
        description: Whether the bridge takes part as a multicast router. V(0) is never, V(1) as learned, V(2) always.
        type: int
      mcast_query_use_ifaddr:
        description: Whether queries carry the address of the bridge.
        type: bool
      mcast_querier:
        description: Whether the bridge sends queries.
        type: bool
      mcast_hash_elasticity:
        description: Fixed at 16 since Linux 4.20; another number is an error there.
        type: int
      mcast_hash_max:
        description: Greatest number of multicast groups.
        type: int
      mcast_last_member_count:
        description: Queries before a group is given up.
        type: int
      mcast_startup_query_count:
        description: Queries at the start.
        type: int
      mcast_last_member_interval:
        description: Time between queries of a group that was left in hundredths of a second.
        type: int
      mcast_membership_interval:
        description: Time in hundredths of a second after which a membership ends.
        type: int
      mcast_querier_interval:
        description: Time in hundredths of a second after which another querier is gone.
        type: int
      mcast_query_interval:
        description: Time between queries in hundredths of a second, 100 or more.
        type: int
      mcast_query_response_interval:
        description: Greatest time for a response in hundredths of a second.
        type: int
      mcast_startup_query_interval:
        description: Time between the queries at the start in hundredths of a second.
        type: int
      mcast_stats_enabled:
        description: Whether there are multicast counters.
        type: bool
      mcast_igmp_version:
        description: Version of IGMP, V(2) or V(3).
        type: int
      mcast_mld_version:
        description: Version of MLD, V(1) or V(2).
        type: int
      mst_enabled:
        description: Whether there is a spanning tree for each group of VLANs.
        type: bool
      fdb_max_learned:
        description: Greatest number of learned addresses; V(0) means no limit. Linux 6.7 or newer.
        type: int
      fdb_local_vlan_0:
        description: Whether local addresses are held once, in VLAN 0, and not for each VLAN. Linux 6.18 or newer.
        type: bool
      nf_call_iptables:
        description: Whether iptables sees the bridge's IPv4 traffic.
        type: bool
      nf_call_ip6tables:
        description: Whether ip6tables sees the bridge's IPv6 traffic.
        type: bool
      nf_call_arptables:
        description: Whether arptables sees the bridge's ARP traffic.
        type: bool
      ports:
        description: Devices in the namespace of the bridge that shall be its ports; one that is a port of another bridge is moved.
        type: list
        elements: str
      purge_ports:
        description: Whether ports that are not listed are taken out.
        type: bool
        default: false
seealso:
  - module: podnet.fabric.bridge_info
"""

EXAMPLES = r"""
- name: Make two pairs of devices to be ports
  podnet.fabric.veth:
    veths:
      - {name: veth1, peer: {name: peer1}}
      - {name: veth2, peer: {name: peer2}}

- name: Make a namespace
  podnet.fabric.netns:
    names: [switch]

- name: The bridge of a classic node
  podnet.fabric.bridge:
    bridges:
      - name: cbr0
        mtu: 1500
        addresses: [10.244.0.1/24]
        stp_state: false
        forward_delay: 0
        nf_call_iptables: true
        ports: [veth1, veth2]
        purge_ports: true

- name: A bridge that forgets addresses after a minute, in a namespace
  podnet.fabric.bridge:
    netns: switch
    bridges:
      - {name: br0, ageing_time: 6000}
"""

RETURN = r"""
changes:
  description: A line for each object that differs.
  returned: always
  type: list
  elements: str
  sample: ["create bridge cbr0"]
left:
  description: What was not done, a line each, first what failed.
  returned: failure
  type: list
  elements: str
  sample: ["create bridge br0"]
bridges:
  description: The bridges after the run, with all attributes; in check mode as they would be.
  returned: success
  type: list
  elements: dict
  sample:
    - name: cbr0
      netns: null
      mac: "5e:3a:c2:11:7f:09"
      mtu: 1500
      up: true
      addresses: [10.244.0.1/24]
      ports: [veth1, veth2]
      stp_state: false
      forward_delay: 0
"""

from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.specs.bridge import SPEC


def main() -> None:
    runner.main(SPEC)


if __name__ == "__main__":
    main()
