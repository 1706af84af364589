#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: bpf_program_info
short_description: Read which eBPF programs are attached and pinned
version_added: 1.0.0
description:
  - Reads from the kernel which programs are attached to devices and cgroups, in the order in which they
    run, and which are pinned; those of others too.
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.attributes.reads
  - podnet.fabric.netns
requirements:
  - pyroute2 for clsact filters and for XDP
options:
  devices:
    description: Devices to look at; without it all of O(netns).
    type: list
    elements: str
  cgroups:
    description: Folders of cgroups to look at; without it the root of cgroup2.
    type: list
    elements: path
  pins:
    description:
      - Pins to look at, or folders of them.
      - Of tracepoints and functions of the kernel those are shown whose links M(podnet.fabric.bpf_program)
        has pinned there.
    type: list
    elements: path
    default: [/sys/fs/bpf/podnet]
seealso:
  - module: podnet.fabric.bpf_program
"""

EXAMPLES = r"""
- name: What runs on eth0
  podnet.fabric.bpf_program_info:
    devices: [eth0]
    cgroups: []
  register: found
"""

RETURN = r"""
programs:
  description: Each program once, by its number.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Number in the kernel.
      type: int
      sample: 214
    name:
      description: Name in the kernel, the first 15 characters of the function's.
      type: str
      sample: from_container
    type:
      description: Type of the program.
      type: str
      sample: sched_cls
    tag:
      description: Hash of its instructions.
      type: str
      sample: 266855e6679ea8f9
    digest:
      description: Hash of what M(podnet.fabric.bpf_program) made it of; null for a program of others.
      type: str
      sample: 6580e9a63713897892c5f443e5a1cf5921109b633602b6aa4d325567bef4847b
    maps:
      description: Maps that it uses.
      type: list
      elements: dict
      sample: [{id: 91, name: endpoints, type: hash}]
    pins:
      description: Where it is pinned.
      type: list
      elements: str
      sample: [/sys/fs/bpf/podnet/programs/from_container]
    attached:
      description: Where it is attached; a link has a number, a filter of clsact has none.
      type: list
      elements: dict
      sample: [{hook: tc_ingress, device: pn_0123456789ab, mechanism: tcx, link_id: 17}]
    runs:
      description: How often it has run, counted while C(kernel.bpf_stats_enabled) is 1.
      type: int
      sample: 0
    run_ns:
      description: Nanoseconds that these runs took together.
      type: int
      sample: 0
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.podnet.fabric.plugins.module_utils import names
from ansible_collections.podnet.fabric.plugins.module_utils.ebpf import bpf_program_info
from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "devices": {"type": "list", "elements": "str"},
            "cgroups": {"type": "list", "elements": "path"},
            "pins": {"type": "list", "elements": "path", "default": [names.PIN_ROOT]},
            "netns": {"type": "str"},
        },
        supports_check_mode=True,
    )
    given = module.params
    runner.run(
        module,
        lambda: {
            "programs": bpf_program_info.gather(
                given["devices"], given["cgroups"], given["pins"], given["netns"]
            )
        },
        needs=("pyroute2",),
    )


if __name__ == "__main__":
    main()
