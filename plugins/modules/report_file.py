# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: report_file
short_description: Write a report to a file of the controller
version_added: 1.0.0
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
description:
  - Writes data as JSON, or a text, where Ansible runs, as the user who runs it, with no connection and no C(become), whatever the inventory
    says of them.
  - The file is written in one step, for its owner alone. Its folder must be there.
options:
  report:
    description: The data. This or O(text) is needed.
    type: dict
  text:
    description: A text to write as it is, such as a report in the XML of JUnit.
    type: str
  path:
    description: The file, absolute, or relative to the folder from which Ansible was started.
    type: path
    required: true
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
- name: Keep the status of all nodes in a file
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

    - name: Keep the reports of all nodes
      podnet.fabric.report_file:
        report: "{{ dict(ansible_play_hosts | zip(ansible_play_hosts | map('extract', hostvars, ['podnet_status', 'status']))) }}"
        path: status.json
      run_once: true
"""

RETURN = r"""
path:
  description: The whole path of the file.
  returned: success
  type: str
  sample: /home/deploy/reports/status.json
"""
