#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
---
module: routes
short_description: Manage routes
version_added: 1.0.0
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.netlink
  - podnet.fabric.netlink.changes
  - podnet.fabric.netns
description:
  - Adds, replaces and removes routes of IPv4 and IPv6, many in one task.
  - A route is known by its table, destination, TOS and metric. All else is compared, and what an item does not name has its default.
    Replacing is one request to the kernel, so that no packet sees the route missing.
  - A route that is there with another protocol number belongs to somebody else and is an error, unless O(force) is set
    or it leads to a device of this collection's own, such as the kernel's route to the subnet of the bridge C(cbr0).
options:
  routes:
    description: The routes.
    type: list
    elements: dict
    required: true
    suboptions:
      dst:
        description: Destination as a CIDR such as V(10.111.160.0/25), an address, or V(default). Bits behind the prefix are an error.
        type: str
        required: true
      state:
        description: Whether the route shall be there.
        type: str
        choices: [present, absent]
        default: present
      netns:
        description: Namespace of this one; the default is O(netns).
        type: str
      via:
        description: Address of the gateway; for an IPv4 route it may be of IPv6.
        type: str
      dev:
        description: Device that packets leave by; the default is the one by which the gateway is reached.
        type: str
      onlink:
        description: Whether the gateway is on the link of O(routes[].dev) though no route says so.
        type: bool
        default: false
      src:
        description: Address that packets of this host come from.
        type: str
      type:
        description: Type of the route.
        type: str
        choices: [unicast, local, broadcast, anycast, multicast, blackhole, unreachable, prohibit, throw]
        default: unicast
      scope:
        description:
          - Scope as V(global), V(site), V(link), V(host) or a number; IPv6 has V(global) alone.
          - The default follows from the type and the gateway as with C(ip route).
        type: str
      table:
        description:
          - Table as V(main), V(local), V(default), a number, or a name in C(rt_tables) of the host's iproute2.
          - The default is O(table), and V(local) for a route of type V(local), V(broadcast) or V(anycast).
        type: str
      metric:
        description: Metric, of which the lowest wins; the default is 0 for IPv4 and 1024 for IPv6.
        type: int
      tos:
        description: TOS of the packets that the route is for; IPv4 only.
        type: int
        default: 0
      protocol:
        description:
          - Who made the route, as V(kernel), V(boot), V(static), a number, or a name in C(rt_protos) of the host's iproute2.
          - The default is 112, the number of this collection.
        type: str
      family:
        description: Family of O(routes[].dst=default) where neither a gateway nor a next hop tells it.
        type: str
        choices: [ipv4, ipv6]
      pref:
        description: Preference of an IPv6 router.
        type: str
        choices: [medium, high, low]
      mtu:
        description: Path MTU.
        type: int
      window:
        description: Greatest TCP window that is advertised.
        type: int
      rtt:
        description: First estimate of the round-trip time, in milliseconds.
        type: int
      rttvar:
        description: First estimate of its variation, in milliseconds.
        type: int
      ssthresh:
        description: First slow start threshold.
        type: int
      cwnd:
        description: Clamp of the congestion window.
        type: int
      advmss:
        description: TCP segment size that is advertised.
        type: int
      reordering:
        description: First guess of how far packets are reordered.
        type: int
      hoplimit:
        description: TTL or hop limit of packets.
        type: int
      initcwnd:
        description: First congestion window in segments.
        type: int
      rto_min:
        description: Smallest retransmission time, in milliseconds.
        type: int
      initrwnd:
        description: First receive window in segments.
        type: int
      quickack:
        description: Whether TCP acknowledges at once.
        type: bool
      fastopen_no_cookie:
        description: Whether TCP Fast Open works without a cookie.
        type: bool
      ecn:
        description: Whether explicit congestion notification is used.
        type: bool
      congctl:
        description: Congestion control of TCP.
        type: str
      lock:
        description: Metrics that the kernel must not adapt, such as V(mtu) against path MTU discovery.
        type: list
        elements: str
        choices: [mtu, window, rtt, rttvar, ssthresh, cwnd, advmss, reordering, hoplimit, initcwnd, rto_min, initrwnd]
      nexthops:
        description: Gateways that share the packets, in place of O(routes[].via) and O(routes[].dev); a single one is what these say.
        type: list
        elements: dict
        suboptions:
          via:
            description: Address of the gateway; for an IPv4 route it may be of IPv6.
            type: str
          dev:
            description: Device that packets leave by.
            type: str
          weight:
            description: Share of the packets, from 1 to 256.
            type: int
            default: 1
          onlink:
            description: Whether the gateway is on the link of O(routes[].nexthops[].dev) though no route says so.
            type: bool
            default: false
  table:
    description: Table of the routes that do not name one, and the one that O(purge) looks at.
    type: str
    default: main
  purge:
    description:
      - Whether to remove routes that are not listed. Only those with the protocol number 112, which is this collection's,
        and only in O(table) and the tables that the items name.
      - With an empty list it removes all of them.
    type: bool
    default: false
  keep_devices:
    description:
      - Names of devices, or patterns as of a shell. O(purge) leaves routes by such devices alone.
      - C(pn_????????????) are the devices of pods, whose routes are made by M(podnet.fabric.endpoints).
    type: list
    elements: str
    default: []
  force:
    description: Whether a route of somebody else that has the identity of a listed one may be replaced or removed.
    type: bool
    default: false
seealso:
  - module: podnet.fabric.routes_info
  - module: podnet.fabric.neighbors
"""

EXAMPLES = r"""
- name: Make a namespace
  podnet.fabric.netns:
    names: [web1]

- name: Connect the namespace, and have a second device
  podnet.fabric.veth:
    veths:
      - {name: pn_web1, peer: {name: eth0, netns: web1}}
      - {name: lan0, addresses: [10.0.0.2/24], peer: {name: lan0-peer}}
      - {name: lan1, addresses: [10.0.1.2/24], peer: {name: lan1-peer}}

- name: Routes to the pods of the other nodes, and no others of ours
  podnet.fabric.routes:
    purge: true
    routes:
      - {dst: 10.111.160.128/25, via: 10.111.0.9}
      - {dst: 10.111.161.0/25, via: 10.111.0.14, mtu: 1450}

- name: A pod's default route through a gateway that no subnet holds
  podnet.fabric.routes:
    netns: web1
    routes:
      - {dst: 10.111.160.126/32, dev: eth0}
      - {dst: default, via: 10.111.160.126, dev: eth0}

- name: Two gateways, and a table of its own
  podnet.fabric.routes:
    table: "100"
    routes:
      - dst: 203.0.113.0/24
        nexthops:
          - {via: 10.0.0.1, dev: lan0, weight: 2}
          - {via: 10.0.1.1, dev: lan1}
      - {dst: 198.51.100.0/24, type: blackhole}
"""

RETURN = r"""
changes:
  description: A line for each object that differs.
  returned: always
  type: list
  elements: str
  sample: ["create route 10.111.161.0/25"]
left:
  description: What was not done, a line each, first what failed.
  returned: failure
  type: list
  elements: str
  sample: ["create route 10.111.161.0/25"]
routes:
  description: The routes after the run, in the order of O(routes); in check mode as they would be.
  returned: success
  type: list
  elements: dict
  sample:
    - dst: 10.111.161.0/25
      netns: null
      state: present
      type: unicast
      via: 10.111.0.14
      dev: eth0
      table: 254
      metric: 0
      protocol: 112
      scope: global
      mtu: 1450
"""

from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.specs.routes import SPEC


def main() -> None:
    runner.main(SPEC)


if __name__ == "__main__":
    main()
