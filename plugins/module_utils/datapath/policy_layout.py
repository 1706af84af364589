# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The maps of network policies; ``plan/policy/tables.py`` says how they belong together.

Numbers of partitions, classes, sets and rules are hashes that the plan makes. In keys of prefix
tries they are in network order, as all there, and in values as they go into such a key.
"""

from __future__ import annotations

from . import nat_layout
from .structs import Field, Layout

#: ``policy_counters.kind``: what a number is, and what is counted with it.
POLICY_RULE = 0  # a rule: what it let through
POLICY_SET = 1  # a set: what none of its rules let through, and what was dropped for it
POLICY_AUDIT = 2  # a set with audited policies: what would be dropped if they counted

#: ``nat_key.reserved`` of the note by which a reply is known: the way that the reply goes.
POLICY_INGRESS, POLICY_EGRESS = 1, 2

#: Bits of a key of ``policy_rules`` in front of protocol and port, of one of ``policy_classes`` in
#: front of the address, and of all of either.
POLICY_RULE_BITS, POLICY_RULE_ALL_BITS = 64, 96
POLICY_CLASS_BITS, POLICY_CLASS_ALL_BITS = 32, 160

#: Constants that the programs read, by the same name in C.
DEFINES = {
    name: globals()[name]
    for name in (
        *("POLICY_RULE", "POLICY_SET", "POLICY_AUDIT", "POLICY_INGRESS", "POLICY_EGRESS"),
        *("POLICY_RULE_ALL_BITS", "POLICY_CLASS_ALL_BITS"),
    )
}

POLICY_PODS = Layout(
    name="policy_pods",
    type="hash",
    what="pod of this node that a policy selects: the sets of rules that it has, each 0 where it "
    "is not isolated. A pod with ENDPOINT_ISOLATED that is not here gets and sends nothing",
    key=(Field("address", "ip16", "the pod's address"),),
    value=(
        Field("partition", "be32", "the partition of all addresses into classes"),
        Field("ingress", "be32", "what it may get"),
        Field("egress", "be32", "what it may send"),
        Field("audit_ingress", "be32", "what it might get if audited policies counted"),
        Field("audit_egress", "be32", "what it might send if audited policies counted"),
        Field(
            "selected", "u32", "since when it is judged, seconds since boot. No program reads it"
        ),
    ),
    max_entries=65535,
    no_prealloc=True,
)

POLICY_CLASSES = Layout(
    name="policy_classes",
    type="lpm_trie",
    what="prefix of addresses: the class that no rule tells apart",
    key=(
        Field("prefixlen", "u32", "bits of partition and prefix: 128 more than IPv4 has"),
        Field("partition", "be32", "the partition"),
        Field("address", "ip16", "first address of the prefix"),
    ),
    value=(Field("peers", "be32", "number of the class"),),
    max_entries=1048576,
    no_prealloc=True,
)

POLICY_RULES = Layout(
    name="policy_rules",
    type="lpm_trie",
    what="what a set lets through: the rule",
    key=(
        Field(
            "prefixlen", "u32", "bits of what follows: a prefix ends where its rule stops to care"
        ),
        Field("set", "be32", "the set"),
        Field("peers", "be32", "class of the other side; 0: any that has no entry of its own"),
        Field("protocol", "u8", "IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP or any other"),
        Field("reserved", "u8", "0"),
        Field("port", "be16", "port of the destination; 0 where there is none"),
    ),
    value=(Field("rule", "u32", "number of the rule; 0: this does not pass"),),
    max_entries=2097152,
    no_prealloc=True,
)

POLICY_COUNTERS = Layout(
    name="policy_counters",
    type="percpu_hash",
    what="rule or set: what was counted of it, for those that are here",
    key=(
        Field("number", "u32", "of the rule or the set"),
        Field("kind", "u32", "POLICY_RULE, ..."),
    ),
    value=(
        Field("packets", "u64", "packets"),
        Field("bytes", "u64", "their bytes, layer 2 included"),
    ),
    max_entries=131072,
    no_prealloc=True,
)

POLICY_NAMES = Layout(
    name="policy_names",
    type="hash",
    what="rule or set: its name, for people. No program reads it",
    key=POLICY_COUNTERS.key,
    value=(Field("name", "bytes(256)", "the name, zero bytes after it"),),
    max_entries=131072,
    no_prealloc=True,
)

POLICY_STAGE = Layout(
    name="policy_stage",
    type="prog_array",
    what="the program that judges packets by policies; one entry",
    key=(Field("zero", "u32", "always 0"),),
    value=(Field("program", "u32", "number of the program"),),
    max_entries=1,
)

POLICY_SCRATCH = Layout(
    name="policy_scratch",
    type="percpu_array",
    what="what a program knows of a packet that it hands over to policy_stage",
    key=(Field("zero", "u32", "always 0"),),
    value=(
        *nat_layout.FLOW,
        Field("hook", "u32", "the program's"),
        Field("verdict", "u32", "what becomes of the packet if it gets through"),
        Field("leave", "u32", "how it leaves then"),
        Field("ifindex", "u32", "by which device"),
        Field("neighbor", "bytes(20)", "to which neighbor: struct bpf_redir_neigh"),
        Field("inner", "u32", "offset of the IP header that an ICMP error quotes; else 0"),
        Field("layer4", "u8", "what was read of the header behind that of IP"),
        Field("ports_unknown", "u8", "1: of a fragment whose first one was not seen"),
        Field("tcp_flags", "u8", "flags of TCP"),
        Field("echo_reply", "u8", "1: an ICMP echo reply"),
        Field("egress", "u8", "1: of a pod that a policy selects"),
        Field("ingress", "u8", "1: for one"),
        Field("described", "u8", "1: its ends are in event_scratch"),
        Field("padding", "u8", "0"),
    ),
    max_entries=1,
)

#: What the module ``policy`` fills.
TABLES = (POLICY_PODS, POLICY_CLASSES, POLICY_RULES, POLICY_COUNTERS, POLICY_NAMES)

MAPS = (POLICY_STAGE, POLICY_SCRATCH, *TABLES)
