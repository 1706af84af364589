# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: datapath
short_description: What a node's part of the plan means for the generic modules
version_added: 0.1.0
description:
  - From the fact C(podnet_node) to the devices, maps, programs, routes and endpoints of the eBPF datapath, in
    the form in which M(podnet.fabric.veth), M(podnet.fabric.bpf_map), M(podnet.fabric.bpf_program)
    and M(podnet.fabric.routes) take them.
positional: _input, gateway_ifindex
options:
  _input:
    description: The fact C(podnet_node).
    type: dict
    required: true
  gateway_ifindex:
    description: Number of the device C(pn_host), known once it is made.
    type: int
    default: 0
author: The podnet.fabric developers (@podnet)
"""

EXAMPLES = r"""
- name: Route to the pods
  podnet.fabric.routes:
    routes: "{{ (podnet_node | podnet.fabric.datapath).routes }}"
"""

RETURN = r"""
_value:
  description: Items for the options C(veths), C(maps), C(programs), C(routes) and C(endpoints) of the modules.
  type: dict
  sample:
    routes:
      - dst: 10.111.160.0/25
        dev: pn_host
        src: 10.111.0.8
"""

from typing import Any

from ansible_collections.podnet.fabric.plugins.module_utils.datapath import tasks


def datapath(node: dict[str, Any], gateway_ifindex: int = 0) -> dict[str, Any]:
    """Return what the generic modules take for one node."""
    if not node["usable"]:
        nothing: dict[str, list[dict[str, Any]]] = {
            word: [] for word in ("veths", "maps", "programs", "endpoints")
        }
        return {**nothing, "routes": tasks.routes(node)}
    return {
        "veths": tasks.gateway_pair(node),
        "maps": tasks.maps(node, gateway_ifindex),
        "programs": tasks.programs(node),
        "routes": tasks.routes(node),
        "endpoints": tasks.endpoints(node),
    }


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return them by name."""
        return {"datapath": datapath}
