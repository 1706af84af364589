#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: services_info
short_description: Say which services a node's kernel balances
version_added: 1.0.0
description:
  - Reads the maps that M(podnet.fabric.services) fills, and those in which programs note who talks to which backend.
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.attributes.reads
options:
  name:
    description:
      - Return the services of this name alone, such as V(default/svc), or V(svc) of any namespace. It may be a pattern as
        of a shell, such as V(default/*), or name a port as in V(default/svc:svc-webport/TCP).
    type: str
seealso:
  - module: podnet.fabric.services
"""

EXAMPLES = r"""
# On nodes to which the playbook podnet.fabric.site has brought the network.
- name: Ask for a service
  hosts: podnet_nodes
  gather_facts: false
  tasks:
    - name: What does the service lead to?
      podnet.fabric.services_info:
        name: default/svc
      register: found

    - name: Show it
      ansible.builtin.debug:
        msg: "{{ found.report }}"
"""

RETURN = r"""
services:
  description:
    - The frontends by their numbers, each with its backends for clients of the cluster and, where it is taken from
      outside, for those from there. Those of any address of the node are at 0.0.0.0.
  returned: success
  type: list
  elements: dict
  sample:
    - id: 9
      name: default/svc:svc-webport/TCP
      frontend: 10.10.252.131:80
      protocol: TCP
      type: ClusterIP
      flags: []
      session_affinity: 0
      source_ranges: []
      backends:
        - {number: 1, address: "172.16.1.235:80", state: active}
        - {number: 2, address: "172.16.2.253:80", state: active}
      outside_backends: []
reverse_sockets:
  description: The sockets that talk to a backend and take it for the service, by their cookies.
  returned: success
  type: list
  elements: dict
  sample:
    - {cookie: 41965, backend: "172.16.1.235:80", protocol: TCP, frontend: "10.10.252.131:80", id: 9}
maps:
  description: The maps of services, how many entries each has and has room for; null where it is not pinned.
  returned: success
  type: list
  elements: dict
  sample:
    - {name: services, used: 2, size: 65536}
report:
  description:
    - The same as people read it, in the shapes of C(cilium service list), C(cilium bpf lb list) with and without
      C(--revnat), and of its map of reverse sockets.
  returned: success
  type: str
  sample: |-
    ID   Frontend           Service Type   Backend
    9    10.10.252.131:80   ClusterIP      1 => 172.16.1.235:80 (active)
                                           2 => 172.16.2.253:80 (active)
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.services import info, report


def main() -> None:
    module = AnsibleModule(argument_spec={"name": {"type": "str"}}, supports_check_mode=True)

    def work() -> dict[str, object]:
        found = info.gather(module.params["name"])
        return {"changed": False, **found, "report": report.render(found)}

    runner.run(module, work)


if __name__ == "__main__":
    main()
