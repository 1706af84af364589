#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: bpf_program
short_description: Compile, load, pin and attach eBPF programs
version_added: 1.0.0
description:
  - Compiles C with BCC on the node, loads it, pins the program and attaches it to network devices,
    cgroups, tracepoints or functions of the kernel. Headers of the running kernel are not needed.
  - Loads what clang has compiled (O(programs[].object)), and C in the dialect of libbpf
    (O(programs[].dialect)), by libbpf.
  - What M(podnet.fabric.bpf_compile) has compiled in the same run for the node's machine type is only loaded,
    by a node that needs no compiler.
  - The sources stay on the controller and travel with the task where the node has to compile.
  - A program carries the hash of its sources, flags, maps and kernel with it in the kernel. As long as
    it is the same nothing is compiled and nothing changes, and no file says so but the kernel.
  - A new version replaces the old one in one step wherever the old one is attached, also by others.
    Every source of the task is compiled and accepted by the verifier before anything is touched. After
    an error the old programs run as before.
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.attributes.changes
  - podnet.fabric.netns
requirements:
  - Linux 5.10 or newer; for tcx 6.6 or newer; for V(tracepoint) 5.15 or newer, and a mounted tracefs
  - a kernel with BTF for V(tp_btf), V(fentry) and V(fexit)
  - bcc (Debian C(python3-bpfcc), Fedora C(python3-bcc)) and the C library's kernel headers (Debian
    C(linux-libc-dev), Fedora C(kernel-headers)), on hosts that compile
  - libbpf 1 (Debian C(libbpf1), Fedora C(libbpf)) for O(programs[].object) and O(programs[].dialect=libbpf);
    for the latter clang, bpftool and libbpf's headers (Debian C(libbpf-dev), Fedora C(libbpf-devel)), too
  - pyroute2, where clsact is used
attributes:
  check_mode:
    details: Compares hashes and compiles nothing. An error of the compiler shows in the real run alone.
  diff_mode:
    details: Shows each program and each attachment that differs.
options:
  programs:
    description: The programs.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the program, for people and as the last part of O(programs[].pin).
        type: str
        required: true
      src:
        description:
          - C file on the controller, absolute or in the C(files) folder of the role or playbook, or
            else in the C(bpf) folder of this collection.
          - The headers that it includes with quotes are found and sent with it.
          - One of O(programs[].src), O(programs[].source) and O(programs[].object) is needed for V(state=present).
        type: path
      source:
        description: The C itself.
        type: str
      object:
        description:
          - Compiled object on the controller, found as O(programs[].src) is; what C(clang -target bpf -g -O2 -c)
            makes of C with libbpf's C(SEC(\)).
          - It travels with the task and is loaded by libbpf, which fits it to the running kernel (CO-RE). Global
            variables and functions that are not inlined work.
        type: path
        version_added: 1.0.0
      remote_src:
        description:
          - Whether O(programs[].object) lies on the node, at an absolute path. It and all folders above it must be
            root's, who alone may write to them.
        type: bool
        default: false
        version_added: 1.0.0
      dialect:
        description:
          - Whose C O(programs[].src) or O(programs[].source) is. V(bcc) is BCC's, V(libbpf) that of C(bpf_helpers.h),
            C(SEC(\)) and C(SEC(".maps"\)).
          - With V(libbpf) each node compiles it with clang. C(vmlinux.h) is made of the node's own BTF where the
            sources bring none.
        type: str
        choices: [bcc, libbpf]
        default: bcc
        version_added: 1.0.0
      include:
        description:
          - Folders on the controller, absolute or relative to the folder of O(programs[].src), in which
            C(#include) looks. All their headers are sent.
        type: list
        elements: str
        default: []
      function:
        description: Function in the C; without it O(programs[].name).
        type: str
      type:
        description: Type of the program; without it that of the hooks in O(programs[].attach).
        type: str
        choices:
          - cgroup_device
          - cgroup_skb
          - cgroup_sock
          - cgroup_sock_addr
          - cgroup_sockopt
          - cgroup_sysctl
          - raw_tracepoint
          - sched_act
          - sched_cls
          - sock_ops
          - socket_filter
          - tracepoint
          - tracing
          - xdp
      cflags:
        description: Flags for clang, such as V(-Werror).
        type: list
        elements: str
        default: []
      defines:
        description: Macros for the C; an empty value defines the name alone.
        type: dict
        default: {}
      maps:
        description:
          - Name in the C to path of a pinned map.
          - A map that the C makes itself, with C(BPF_HASH) of BCC or C(SEC(".maps"\)) of libbpf, is pinned there.
            Where a map of the same shape is pinned there already, the program uses that one. So a new version
            goes on with the map of the old one, and M(podnet.fabric.bpf_map) fills and removes it.
          - Global variables of a compiled object are the maps V(.data) and V(.bss).
          - The C refers to any other map as C((void *\)bpf_pseudo_fd(1, PN_FD_NAME\)), in the dialect V(bcc) alone.
        type: dict
        default: {}
      pin:
        description: Where the program is pinned; without it below C(/sys/fs/bpf/podnet/programs).
        type: path
      link_pins:
        description:
          - Folder in which the links are pinned; without it C(/sys/fs/bpf/podnet/links).
          - A hook of a device has one program a folder. Give programs of your own a folder of their own,
            and they run beside those of this collection's roles.
        type: path
      attach:
        description: Where it is attached. What is not listed is left as it is.
        type: list
        elements: dict
        default: []
        suboptions:
          hook:
            description:
              - The hook.
              - V(tp_btf), V(fentry) and V(fexit) are for O(programs[].object) and O(programs[].dialect=libbpf).
                A program is loaded for one of their targets.
            type: str
            required: true
            choices:
              - tc_ingress
              - tc_egress
              - xdp
              - xdp_generic
              - xdp_native
              - cgroup_ingress
              - cgroup_egress
              - cgroup_sock_create
              - cgroup_sock_release
              - cgroup_post_bind4
              - cgroup_post_bind6
              - cgroup_bind4
              - cgroup_bind6
              - cgroup_connect4
              - cgroup_connect6
              - cgroup_sendmsg4
              - cgroup_sendmsg6
              - cgroup_recvmsg4
              - cgroup_recvmsg6
              - cgroup_getpeername4
              - cgroup_getpeername6
              - cgroup_getsockname4
              - cgroup_getsockname6
              - cgroup_getsockopt
              - cgroup_setsockopt
              - cgroup_sock_ops
              - cgroup_device
              - cgroup_sysctl
              - tracepoint
              - raw_tracepoint
              - tp_btf
              - fentry
              - fexit
          device:
            description: Device of a C(tc) or C(xdp) hook.
            type: str
          devices:
            description: More devices.
            type: list
            elements: str
            default: []
          cgroup:
            description: Folder of the cgroup; without it the root of cgroup2, wherever it is mounted.
            type: path
          tracepoint:
            description:
              - Tracepoint, for V(tracepoint) as C(category:name) such as V(sched:sched_process_exec), for
                V(raw_tracepoint) and V(tp_btf) as name such as V(sched_process_exec).
            type: str
            version_added: 1.0.0
          kernel_function:
            description: Function of the kernel, whose start is V(fentry) and whose return V(fexit).
            type: str
            version_added: 1.0.0
          netns:
            description: Network namespace of the devices; without it O(netns).
            type: str
          state:
            description: Whether it is attached there.
            type: str
            choices: [present, absent]
            default: present
      state:
        description: V(absent) detaches the program everywhere and removes its pin.
        type: str
        choices: [present, absent]
        default: present
  compile:
    description:
      - Whether this host compiles what M(podnet.fabric.bpf_compile) has not compiled for it in the same run.
      - With V(false) it needs no compiler. A program that cannot be loaded then is listed in RV(lacks), and
        nothing is changed.
    type: bool
    default: true
    version_added: 1.0.0
  attach_mode:
    description:
      - How C(tc) hooks are attached. V(tcx) needs Linux 6.6, V(clsact) works on every kernel, and V(auto)
        is V(tcx) where the kernel has it.
      - A change of it moves programs without a gap. The kernel itself, though, stops the queues of a device
        for some milliseconds while a clsact qdisc comes or goes, and drops what it would send meanwhile.
    type: str
    choices: [auto, tcx, clsact]
    default: auto
  _sources:
    description: What the controller has read. The action plugin fills it in.
    type: dict
seealso:
  - module: podnet.fabric.bpf_compile
  - module: podnet.fabric.bpf_map
  - module: podnet.fabric.bpf_program_info
"""

EXAMPLES = r"""
- name: Mount bpffs, where nothing mounts it at boot
  podnet.fabric.mounts:

- name: Count what comes in, with a program of your own
  podnet.fabric.bpf_program:
    programs:
      - name: count_ipv6
        source: |
          #include <uapi/linux/if_ether.h>
          BPF_ARRAY(packets, u64, 1);
          int count_ipv6(struct __sk_buff *skb)
          {
              if (skb->protocol == bpf_htons(ETH_P_IPV6))
                  packets.increment(0);
              return -1; /* the next program decides */
          }
        maps:
          packets: /sys/fs/bpf/mine/packets
        pin: /sys/fs/bpf/mine/count_ipv6
        link_pins: /sys/fs/bpf/mine/links
        attach:
          - hook: tc_ingress
            device: eth0

- name: Count what goes out in a global variable, in libbpf's C
  podnet.fabric.bpf_program:
    programs:
      - name: count_bytes
        dialect: libbpf
        source: |
          #include <linux/bpf.h>
          #include <bpf/bpf_helpers.h>
          __u64 bytes;
          SEC("tc")
          int count_bytes(struct __sk_buff *skb)
          {
              __sync_fetch_and_add(&bytes, skb->len);
              return -1; /* the next program decides */
          }
          char LICENSE[] SEC("license") = "GPL";
        maps:
          .bss: /sys/fs/bpf/mine/bytes
        pin: /sys/fs/bpf/mine/count_bytes
        link_pins: /sys/fs/bpf/mine/links
        attach:
          - hook: tc_egress
            device: eth0

- name: See which processes start programs
  podnet.fabric.bpf_program:
    programs:
      - name: started
        source: |
          BPF_HASH(seen, u32, u64);
          int started(void *ctx)
          {
              seen.increment(bpf_get_current_pid_tgid() >> 32);
              return 0;
          }
        maps:
          seen: /sys/fs/bpf/mine/started
        link_pins: /sys/fs/bpf/mine/links
        attach:
          - hook: raw_tracepoint
            tracepoint: sched_process_exec

- name: Write a program for clang, to a file beside the playbook
  ansible.builtin.copy:
    dest: "{{ playbook_dir }}/firewall.bpf.c"
    mode: "0644"
    content: |
      #include <linux/bpf.h>
      #include <bpf/bpf_helpers.h>

      struct {
          __uint(type, BPF_MAP_TYPE_HASH);
          __uint(max_entries, 1024);
          __type(key, __u32);
          __type(value, __u32);
      } blocked SEC(".maps");
      __u64 passed;

      SEC("xdp") int firewall(struct xdp_md *packet)
      {
          __u32 queue = packet->rx_queue_index;
          if (bpf_map_lookup_elem(&blocked, &queue))
              return XDP_DROP;
          __sync_fetch_and_add(&passed, 1);
          return XDP_PASS;
      }

      char LICENSE[] SEC("license") = "GPL";
  delegate_to: localhost

- name: Compile it
  ansible.builtin.command: # the folder of <asm/types.h> is that of Debian for x86-64
    cmd: clang -target bpf -g -O2 -idirafter /usr/include/x86_64-linux-gnu -c firewall.bpf.c -o firewall.o
    chdir: "{{ playbook_dir }}"
  delegate_to: localhost
  changed_when: false

- name: A program that clang has compiled, and its maps
  podnet.fabric.bpf_program:
    programs:
      - name: firewall
        object: firewall.o
        maps:
          blocked: /sys/fs/bpf/mine/blocked_queues
          .bss: /sys/fs/bpf/mine/firewall_counters
        pin: /sys/fs/bpf/mine/firewall
        link_pins: /sys/fs/bpf/mine/links
        attach:
          - hook: xdp
            device: eth0

- name: Make a map that the next program shares with others
  podnet.fabric.bpf_map:
    maps:
      - path: /sys/fs/bpf/mine/blocked
        key: [{name: address, type: ipv4}]
        value: [{name: reason, type: u32}]
        max_entries: 1024

- name: Write the source of a program, to a file beside the playbook
  ansible.builtin.copy:
    dest: "{{ playbook_dir }}/blocked.c"
    mode: "0644"
    content: |
      static void *(*const lookup)(void *map, const void *key) = (void *)BPF_FUNC_map_lookup_elem;
      int blocked(struct __sk_buff *skb)
      {
          __u32 source;
          if (bpf_skb_load_bytes(skb, 14 + 12, &source, sizeof(source)))
              return -1;
          return lookup((void *)bpf_pseudo_fd(1, PN_FD_blocked), &source) ? 2 : -1; /* drop; next */
      }
  delegate_to: localhost

- name: Drop what comes from listed addresses, warnings are errors
  podnet.fabric.bpf_program:
    programs:
      - name: blocked
        src: blocked.c
        cflags: [-Wall, -Wextra, -Werror]
        maps:
          blocked: /sys/fs/bpf/mine/blocked
        link_pins: /sys/fs/bpf/mine/blocked_links
        attach:
          - hook: tc_ingress
            devices: [eth0, lo]

- name: No process may connect to port 25
  podnet.fabric.bpf_program:
    programs:
      - name: no_mail
        source: |
          int no_mail(struct bpf_sock_addr *ctx)
          {
              return ctx->user_port != bpf_htons(25);
          }
        attach:
          - hook: cgroup_connect4
"""

RETURN = r"""
changes:
  description: What was changed, or in check mode would be, a line each.
  returned: success
  type: list
  elements: str
  sample: [create program no_mail at cgroup_connect4 of /sys/fs/cgroup, create program no_mail]
programs:
  description: The programs that are present now.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name as given.
      type: str
      sample: no_mail
    pin:
      description: Where it is pinned.
      type: str
      sample: /sys/fs/bpf/podnet/programs/no_mail
    id:
      description: Number in the kernel; null in check mode where it would be loaded.
      type: int
      sample: 214
    tag:
      description: Hash of its instructions, as C(bpftool prog) shows it.
      type: str
      sample: 266855e6679ea8f9
    digest:
      description: Hash of all that it was made of.
      type: str
      sample: 6580e9a63713897892c5f443e5a1cf5921109b633602b6aa4d325567bef4847b
    attached:
      description: Where the task attached it.
      type: list
      elements: str
      sample: [cgroup_connect4 of /sys/fs/cgroup]
lacks:
  description: What must be compiled first; nothing was changed.
  returned: with O(compile=false), when something must be
  type: dict
  contains:
    machine:
      description: Machine type of the host, as C(uname -m) has it.
      type: str
      sample: x86_64
    compiler:
      description: Whether the host could compile it.
      type: bool
      sample: false
    programs:
      description: Program to the key of the object that it needs, a hash of sources, flags and machine type.
      type: dict
      sample: {no_mail: 9f2b7c5d0a9f6a0d6ef8f7b4f3a9f0c2fd0b2c4f7e5a9d3c1b0a8f7e6d5c4b3a}
log:
  description: Output of the compiler or the verifier.
  returned: when a program is refused
  type: list
  elements: str
  sample: ["no_mail.c:3:14: error: no member named 'port' in 'struct bpf_sock_addr'"]
"""

from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.specs.bpf_program import SPEC


def main() -> None:
    runner.main(SPEC)


if __name__ == "__main__":
    main()
