/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Made by `make header` from plugins/module_utils/datapath: change it there. */
#pragma once

#include "common.h"

/* flows: place of a CPU: packets between a client and a server's port. */
struct flows_key {
	__u32 place; /* by a hash of both ends */
};
_Static_assert(sizeof(struct flows_key) == 4, "flows_key: 4 bytes, no hidden padding");
struct flows_value {
	struct address client; /* who began; where nobody knows, the end with the greater port */
	struct address server; /* the other end, behind services and masquerading */
	__be16 port; /* the server's; 0 where the protocol has none, and of later fragments */
	__u16 protocol; /* IPPROTO_TCP, IPPROTO_UDP or any other */
	__u32 account; /* device of the pod that sent the packets, or that they are for */
	__u64 packets; /* from the client; each stands for as many as it was sampled of */
	__u64 bytes; /* their bytes, layer 2 included */
	__u64 back_packets; /* from the server */
	__u64 back_bytes; /* their bytes */
	__u64 last; /* when the last packet was seen, nanoseconds since boot */
	__u64 first; /* when the first one was, nanoseconds since boot; 0: there is none */
	__u64 syns; /* segments of the client's that open a connection */
	__u64 retries; /* segments that open one, or answer that, sent again */
	__u64 resets; /* segments of either end that reset a connection */
	__u64 dropped; /* packets that policies did not let through; not in the others */
	__u64 rtt_sum; /* round trips of handshakes, nanoseconds */
	__u64 rtts; /* how many */
	__u64 rtt_last; /* the last one */
	__u64 rtt_min; /* the shortest one */
	__u32 verdict; /* of the last packet */
	__u32 tick; /* of the kernel, at which last was written */
};
_Static_assert(sizeof(struct flows_value) == 160, "flows_value: 160 bytes, no hidden padding");

/* flow_opening: place of an account: a connection of TCP that begins. */
struct flow_opening_key {
	__u32 account; /* device of the pod that begins it, or that it is for */
	__u32 place; /* which of the account's places */
};
_Static_assert(sizeof(struct flow_opening_key) == 8, "flow_opening_key: 8 bytes, no hidden padding");
struct flow_opening_value {
	struct address client; /* who begins it */
	struct address server; /* whom it is for */
	__be16 client_port; /* the client's port */
	__be16 server_port; /* the server's port */
	__be32 sequence; /* what the server is to acknowledge */
	__u64 time; /* when, nanoseconds since boot; 0: answered, or sent again */
};
_Static_assert(sizeof(struct flow_opening_value) == 48, "flow_opening_value: 48 bytes, no hidden padding");

/* flow_services: place of an account: a server of TCP, for CPUs that have not seen who began. */
struct flow_services_key {
	__u32 account; /* device of a pod */
	__u32 place; /* which of the account's places */
};
_Static_assert(sizeof(struct flow_services_key) == 8, "flow_services_key: 8 bytes, no hidden padding");
struct flow_services_value {
	struct address address; /* the server's address */
	__be16 port; /* its port */
	__u16 reserved; /* 0 */
	__u32 padding; /* 0 */
};
_Static_assert(sizeof(struct flow_services_value) == 24, "flow_services_value: 24 bytes, no hidden padding");

/* flow_counts: what is counted beside the flows, by FLOW_.... */
struct flow_counts_key {
	__u32 index; /* FLOW_...; FLOW_ICMP and the type */
};
_Static_assert(sizeof(struct flow_counts_key) == 4, "flow_counts_key: 4 bytes, no hidden padding");
struct flow_counts_value {
	__u64 count; /* how many */
};
_Static_assert(sizeof(struct flow_counts_value) == 8, "flow_counts_value: 8 bytes, no hidden padding");

/* flow_held: account: how many places of a CPU it holds. */
struct flow_held_key {
	__u32 account; /* device of a pod */
};
_Static_assert(sizeof(struct flow_held_key) == 4, "flow_held_key: 4 bytes, no hidden padding");
struct flow_held_value {
	__u64 places; /* how many */
};
_Static_assert(sizeof(struct flow_held_value) == 8, "flow_held_value: 8 bytes, no hidden padding");

/* flow_sample: which packets are counted. */
struct flow_sample_value {
	__u32 weight; /* for how many packets each stands; 0 and 1: every one is counted */
	__u32 most; /* it is counted where a number of 32 bits is not above this */
};
_Static_assert(sizeof(struct flow_sample_value) == 8, "flow_sample_value: 8 bytes, no hidden padding");

/* flow_stage: the program that counts flows; one entry. */
struct flow_stage_value {
	__u32 program; /* number of the program */
};
_Static_assert(sizeof(struct flow_stage_value) == 4, "flow_stage_value: 4 bytes, no hidden padding");
