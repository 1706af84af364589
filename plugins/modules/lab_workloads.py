#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: lab_workloads
short_description: Run containers in the pods of a lab node
version_added: 1.0.0
description:
  - Keeps the containers of each pod of the node that this runs on running, a command each. It is a
    stand-in for a container runtime, for labs.
  - Containers of one pod share its network namespace and its host name. Each is in a cgroup2 folder
    of its own, C(podnet-pods/POD/CONTAINER), with C(/run), C(/var/log) and C(/sys) of its own.
    Everything else of the file system is the node's.
  - A container runs where a process lives in its folder. One that died, was started differently, or
    is in a pod that was made anew since, is started again; the pod's network and its other
    containers are left alone.
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.attributes.changes
requirements:
  - root and cgroup2
options:
  workloads:
    description: What shall run, and where.
    type: list
    elements: dict
    required: true
    suboptions:
      pod:
        description: The pod, which is a network namespace that C(ip netns) shows.
        type: str
        required: true
      containers:
        description:
          - What runs in the pod. What else runs there is ended.
          - Either this or O(workloads[].command) is required with O(workloads[].state=present).
        type: list
        elements: dict
        suboptions:
          name:
            description: The container; each name stands once in a pod.
            type: str
            required: true
          command:
            description:
              - The program and its arguments. No shell reads them.
              - It must stay in the foreground or leave a process behind.
            type: list
            elements: str
            required: true
      command:
        description: The command of the pod's only container, which is named like the pod.
        type: list
        elements: str
      state:
        description: Whether anything runs in the pod.
        type: str
        choices: [present, absent]
        default: present
  purge:
    description: End what runs in pods that are not listed.
    type: bool
    default: false
notes:
  - What a command prints is in C(/run/podnet-pods/POD/CONTAINER.log) on the node.
seealso:
  - module: podnet.fabric.lab
"""

EXAMPLES = r"""
- name: Make three pods
  podnet.fabric.netns:
    names: [app-1, app-2, web]

- name: Write what a web server serves
  ansible.builtin.copy:
    dest: /run/index.html
    mode: "0644"
    content: "here I am\n"

- name: Run a web server in each of two pods, and nothing elsewhere
  podnet.fabric.lab_workloads:
    workloads:
      - pod: app-1
        command: [python3, -m, http.server, --directory, /run, "80"]
      - pod: app-2
        command: [python3, -m, http.server, --directory, /run, "80"]
    purge: true

- name: Run a web server, and beside it what watches it through localhost
  podnet.fabric.lab_workloads:
    workloads:
      - pod: web
        containers:
          - name: server
            command: [python3, -m, http.server, --directory, /run, "80"]
          - name: watch
            command: [sh, -c, "while sleep 1; do curl --silent http://localhost:80; done"]
"""

RETURN = r"""
changes:
  description: What was done, or in check mode would be, a line each.
  returned: success
  type: list
  elements: str
  sample: [create workload nginx-app-1/nginx-app, remove workload web/watch]
log:
  description: What the command printed.
  returned: when a command ended at once
  type: str
  sample: 'nginx: [emerg] open() "/etc/nginx/pod.conf" failed (2: No such file or directory)'
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.lab import workloads

CONTAINER = {
    "name": {"type": "str", "required": True},
    "command": {"type": "list", "elements": "str", "required": True},
}
WORKLOAD = {
    "pod": {"type": "str", "required": True},
    "containers": {"type": "list", "elements": "dict", "options": CONTAINER},
    "command": {"type": "list", "elements": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "workloads": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": WORKLOAD,
                "required_if": [("state", "present", ("command", "containers"), True)],
                "mutually_exclusive": [("command", "containers")],
            },
            "purge": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    runner.run(
        module,
        lambda: workloads.converge(
            module.params["workloads"],
            purge=module.params["purge"],
            check_mode=module.check_mode,
        ),
    )


if __name__ == "__main__":
    main()
