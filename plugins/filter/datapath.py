# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: datapath
short_description: What a node's part of the plan means for the generic modules
version_added: 0.1.0
description:
  - From the fact C(podnet_node) to the devices, settings, maps, programs, routes, neighbors and endpoints
    of the node, in the form in which the modules take them.
  - What the six combinations of C(podnet_datapath) and C(podnet_network_type) differ in stands in one
    table, C(plugins/module_utils/datapath/cells.py).
positional: _input, ifindexes
options:
  _input:
    description: The fact C(podnet_node).
    type: dict
    required: true
  ifindexes:
    description: Numbers of the devices that have just been made, by their names; the maps hold them.
    type: dict
    default: {}
author: The podnet.fabric developers (@podnet)
"""

EXAMPLES = r"""
- name: Route to the pods
  podnet.fabric.routes:
    routes: "{{ (podnet_node | podnet.fabric.datapath).routes }}"

- name: Fill the maps
  podnet.fabric.bpf_map:
    maps: "{{ (podnet_node | podnet.fabric.datapath({'pn_host': 7})).maps }}"
"""

RETURN = r"""
_value:
  description: What the modules take. A node without a pod CIDR has routes alone.
  type: dict
  contains:
    veths:
      description: Items for O(podnet.fabric.veth#module:veths).
      type: list
      elements: dict
      sample: []
    bridges:
      description: Items for O(podnet.fabric.bridge#module:bridges).
      type: list
      elements: dict
      sample: []
    vxlans:
      description: Items for O(podnet.fabric.vxlan#module:vxlans).
      type: list
      elements: dict
      sample: []
    sysctls:
      description:
        - Options C(values) and C(restore) of M(podnet.fabric.sysctls). Those of the node's device outlive
          the network's devices, so have them remembered.
      type: dict
      sample:
        values: {net.ipv4.conf.pn_host.forwarding: 1}
        restore: [net.ipv4.conf.eth0.forwarding, net.ipv4.conf.eth0.rp_filter]
    first_maps:
      description: The same as RV(_value.maps), less what leads packets to other nodes; for what is attached before.
      type: list
      elements: dict
      sample: []
    maps:
      description: Items for O(podnet.fabric.bpf_map#module:maps).
      type: list
      elements: dict
      sample: []
    programs:
      description:
        - Items for O(podnet.fabric.bpf_program#module:programs). That of the pods is attached to nothing
          here; M(podnet.fabric.endpoints) attaches it.
      type: list
      elements: dict
      sample: []
    routes:
      description: Items for O(podnet.fabric.routes#module:routes).
      type: list
      elements: dict
      sample:
        - {dst: 10.111.160.128/25, via: 10.111.160.128, dev: pn_vxlan, onlink: true}
    neighbors:
      description: Items for O(podnet.fabric.neighbors#module:neighbors), of ARP and of forwarding databases.
      type: list
      elements: dict
      sample:
        - {dev: pn_vxlan, dst: 10.111.160.128, lladdr: "0a:58:0a:6f:a0:80"}
        - {type: fdb, dev: pn_vxlan, lladdr: "0a:58:0a:6f:a0:80", dst: 10.111.0.9}
    endpoints:
      description: Items for O(podnet.fabric.endpoints#module:endpoints).
      type: list
      elements: dict
      sample:
        - {name: nginx-app-1, ip: 10.111.160.1, mac: "0a:58:0a:6f:a0:01"}
    endpoint_options:
      description: The other options of M(podnet.fabric.endpoints), which all pods of a node share.
      type: dict
      sample: {datapath: bridge, bridge: cbr0, prefix_length: 25}
    keep:
      description: What belongs to the node now, for the clean-up of what an earlier choice left.
      type: dict
      contains:
        devices:
          description: Devices of the network on the node, less those of pods.
          type: list
          elements: str
          sample: [pn_host, pn_net]
        programs:
          description: Programs, by their names.
          type: list
          elements: str
          sample: [from_container, from_netdev, from_host]
"""

from typing import Any

from ansible_collections.podnet.fabric.plugins.module_utils.datapath import tasks


def datapath(node: dict[str, Any], ifindexes: dict[str, int] | None = None) -> dict[str, Any]:
    """Return what the generic modules take for one node."""
    return tasks.build(node, ifindexes or {})


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return them by name."""
        return {"datapath": datapath}
