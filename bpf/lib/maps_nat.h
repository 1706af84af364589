/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Made by `make header` from plugins/module_utils/datapath: change it there. */
#pragma once

#include "common.h"

/* nat: flow as a packet of it comes in: as it goes on. */
struct nat_key {
	struct address source; /* source address */
	struct address destination; /* destination address */
	__be16 source_port; /* source port */
	__be16 destination_port; /* destination port */
	__u16 protocol; /* IPPROTO_TCP, IPPROTO_UDP or IPPROTO_ICMP */
	__u16 reserved; /* 0; of a note of a policy POLICY_INGRESS or POLICY_EGRESS */
};
_Static_assert(sizeof(struct nat_key) == 40, "nat_key: 40 bytes, no hidden padding");
struct nat_value {
	struct address source; /* source address that it gets */
	struct address destination; /* destination address that it gets */
	__be16 source_port; /* source port that it gets */
	__be16 destination_port; /* destination port that it gets */
	__u16 flags; /* NAT_REVERSE, ... */
	__u16 reserved; /* 0 */
	__u32 id; /* number of the frontend; 0 where it is for no service */
	__u32 slot; /* slot of its backend when that was chosen */
	__u64 created; /* when it was made, nanoseconds since boot (CLOCK_MONOTONIC) */
	__u64 used; /* when a packet last used it, to about a second */
	__u32 acked; /* what this side acknowledged last, of TCP; in network order */
	__u32 unused; /* 0 */
};
_Static_assert(sizeof(struct nat_value) == 72, "nat_value: 72 bytes, no hidden padding");

/* nat_quota: account: the flows on it. A pod has one for those that it began, and one for each kind that strangers cause for it. */
struct nat_quota_key {
	struct address address; /* the pod, or the backend, or the device's where it is the node's */
	__u32 kind; /* those of NAT_KINDS that its flows have */
};
_Static_assert(sizeof(struct nat_quota_key) == 20, "nat_quota_key: 20 bytes, no hidden padding");
struct nat_quota_value {
	__u64 flows; /* those that are there, or over and not taken away yet */
	__u64 refused; /* those that were to begin, and did not for want of room */
};
_Static_assert(sizeof(struct nat_quota_value) == 16, "nat_quota_value: 16 bytes, no hidden padding");

/* nat_queue: flows in the order in which they are looked at, each once, with the account that it is on. A new one takes the first ones out, puts those that live behind the others, and itself. */
struct nat_queue_value {
	struct address source; /* source address */
	struct address destination; /* destination address */
	__be16 source_port; /* source port */
	__be16 destination_port; /* destination port */
	__u16 protocol; /* IPPROTO_TCP, IPPROTO_UDP or IPPROTO_ICMP */
	__u16 reserved; /* 0; of a note of a policy POLICY_INGRESS or POLICY_EGRESS */
	__u64 created; /* that of its entry: another flow may have its place */
	struct address address; /* the pod, or the backend, or the device's where it is the node's */
	__u32 kind; /* those of NAT_KINDS that its flows have */
	__u32 padding; /* 0 */
};
_Static_assert(sizeof(struct nat_queue_value) == 72, "nat_queue_value: 72 bytes, no hidden padding");

/* nat_scratch: an element of nat_queue, which does not fit on a program's stack. */
struct nat_scratch_value {
	struct address source; /* source address */
	struct address destination; /* destination address */
	__be16 source_port; /* source port */
	__be16 destination_port; /* destination port */
	__u16 protocol; /* IPPROTO_TCP, IPPROTO_UDP or IPPROTO_ICMP */
	__u16 reserved; /* 0; of a note of a policy POLICY_INGRESS or POLICY_EGRESS */
	__u64 created; /* that of its entry: another flow may have its place */
	struct address address; /* the pod, or the backend, or the device's where it is the node's */
	__u32 kind; /* those of NAT_KINDS that its flows have */
	__u32 padding; /* 0 */
};
_Static_assert(sizeof(struct nat_scratch_value) == 72, "nat_scratch_value: 72 bytes, no hidden padding");

/* nat_total: flows that are in nat_queue: 0 as programs counted, 1 those that runs put in or out. */
struct nat_total_key {
	__u32 by; /* 0 or 1 */
};
_Static_assert(sizeof(struct nat_total_key) == 4, "nat_total_key: 4 bytes, no hidden padding");
struct nat_total_value {
	__u64 flows; /* a number that may be below 0 */
};
_Static_assert(sizeof(struct nat_total_value) == 8, "nat_total_value: 8 bytes, no hidden padding");

/* nat_state: what programs note of translated flows; one entry. */
struct nat_state_value {
	__u32 reserved; /* of no use any more */
	__u32 host_ports; /* 1 once a flow of the node's own had to get another port */
};
_Static_assert(sizeof(struct nat_state_value) == 8, "nat_state_value: 8 bytes, no hidden padding");

/* nat_seen: which kinds of translated flows there are, so that no packet is looked up in vain. Programs note one after its entry is made; where nat is empty, a run forgets them. */
struct nat_seen_value {
	__u32 pod_flows; /* 1 once packets between pods were translated */
	__u32 host_flows; /* 1 once packets to the node's own processes were translated */
};
_Static_assert(sizeof(struct nat_seen_value) == 8, "nat_seen_value: 8 bytes, no hidden padding");

/* calls: place of a pod: who called it by its own address lately. Another call of the same pod may take the place; what the pod goes on answering gets an entry in nat. */
struct calls_key {
	struct address pod; /* the pod's address */
	__u32 place; /* made of all else, below CALLS_OF_POD */
};
_Static_assert(sizeof(struct calls_key) == 20, "calls_key: 20 bytes, no hidden padding");
struct calls_value {
	struct address address; /* who called */
	__be16 port; /* its port */
	__be16 pod_port; /* the pod's */
	__u16 protocol; /* IPPROTO_TCP, IPPROTO_UDP or IPPROTO_ICMP */
	__u16 flags; /* CALL_EXPECTED, ... */
	__u64 used; /* when it was last used, nanoseconds since boot (CLOCK_MONOTONIC) */
};
_Static_assert(sizeof(struct calls_value) == 32, "calls_value: 32 bytes, no hidden padding");

/* fragments: datagram that comes in fragments: the ports, which only the first one has. */
struct fragments_key {
	struct address source; /* source address */
	struct address destination; /* destination address */
	__be32 id; /* identification of the datagram, of which IPv4 has 16 bits */
	__u16 protocol; /* IPPROTO_TCP, IPPROTO_UDP or IPPROTO_ICMP */
	__u16 reserved; /* 0 */
};
_Static_assert(sizeof(struct fragments_key) == 40, "fragments_key: 40 bytes, no hidden padding");
struct fragments_value {
	__be16 source_port; /* source port */
	__be16 destination_port; /* destination port */
};
_Static_assert(sizeof(struct fragments_value) == 4, "fragments_value: 4 bytes, no hidden padding");

/* masquerade: device of the node that pods reach the outside by: the address that they get there. */
struct masquerade_key {
	__u32 ifindex; /* number of the device */
	__u32 family; /* FAMILY_IPV4 or FAMILY_IPV6: of the packets */
};
_Static_assert(sizeof(struct masquerade_key) == 8, "masquerade_key: 8 bytes, no hidden padding");
struct masquerade_value {
	struct address address; /* the device's address */
	__u32 flags; /* MASQUERADE_NODES */
};
_Static_assert(sizeof(struct masquerade_value) == 20, "masquerade_value: 20 bytes, no hidden padding");

/* non_masquerade: prefix that pods reach with their own addresses. */
struct non_masquerade_key {
	__u32 prefixlen; /* bits of the prefix, 96 more than IPv4 has */
	struct address address; /* first address */
};
_Static_assert(sizeof(struct non_masquerade_key) == 20, "non_masquerade_key: 20 bytes, no hidden padding");
struct non_masquerade_value {
	__u32 why; /* NON_MASQUERADE_PODS, ... */
};
_Static_assert(sizeof(struct non_masquerade_value) == 4, "non_masquerade_value: 4 bytes, no hidden padding");
