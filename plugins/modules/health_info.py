#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: health_info
short_description: Probe nodes and an endpoint on each, by ICMP and HTTP
version_added: 1.0.0
description:
  - Sends one ping and one HTTP request to each address, many at a time, and measures how long each
    takes. HTTP is answered by M(podnet.fabric.health_responder).
  - An address that does not answer is no error of the module; RV(unreached) names it.
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.attributes.reads
options:
  targets:
    description: The nodes.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the node.
        type: str
        required: true
      host:
        description: Its own address.
        type: str
      endpoint:
        description: Address of its health endpoint.
        type: str
      local:
        description: Whether it is the node that probes.
        type: bool
        default: false
  port:
    description: Port of the responders.
    type: int
    default: 4240
  timeout:
    description: How long an answer may take, seconds.
    type: int
    default: 3
"""

EXAMPLES = r"""
- name: Start a responder, for this example at the node itself
  podnet.fabric.health_responder:
    places: [{address: "{{ ansible_host }}"}]

- name: Probe two nodes
  podnet.fabric.health_info:
    targets:
      - {name: this-node, host: "{{ ansible_host }}", local: true}
      - name: node-63344
        host: 10.111.0.9
        endpoint: 10.111.160.253
    timeout: 1
  register: found

- name: Stop the responder
  podnet.fabric.health_responder:
    state: stopped

- name: Show the probes
  ansible.builtin.debug:
    msg: "{{ found.report }}"
"""

RETURN = r"""
nodes:
  description: The targets with the outcome of each probe; C(rtt) in seconds.
  returned: success
  type: list
  elements: dict
  sample:
    - name: node-63344
      host:
        address: 10.111.0.9
        icmp: {ok: true, rtt: 0.000306}
        http: {ok: true, rtt: 0.000706}
unreached:
  description: Names of the nodes of which a probe did not come back.
  returned: success
  type: list
  elements: str
  sample: []
report:
  description: The same as people read it, in the words of C(cilium-health status).
  returned: success
  type: str
  sample: "Probe time:   2026-11-20T07:11:57Z"
"""

from datetime import datetime, timezone

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.node import health

TARGET = {
    "name": {"type": "str", "required": True},
    "host": {"type": "str"},
    "endpoint": {"type": "str"},
    "local": {"type": "bool", "default": False},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "targets": {"type": "list", "elements": "dict", "required": True, "options": TARGET},
            "port": {"type": "int", "default": 4240},
            "timeout": {"type": "int", "default": 3},
        },
        supports_check_mode=True,
    )
    given = module.params

    def work() -> dict[str, object]:
        when = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        nodes = health.probe(given["targets"], port=given["port"], timeout=given["timeout"])
        return {
            "changed": False,
            "nodes": nodes,
            "unreached": [node["name"] for node in nodes if not health.reachable(node)],
            "report": health.render(nodes, when),
        }

    runner.run(module, work)


if __name__ == "__main__":
    main()
