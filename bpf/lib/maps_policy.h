/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Made by `make header` from plugins/module_utils/datapath: change it there. */
#pragma once

#include "common.h"

/* policy_stage: the program that judges packets by policies; one entry. */
struct policy_stage_value {
	__u32 program; /* number of the program */
};
_Static_assert(sizeof(struct policy_stage_value) == 4, "policy_stage_value: 4 bytes, no hidden padding");

/* policy_scratch: what a program knows of a packet that it hands over to policy_stage. */
struct policy_scratch_value {
	struct address source; /* source address */
	struct address destination; /* destination address */
	__be16 source_port; /* source port */
	__be16 destination_port; /* destination port */
	__u16 protocol; /* IPPROTO_TCP, IPPROTO_UDP or IPPROTO_ICMP */
	__u16 reserved; /* 0; of a note of a policy POLICY_INGRESS or POLICY_EGRESS */
	__u32 hook; /* the program's */
	__u32 verdict; /* what becomes of the packet if it gets through */
	__u32 leave; /* how it leaves then */
	__u32 ifindex; /* by which device */
	__u8 neighbor[20]; /* to which neighbor: struct bpf_redir_neigh */
	__u32 inner; /* offset of the IP header that an ICMP error quotes; else 0 */
	__u8 layer4; /* what was read of the header behind that of IP */
	__u8 ports_unknown; /* 1: of a fragment whose first one was not seen */
	__u8 tcp_flags; /* flags of TCP */
	__u8 echo_reply; /* 1: an ICMP echo reply */
	__u8 egress; /* 1: of a pod that a policy selects */
	__u8 ingress; /* 1: for one */
	__u8 described; /* 1: its ends are in event_scratch */
	__u8 padding; /* 0 */
};
_Static_assert(sizeof(struct policy_scratch_value) == 88, "policy_scratch_value: 88 bytes, no hidden padding");

/* policy_pods: pod of this node that a policy selects: the sets of rules that it has, each 0 where it is not isolated. A pod with ENDPOINT_ISOLATED that is not here gets and sends nothing. */
struct policy_pods_key {
	struct address address; /* the pod's address */
};
_Static_assert(sizeof(struct policy_pods_key) == 16, "policy_pods_key: 16 bytes, no hidden padding");
struct policy_pods_value {
	__be32 partition; /* the partition of all addresses into classes */
	__be32 ingress; /* what it may get */
	__be32 egress; /* what it may send */
	__be32 audit_ingress; /* what it might get if audited policies counted */
	__be32 audit_egress; /* what it might send if audited policies counted */
	__u32 selected; /* since when it is judged, seconds since boot. No program reads it */
};
_Static_assert(sizeof(struct policy_pods_value) == 24, "policy_pods_value: 24 bytes, no hidden padding");

/* policy_classes: prefix of addresses: the class that no rule tells apart. */
struct policy_classes_key {
	__u32 prefixlen; /* bits of partition and prefix: 128 more than IPv4 has */
	__be32 partition; /* the partition */
	struct address address; /* first address of the prefix */
};
_Static_assert(sizeof(struct policy_classes_key) == 24, "policy_classes_key: 24 bytes, no hidden padding");
struct policy_classes_value {
	__be32 peers; /* number of the class */
};
_Static_assert(sizeof(struct policy_classes_value) == 4, "policy_classes_value: 4 bytes, no hidden padding");

/* policy_rules: what a set lets through: the rule. */
struct policy_rules_key {
	__u32 prefixlen; /* bits of what follows: a prefix ends where its rule stops to care */
	__be32 set; /* the set */
	__be32 peers; /* class of the other side; 0: any that has no entry of its own */
	__u8 protocol; /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP or any other */
	__u8 reserved; /* 0 */
	__be16 port; /* port of the destination; 0 where there is none */
};
_Static_assert(sizeof(struct policy_rules_key) == 16, "policy_rules_key: 16 bytes, no hidden padding");
struct policy_rules_value {
	__u32 rule; /* number of the rule; 0: this does not pass */
};
_Static_assert(sizeof(struct policy_rules_value) == 4, "policy_rules_value: 4 bytes, no hidden padding");

/* policy_counters: rule or set: what was counted of it, for those that are here. */
struct policy_counters_key {
	__u32 number; /* of the rule or the set */
	__u32 kind; /* POLICY_RULE, ... */
};
_Static_assert(sizeof(struct policy_counters_key) == 8, "policy_counters_key: 8 bytes, no hidden padding");
struct policy_counters_value {
	__u64 packets; /* packets */
	__u64 bytes; /* their bytes, layer 2 included */
};
_Static_assert(sizeof(struct policy_counters_value) == 16, "policy_counters_value: 16 bytes, no hidden padding");
