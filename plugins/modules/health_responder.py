#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: health_responder
short_description: Answer HTTP for the length of a health probe
version_added: 1.0.0
description:
  - Starts one process that answers HTTP at the given addresses, each in its namespace, and ends by
    itself after O(lifetime). It changes nothing of the network, and reports no change.
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
attributes:
  check_mode:
    support: full
    details: It starts and stops in check mode, too; no configuration is touched.
  diff_mode:
    support: none
    details: There is nothing to show.
options:
  places:
    description: Where it listens; required for O(state=started).
    type: list
    elements: dict
    default: []
    suboptions:
      address:
        description: The address.
        type: str
        required: true
      netns:
        description: Namespace of the address, as a name of C(ip netns); by default the node's own.
        type: str
  port:
    description: The port.
    type: int
    default: 4240
  lifetime:
    description: After how many seconds it ends by itself.
    type: int
    default: 120
  state:
    description: Whether it shall run.
    type: str
    choices: [started, stopped]
    default: started
"""

EXAMPLES = r"""
- name: Make a pod
  podnet.fabric.netns:
    names: [pod]

- name: Give the pod an address
  podnet.fabric.veth:
    veths: [{name: pn_pod, peer: {name: eth0, netns: pod, addresses: [10.111.160.125/32]}}]

- name: Start the responders, at the node and in the pod
  podnet.fabric.health_responder:
    places:
      - address: "{{ ansible_host }}"
      - address: 10.111.160.125
        netns: pod

- name: Stop them
  podnet.fabric.health_responder:
    state: stopped
"""

RETURN = r"""
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.node import health

PLACE = {"address": {"type": "str", "required": True}, "netns": {"type": "str"}}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "places": {"type": "list", "elements": "dict", "default": [], "options": PLACE},
            "port": {"type": "int", "default": 4240},
            "lifetime": {"type": "int", "default": 120},
            "state": {"type": "str", "choices": ["started", "stopped"], "default": "started"},
        },
        supports_check_mode=True,
    )
    given = module.params

    def work() -> dict[str, object]:
        if given["state"] == "stopped":
            health.stop_responder()
        else:
            health.start_responder(given["places"], port=given["port"], lifetime=given["lifetime"])
        return {"changed": False}

    runner.run(module, work)


if __name__ == "__main__":
    main()
