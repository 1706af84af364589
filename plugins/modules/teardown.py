#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: teardown
short_description: Take a pod network away from a host
version_added: 0.1.0
description:
  - Removes every endpoint, program, route, device and pin that carries this collection's names, and
    nothing else. It reads what is there and needs no plan.
  - Kernel settings and mounts are brought back by M(podnet.fabric.sysctls) and M(podnet.fabric.mounts);
    the role C(teardown) does all of it.
author: The podnet.fabric developers (@podnet)
attributes:
  check_mode:
    support: full
    description: Changes nothing and says what it would remove.
  diff_mode:
    support: full
    description: Shows each object that goes.
options: {}
seealso:
  - module: podnet.fabric.sysctls
  - module: podnet.fabric.mounts
"""

EXAMPLES = r"""
- name: Take the network away
  podnet.fabric.teardown:
"""

RETURN = r"""
changes:
  description: What was removed, or in check mode would be, a line each.
  returned: success
  type: list
  elements: str
  sample: [remove endpoint nginx-app-1, remove device pn_host]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.podnet.fabric.plugins.module_utils import teardown
from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner


def main() -> None:
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    runner.run(
        module,
        lambda: teardown.converge(check_mode=module.check_mode).result(),
        needs=("pyroute2",),
    )


if __name__ == "__main__":
    main()
