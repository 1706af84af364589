# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: awx
short_description: Bring an AWX to the templates of the pod network
version_added: 1.0.0
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
description:
  - Makes, in an organization of an AWX, the project, the inventory with its source, the execution environment, the job
    templates with their surveys, and the workflow of them, over its REST API. See docs/awx.md for what each does.
  - Surveys are made from the argument specs of the roles.
  - Reads first, and sends what differs. Other objects, other fields, and credentials and workflow nodes of others stay
    as they are. Nothing is ever removed but a way from one of the workflow's own nodes to another.
  - Renders the same objects as files where O(state=rendered), and talks to nobody then.
options:
  state:
    description:
      - V(present) brings the controller to the objects.
      - V(rendered) returns them as RV(files), for tools of others.
    type: str
    choices: [present, rendered]
    default: present
  url:
    description:
      - Address of the controller, by default that of the environment's E(CONTROLLER_HOST), such as
        V(https://awx.example.com).
      - Where the API does not lie at C(/api/v2), the address with its path, such as
        V(https://aap.example.com/api/controller/v2).
    type: str
  token:
    description:
      - OAuth 2 token of a user who may change the organization, by default that of the environment's
        E(CONTROLLER_OAUTH_TOKEN). It is sent to this controller alone.
    type: str
  validate_certs:
    description: Whether the controller's certificate is checked.
    type: bool
    default: true
  timeout:
    description: How long an answer of the controller may take, seconds.
    type: int
    default: 30
  project_timeout:
    description: How long the controller may take to read the project's repository, seconds.
    type: int
    default: 300
  organization:
    description: The organization that holds all of it. It has to be there.
    type: str
    default: Default
  prefix:
    description:
      - First word of each object's name, and the whole name of project, inventory and execution environment. Another
        cluster on the same controller takes another one.
    type: str
    default: podnet
  project_url:
    description: Git repository of the project.
    type: str
    default: https://git.example.com/podnet.git
  project_branch:
    description: Branch of the project.
    type: str
    default: main
  back_branch:
    description: Branch or tag of the project with the last state that was good, which the workflow goes back to.
    type: str
    default: known-good
  inventory_path:
    description: Inventory file or script within the project.
    type: str
    default: inventory/hosts.yml
  image:
    description: Image of the execution environment.
    type: str
    default: registry.example.com/podnet:latest
  credential:
    description:
      - Machine credential of the organization that logs in to the nodes. It has to be there. Empty, templates have
        none.
    type: str
    default: podnet nodes
requirements:
  - PyYAML on the controller
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  platform:
    platforms: posix
    description: Where Ansible runs, without root's rights.
"""

EXAMPLES = r"""
- name: Bring the AWX to the templates of the pod network
  podnet.fabric.awx:
    url: https://awx.example.com
    token: "{{ lookup('ansible.builtin.env', 'CONTROLLER_OAUTH_TOKEN') }}"
    project_url: https://git.example.com/network.git
    image: registry.example.com/podnet:1.0.0

- name: Render the same for tools of others
  podnet.fabric.awx:
    state: rendered
  register: awx_files
"""

RETURN = r"""
changes:
  description: A line for each object that was made or changed.
  returned: O(state=present)
  type: list
  elements: str
  sample: [create project podnet, change job template podnet site]
files:
  description:
    - Texts of files, by their names. C(controller.yml) has variables of the collection C(infra.aap_configuration),
      C(assets.json) is what C(awx import) reads, and the others are the playbooks of the project.
  returned: O(state=rendered)
  type: dict
  sample: {controller.yml: "---\ncontroller_execution_environments: []\n", assets.json: "{}\n"}
"""
