# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: report_page
short_description: Write a page about clusters to a file of the controller
version_added: 1.0.0
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
description:
  - Writes one HTML file where Ansible runs, as the user who runs it, with no connection and no C(become), whatever the
    inventory says of them. It needs no server, fetches nothing, and allows nothing but its own style and script.
  - It shows subnets, nodes and pods, who reaches whom, services with their backends, who may talk to whom, packets that were
    dropped by their reasons, and how full the maps are; each of them where somebody has said something of it.
  - What nodes said it takes from the variables of all hosts, as M(podnet.fabric.status_info) and
    M(podnet.fabric.health_info) were registered, C(podnet_status) and C(podnet_health).
  - The file is written in one step, for its owner alone. Its folder must be there.
options:
  path:
    description:
      - The file, absolute, or relative to the folder from which Ansible was started. Its name ends in C(.html) or C(.htm).
    type: path
    required: true
  clusters:
    description: RV(podnet.fabric.plan#module:clusters).
    type: dict
    default: {}
  plan:
    description:
      - The RV(podnet.fabric.plan#module:path) that M(podnet.fabric.plan) returned in this run, for the subnets of nodes and for
        policies. By default neither is shown.
    type: str
  scenarios:
    description: What a connectivity test came to.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The scenario.
        type: str
        required: true
      state:
        description: What became of it.
        type: str
        choices: [passed, failed, skipped]
        required: true
      seconds:
        description: How long it took.
        type: float
      reason:
        description: Why it failed, or was skipped.
        type: str
      actions:
        description: What was done, a list of C(name), C(ok), C(command), C(expected) and C(seen).
        type: list
        elements: dict
  flows:
    description:
      - Who talks to whom, those of RV(podnet.fabric.flows_info#module:flows) of all nodes, one list after the other.
    type: list
    elements: dict
    default: []
  state:
    description: V(writable) says only whether the file can be written, before all else is done for it.
    type: str
    choices: [written, writable]
    default: written
attributes:
  check_mode:
    support: none
    details: Writes the file in check mode, too. It changes no host.
  diff_mode:
    support: none
    details: It changes no host.
  platform:
    platforms: posix
    description: The controller, without root's rights.
"""

EXAMPLES = r"""
# On nodes to which the playbook podnet.fabric.site has brought the network.
- name: Keep a page about the cluster
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

    - name: Write the page
      podnet.fabric.report_page:
        path: cluster.html
        clusters: "{{ plan_result.clusters }}"
        plan: "{{ plan_result.path }}"
      run_once: true
"""

RETURN = r"""
path:
  description: The whole path of the file.
  returned: success
  type: str
  sample: /home/deploy/reports/cluster.html
"""
