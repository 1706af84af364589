#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: bpf_map
short_description: Make, pin and fill eBPF maps
version_added: 1.0.0
description:
  - Makes eBPF maps, pins them and sets their entries, which the task gives as typed fields.
  - Entries go to the kernel thousands at a time, so one task for a whole table is the natural use.
  - A new map is filled before it gets its name; folders and pins are root's alone.
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.attributes.changes
requirements:
  - Linux 5.10 or newer
attributes:
  diff_mode:
    details: Shows each map and each entry that differs, in the fields of the task.
options:
  maps:
    description: The maps.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Where the map is pinned, on a bpffs. Its parts have no dots.
        type: path
        required: true
      name:
        description: Name that C(bpftool map) shows, at most 15 characters; without it the last part of O(maps[].path).
        type: str
      type:
        description: Type of the map.
        type: str
        choices: [hash, lru_hash, percpu_hash, lru_percpu_hash, lpm_trie, array, percpu_array, prog_array, queue]
        default: hash
      key:
        description:
          - Fields of a key in their order, with all padding named. Needed for V(state=present).
          - An C(lpm_trie) starts with a V(u32) for the length of the prefix in bits; bits behind the prefix
            are an error. An array has one V(u32), the index. A C(queue) has no keys.
        type: list
        elements: dict
        default: []
        suboptions: &field
          name: &name
            description: Name of the field; V(pad(n\)) needs none.
            type: str
          type: &type
            description:
              - V(u8), V(u16), V(u32), V(u64) in the byte order of the machine, V(be16), V(be32), V(be64) in
                that of the network.
              - V(mac), V(ipv4), V(ipv6), and V(ip16) for an address of either family in 16 bytes, where
                IPv4 a.b.c.d is C(::ffff:a.b.c.d).
              - V(bytes(n\)) for text with zero bytes after it, V(pad(n\)) for zero bytes.
            type: str
            required: true
      value:
        description:
          - Fields of a value as in O(maps[].key).
          - A C(prog_array) needs none; its entries have one field V(program), the path of a pinned program.
        type: list
        elements: dict
        default: []
        suboptions:
          name: *name
          type: *type
          keep:
            description:
              - Whether an entry that is there keeps what it has in this field, for one that the program
                writes, such as a counter. An entry may leave such a field out; a new one then starts with 0.
              - An entry with nothing but such fields is made where it is missing, and else left alone. Where
                another field of it changes, what the program writes at that moment is lost.
            type: bool
            default: false
      max_entries:
        description: How many entries there is room for. Needed for V(state=present).
        type: int
        default: 0
      flags:
        description: Flags of the kernel for the map. An C(lpm_trie) has V(no_prealloc) by itself.
        type: list
        elements: str
        choices: [no_prealloc, no_common_lru, rdonly, wronly, zero_seed, rdonly_prog, wronly_prog, mmapable]
        default: []
      entries:
        description:
          - Entries that shall be there, each with C(key) and C(value), dictionaries of the fields.
          - Of a per-CPU map every CPU gets the value. A C(queue) is filled by programs alone.
        type: list
        elements: dict
        default: []
      purge:
        description: Remove the entries that O(maps[].entries) does not list. An array has none to remove.
        type: bool
        default: false
      on_mismatch:
        description:
          - What to do with a pinned map of another type, sizes, room or flags.
          - V(migrate) makes a new map with the entries of the old one and puts it in its place in one
            step. Programs use the old one until they are loaded anew, which M(podnet.fabric.bpf_program)
            does by itself. What programs write to the old map meanwhile is lost.
          - V(grow) does the same and takes the old value for the first fields of O(maps[].value). That is
            right where a new version only ever adds fields at the end. A key of the old map that has the size of
            O(maps[].key) is taken for one, any other for O(maps[].old_key).
        type: str
        choices: [fail, migrate, grow]
        default: fail
      old_key:
        description:
          - The fields of the key in a map of another shape, where they are others. Fields keep their value by
            name; new ones are zero.
        type: list
        elements: dict
        default: []
        suboptions: *field
      old_value:
        description: As O(maps[].old_key), for the value.
        type: list
        elements: dict
        default: []
        suboptions: *field
      state:
        description: V(absent) removes the pin; the map goes when no program uses it.
        type: str
        choices: [present, absent]
        default: present
seealso:
  - module: podnet.fabric.bpf_program
  - module: podnet.fabric.bpf_map_info
"""

EXAMPLES = r"""
- name: Mount bpffs, where nothing mounts it at boot
  podnet.fabric.mounts:

- name: Networks that are not let in
  podnet.fabric.bpf_map:
    maps:
      - path: /sys/fs/bpf/mine/blocked
        type: lpm_trie
        key:
          - {name: prefixlen, type: u32}
          - {name: address, type: ipv4}
        value:
          - {name: reason, type: u32}
        max_entries: 10000
        purge: true
        entries:
          - key: {prefixlen: 24, address: 198.51.100.0}
            value: {reason: 1}

- name: Limits of clients, and counters that the program keeps
  podnet.fabric.bpf_map:
    maps:
      - path: /sys/fs/bpf/mine/clients
        key: [{name: client, type: ipv4}]
        value:
          - {name: limit, type: u64}
          - {name: packets, type: u64, keep: true}
        max_entries: 1024
        entries:
          - key: {client: 10.0.0.5}
            value: {limit: 1000}

- name: More room for what is there
  podnet.fabric.bpf_map:
    maps:
      - path: /sys/fs/bpf/mine/sessions
        type: lru_hash
        key: [{name: client, type: ip16}, {name: port, type: be16}, {type: pad(2)}]
        value: [{name: backend, type: u32}]
        max_entries: 65536
        on_mismatch: migrate
"""

RETURN = r"""
changes:
  description: What was changed, or in check mode would be, a line each.
  returned: success
  type: list
  elements: str
  sample: [create map /sys/fs/bpf/mine/blocked, change entries of map /sys/fs/bpf/mine/blocked]
left:
  description: What was not done, a line each, first what failed.
  returned: failure
  type: list
  elements: str
  sample: [change entries of map /sys/fs/bpf/mine/blocked]
maps:
  description: The maps that are present now.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: Where it is pinned.
      type: str
      sample: /sys/fs/bpf/mine/blocked
    id:
      description: Number in the kernel; null in check mode where it would be made.
      type: int
      sample: 87
"""

from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.specs.bpf_map import SPEC


def main() -> None:
    runner.main(SPEC)


if __name__ == "__main__":
    main()
