/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Made by `make header` from plugins/module_utils/datapath: change it there. */
#pragma once

#include "common.h"

/* drops: place of an account: packets between the same ends, dropped for the same reason. */
struct drops_key {
	__u32 account; /* device of the pod that sent it, or that it is for; else the device that it came by */
	__u32 place; /* which of the account's places */
};
_Static_assert(sizeof(struct drops_key) == 8, "drops_key: 8 bytes, no hidden padding");
struct drops_value {
	struct address source; /* source address */
	struct address destination; /* destination address */
	__be16 source_port; /* source port */
	__be16 destination_port; /* destination port */
	__u16 protocol; /* IPPROTO_TCP, IPPROTO_UDP or IPPROTO_ICMP */
	__u16 reserved; /* 0; of a note of a policy POLICY_INGRESS or POLICY_EGRESS */
	__u8 hook; /* of the program that dropped it */
	__u8 reason; /* its verdict */
	__be16 ethertype; /* protocol of layer 3 */
	__u32 ifindex; /* the device that it came in, or went out, by */
	__u32 policy_set; /* what it might pass by, where policies isolate; else 0 */
	__u32 length; /* bytes of the first one */
	__u64 packets; /* how many */
	__u64 bytes; /* their bytes, layer 2 included */
	__u64 first; /* when the first one was dropped, nanoseconds since boot */
	__u64 last; /* when the last one was */
	__u32 captured; /* bytes in head */
	__u32 padding; /* 0 */
	__u8 head[96]; /* the first bytes of the first one, layer 2 included */
};
_Static_assert(sizeof(struct drops_value) == 192, "drops_value: 192 bytes, no hidden padding");

/* drop_scratch: a value of drops, which does not fit on a program's stack. */
struct drop_scratch_value {
	struct address source; /* source address */
	struct address destination; /* destination address */
	__be16 source_port; /* source port */
	__be16 destination_port; /* destination port */
	__u16 protocol; /* IPPROTO_TCP, IPPROTO_UDP or IPPROTO_ICMP */
	__u16 reserved; /* 0; of a note of a policy POLICY_INGRESS or POLICY_EGRESS */
	__u8 hook; /* of the program that dropped it */
	__u8 reason; /* its verdict */
	__be16 ethertype; /* protocol of layer 3 */
	__u32 ifindex; /* the device that it came in, or went out, by */
	__u32 policy_set; /* what it might pass by, where policies isolate; else 0 */
	__u32 length; /* bytes of the first one */
	__u64 packets; /* how many */
	__u64 bytes; /* their bytes, layer 2 included */
	__u64 first; /* when the first one was dropped, nanoseconds since boot */
	__u64 last; /* when the last one was */
	__u32 captured; /* bytes in head */
	__u32 padding; /* 0 */
	__u8 head[96]; /* the first bytes of the first one, layer 2 included */
};
_Static_assert(sizeof(struct drop_scratch_value) == 192, "drop_scratch_value: 192 bytes, no hidden padding");

/* drop_budget: what of a CPU's drops was recorded; the index is account % DROP_BUDGETS. */
struct drop_budget_key {
	__u32 index; /* account % DROP_BUDGETS */
};
_Static_assert(sizeof(struct drop_budget_key) == 4, "drop_budget_key: 4 bytes, no hidden padding");
struct drop_budget_value {
	__u64 window; /* the window of time that written is of */
	__u64 written; /* records written in it */
	__u64 unrecorded; /* packets that were dropped and not recorded */
	__u64 overwritten; /* records that another of the same account took the place of */
};
_Static_assert(sizeof(struct drop_budget_value) == 32, "drop_budget_value: 32 bytes, no hidden padding");
