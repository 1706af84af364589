#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: bpf_map_info
short_description: Read pinned eBPF maps
version_added: 1.0.0
description:
  - Reads shape and use of pinned maps, and their entries where the task describes their fields.
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.attributes.reads
options:
  maps:
    description: The maps; without it all that are pinned below C(/sys/fs/bpf/podnet/maps).
    type: list
    elements: dict
    suboptions:
      path:
        description: Pin of a map, or a folder of pins. What is not there is left out.
        type: path
        required: true
      key:
        description: Fields of a key, as in M(podnet.fabric.bpf_map).
        type: list
        elements: dict
        default: []
        suboptions: &field
          name:
            description: Name of the field.
            type: str
          type:
            description: Type of the field.
            type: str
            required: true
      value:
        description: Fields of a value.
        type: list
        elements: dict
        default: []
        suboptions: *field
seealso:
  - module: podnet.fabric.bpf_map
"""

EXAMPLES = r"""
- name: How full the maps are
  podnet.fabric.bpf_map_info:
  register: found

- name: Who is blocked
  podnet.fabric.bpf_map_info:
    maps:
      - path: /sys/fs/bpf/mine/blocked
        key: [{name: prefixlen, type: u32}, {name: address, type: ipv4}]
        value: [{name: reason, type: u32}]
"""

RETURN = r"""
maps:
  description: The maps that are there.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: Where it is pinned.
      type: str
      sample: /sys/fs/bpf/mine/blocked
    id:
      description: Number in the kernel.
      type: int
      sample: 87
    name:
      description: Name in the kernel.
      type: str
      sample: blocked
    type:
      description: Type of the map.
      type: str
      sample: lpm_trie
    key_size:
      description: Bytes of a key.
      type: int
      sample: 8
    value_size:
      description: Bytes of a value.
      type: int
      sample: 4
    max_entries:
      description: How many entries there is room for.
      type: int
      sample: 10000
    flags:
      description: Flags of the map.
      type: list
      elements: str
      sample: [no_prealloc]
    used:
      description: How many entries there are; of an array always as many as there is room for.
      type: int
      sample: 1
    entries:
      description:
        - The entries in the fields of the task. Where the CPUs of a per-CPU map differ, the value is a
          list with one for each CPU.
      returned: when the fields are given
      type: list
      elements: dict
      sample: [{key: {prefixlen: 24, address: 198.51.100.0}, value: {reason: 1}}]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.podnet.fabric.plugins.module_utils import names
from ansible_collections.podnet.fabric.plugins.module_utils.ebpf import bpf_map_info
from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner

_FIELDS = {
    "type": "list",
    "elements": "dict",
    "default": [],
    "options": {"name": {"type": "str"}, "type": {"type": "str", "required": True}},
}
_ALL = {"path": names.MAP_PINS, "key": [], "value": []}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "maps": {
                "type": "list",
                "elements": "dict",
                "options": {
                    "path": {"type": "path", "required": True},
                    "key": {**_FIELDS, "no_log": False},
                    "value": _FIELDS,
                },
            }
        },
        supports_check_mode=True,
    )
    items = [_ALL] if module.params["maps"] is None else module.params["maps"]
    runner.run(module, lambda: {"maps": bpf_map_info.gather(items)})


if __name__ == "__main__":
    main()
