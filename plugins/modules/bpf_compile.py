#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: bpf_compile
short_description: Compile eBPF programs for other hosts of the run
version_added: 1.0.0
description:
  - Compiles C with BCC, and keeps what was made for the length of the run where Ansible runs. Hosts of the
    same machine type on which M(podnet.fabric.bpf_program) then needs it load it, and need no compiler.
  - The same sources with the same flags are compiled once a run for each machine type. Of several hosts that
    ask at once, with C(delegate_to), one compiles, and the others wait for it.
  - It changes nothing on the host.
  - Who loads an object trusts the host that compiled it. The kernel's verifier refuses what would harm the
    kernel, not what leads packets elsewhere. Delegate the task to a host that you trust as you trust the one
    that Ansible runs on, such as C(localhost).
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
requirements:
  - bcc (Debian C(python3-bpfcc), Fedora C(python3-bcc)) and the C library's kernel headers (Debian
    C(linux-libc-dev), Fedora C(kernel-headers))
attributes:
  check_mode:
    support: full
    details: Compiles nothing.
  diff_mode:
    support: none
    details: It changes nothing.
options:
  programs:
    description:
      - The programs, as M(podnet.fabric.bpf_program) takes them; what is of no matter to the compiler is
        passed over. Programs that make maps of their own, in BCC's dialect, cannot be handed on.
      - One of O(programs) and O(path) is needed.
    type: list
    elements: dict
  path:
    description:
      - In place of O(programs), the RV(podnet.fabric.plan#module:path) that M(podnet.fabric.plan) returned in this run.
        The programs are those of the node for which the task runs, wherever it is delegated to.
    type: str
  lacks:
    description:
      - What a host lacks, as RV(podnet.fabric.bpf_program#module:lacks) says. Other programs are passed over, and a
        host of another machine type refuses.
      - Without it all programs are compiled, for the machine type of the host that compiles, though they may have
        been compiled already.
    type: dict
    suboptions:
      machine:
        description: Machine type.
        type: str
        required: true
      compiler:
        description: Passed over.
        type: bool
      programs:
        description: Program to the key of its object.
        type: dict
        required: true
  _machine:
    description: The machine type that is lacked, or nothing. The action plugin fills it in.
    type: str
  _sources:
    description: What the controller has read. The action plugin fills it in.
    type: dict
seealso:
  - module: podnet.fabric.bpf_program
"""

EXAMPLES = r"""
- name: Mount bpffs, where nothing mounts it at boot
  podnet.fabric.mounts:

- name: Attach a program that may have been compiled for others
  podnet.fabric.bpf_program: &gate
    programs: &programs
      - name: gate
        source: |
          int gate(struct __sk_buff *skb)
          {
              return skb->vlan_present ? 2 : -1; /* drop what has a tag; else the next program decides */
          }
        attach: [{hook: tc_ingress, device: eth0}]
    compile: false
  register: gate

- name: Compile it once, where a compiler is
  podnet.fabric.bpf_compile:
    programs: *programs
    lacks: "{{ gate.lacks }}"
  delegate_to: localhost
  when: gate.lacks is defined

- name: Attach the program
  podnet.fabric.bpf_program: *gate
  when: gate.lacks is defined
"""

RETURN = r"""
machine:
  description: Machine type for which it was compiled.
  returned: success, unless in check mode
  type: str
  sample: x86_64
host:
  description: The host that compiled, by its name in the inventory.
  returned: where something was compiled
  type: str
  sample: node-1
compiled:
  description: Programs that this task compiled; none where they had been compiled in this run.
  returned: success
  type: list
  elements: str
  sample: [gate]
keys:
  description: Program to the key of its object, a hash of sources, flags and machine type.
  returned: success, unless in check mode
  type: dict
  sample: {gate: 9f2b7c5d0a9f6a0d6ef8f7b4f3a9f0c2fd0b2c4f7e5a9d3c1b0a8f7e6d5c4b3a}
log:
  description: Output of the compiler.
  returned: when a program is refused
  type: list
  elements: str
  sample: ["gate.c:3:14: error: no member named 'port' in 'struct bpf_sock_addr'"]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.podnet.fabric.plugins.module_utils.ebpf import bpf_compile
from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **bpf_compile.ARGUMENTS,
            "_machine": {"type": "str"},
            "_sources": {"type": "dict"},
        },
        **bpf_compile.RULES,
        supports_check_mode=True,
        no_log=True,  # the journal is no place for sources
    )
    given = module.params
    runner.run(
        module,
        lambda: bpf_compile.make(given["programs"], given["_machine"], given["_sources"]),
        needs=("bcc",),
    )


if __name__ == "__main__":
    main()
