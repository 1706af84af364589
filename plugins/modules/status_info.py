#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: status_info
short_description: Say what a node's pod network is and does
version_added: 1.0.0
description:
  - Reads programs, maps, devices, addresses, routes, neighbors and counters of the node's kernel, and holds them against
    the plan.
  - RV(status.missing) names programs by the place where they are not attached, maps that are not pinned, endpoints that are
    not ready, addresses of the network's devices, routes, neighbors and forwarding entries that the plan has and
    the kernel has not, or not as planned. A node with any of them is not usable, and C(node.reason) says so.
  - C(programs) are those at devices, at sockets of the node's cgroup, and the one that judges by policies. C(addresses),
    C(routes) and C(neighbors) are what the plan has of them, each with C(present); C(rules) those of C(ip rule) that the host has
    beside the kernel's own; the network has none.
  - C(masquerade) is what the maps say, C(missing) what the plan has beyond that, and C(unplanned) the other way round.
    C(pending) is the change that nobody has confirmed yet, C(undone) the last one that was undone since the host has booted.
    C(exhausted) counts packets that were dropped for want of a port, and C(accounts) are those of
    M(podnet.fabric.nat_info).
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.attributes.reads
options:
  path:
    description:
      - The RV(podnet.fabric.plan#module:path) that M(podnet.fabric.plan) returned in this run. The action plugin takes the
        node's slice from there.
    type: str
  node:
    description: The node's slice of the plan itself.
    type: dict
"""

EXAMPLES = r"""
# On nodes to which the playbook podnet.fabric.site has brought the network.
- name: Show the status of each node
  hosts: podnet_nodes
  gather_facts: false
  tasks:
    - name: Plan the network
      ansible.builtin.include_role:
        name: podnet.fabric.plan

    - name: Read the status
      podnet.fabric.status_info:
        path: "{{ podnet_node.path }}"
      register: podnet_status

    - name: Show it
      ansible.builtin.debug:
        msg: "{{ podnet_status.report.splitlines() }}"
"""

RETURN = r"""
status:
  description: Everything that the report shows, for machines.
  returned: success
  type: dict
  contains:
    missing:
      description: What the kernel does not have of the plan, by kind.
      type: dict
      sample:
        programs: [from_netdev at tc_ingress of eth0]
        maps: []
        endpoints: []
        addresses: []
        routes: [route 10.111.160.128/25]
        neighbors: []
  sample:
    attach_mode: tcx
    missing: {programs: [], maps: [], endpoints: [], addresses: [], routes: [], neighbors: []}
    addresses: [{dev: pn_host, address: 10.111.0.8/32, of: eth0, present: true}]
    routes: [{dst: 10.111.160.128/25, via: 10.111.0.9, present: true}]
    neighbors: []
    rules: [{family: ipv4, priority: 100, from: 10.9.0.0/16, to: all, mark: null, iif: null, oif: null, table: 7}]
    ipam: {pod_cidr: 10.111.160.0/25, used: 8, total: 128, usable_pods: 64}
    masquerade:
      devices: [{name: eth0, ip: 10.111.0.8}]
      nodes: false
      native_routing_cidr: 10.111.0.0/16
      pod_ranges: [10.111.160.0/20]
      prefixes: 14
      missing: []
      unplanned: []
      nat: {used: 13107, size: 131072, over: 9, notes: 0}
      accounts: [{address: 10.111.160.1, kind: pod, flows: 6553, refused: 0}]
      exhausted: 0
      warnings: []
    policies:
      names: [default/db]
      planned: true
      isolated: {ingress: 1, egress: 0}
      audited: 0
      notes: 4
      sets: []
    drops:
      - {hook: from_container, direction: egress, verdict: spoofed_source, packets: 3, bytes: 126}
    recorder: {used: 1, size: 16384, packets: 3, unrecorded: 0, overwritten: 0}
    pending: {by: root@controller, since: "2026-11-27 18:00:03Z", seconds: 87, undoing: false}
    undone: null
report:
  description: The same as people read it, in the words of C(cilium status).
  returned: success
  type: str
  sample: "Routing:                Network: Native   Host: BPF"
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.node import status, status_report


def main() -> None:
    module = AnsibleModule(
        argument_spec={"path": {"type": "str"}, "node": {"type": "dict"}},
        mutually_exclusive=[("path", "node")],
        required_one_of=[("path", "node")],
        supports_check_mode=True,
    )

    def work() -> dict[str, object]:
        if module.params["path"] is not None:
            raise Failure(
                f"path: {module.params['path']!r} is read where Ansible runs, by the action plugin "
                "of this module; call it as podnet.fabric.status_info."
            )
        found = status.read(module.params["node"])
        return {"changed": False, "status": found, "report": status_report.render(found)}

    runner.run(module, work, needs=("pyroute2",))


if __name__ == "__main__":
    main()
