/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Made by `make header` from plugins/module_utils/datapath: change it there. */
#pragma once

#include "common.h"

/* event_lease: until when somebody looks. */
struct event_lease_value {
	__u64 until; /* nanoseconds since boot, by the coarse clock; 0: nobody does */
	__u64 ticks; /* the same in ticks of the kernel; 0: just renewed */
};
_Static_assert(sizeof(struct event_lease_value) == 16, "event_lease_value: 16 bytes, no hidden padding");

/* event_scratch: a packet as it is described to who looks. */
struct event_scratch_value {
	struct address source; /* source address */
	struct address destination; /* destination address */
	__be16 source_port; /* source port */
	__be16 destination_port; /* destination port */
	__u16 protocol; /* IPPROTO_TCP, IPPROTO_UDP or IPPROTO_ICMP */
	__u16 reserved; /* 0; of a note of a policy POLICY_INGRESS or POLICY_EGRESS */
	__u64 time; /* nanoseconds since boot; of a packet written by who looks */
	struct address to_source; /* EVENT_TRANSLATED: as it goes on */
	struct address to_destination; /* the same */
	__be16 to_source_port; /* the same */
	__be16 to_destination_port; /* the same */
	__u32 length; /* bytes, layer 2 included; 0 of a socket */
	__u32 ifindex; /* the device that it came in, or went out, by; 0 of a socket */
	__u32 egress; /* rule or set by which the sender's policies judge it; 0 for none */
	__u32 ingress; /* the same of the receiver's */
	__u32 action; /* what the program returns */
	__u16 kinds; /* EVENT_FORWARDED, ... */
	__be16 ethertype; /* protocol of layer 3 */
	__u8 hook; /* of the program */
	__u8 verdict; /* the program's */
	__u8 judged; /* EVENT_JUDGED_... */
	__u8 tcp_flags; /* flags of TCP; this and what follows is written by who looks */
	__be16 icmp; /* type and code of ICMP */
	__u8 carries; /* the packet's own protocol; 0 where the packet was not read */
	__u8 padding; /* 0 */
	__u32 towards; /* the device that it leaves by, or 0 */
	__u64 netns; /* of a socket: the cookie of its namespace */
};
_Static_assert(sizeof(struct event_scratch_value) == 128, "event_scratch_value: 128 bytes, no hidden padding");

/* event_stage: the program of who looks; one entry. */
struct event_stage_value {
	__u32 program; /* number of the program */
};
_Static_assert(sizeof(struct event_stage_value) == 4, "event_stage_value: 4 bytes, no hidden padding");

/* event_sockets: what sockets were led to, for who looks. */
struct event_sockets_value {
	struct address source; /* source address */
	struct address destination; /* destination address */
	__be16 source_port; /* source port */
	__be16 destination_port; /* destination port */
	__u16 protocol; /* IPPROTO_TCP, IPPROTO_UDP or IPPROTO_ICMP */
	__u16 reserved; /* 0; of a note of a policy POLICY_INGRESS or POLICY_EGRESS */
	__u64 time; /* nanoseconds since boot; of a packet written by who looks */
	struct address to_source; /* EVENT_TRANSLATED: as it goes on */
	struct address to_destination; /* the same */
	__be16 to_source_port; /* the same */
	__be16 to_destination_port; /* the same */
	__u32 length; /* bytes, layer 2 included; 0 of a socket */
	__u32 ifindex; /* the device that it came in, or went out, by; 0 of a socket */
	__u32 egress; /* rule or set by which the sender's policies judge it; 0 for none */
	__u32 ingress; /* the same of the receiver's */
	__u32 action; /* what the program returns */
	__u16 kinds; /* EVENT_FORWARDED, ... */
	__be16 ethertype; /* protocol of layer 3 */
	__u8 hook; /* of the program */
	__u8 verdict; /* the program's */
	__u8 judged; /* EVENT_JUDGED_... */
	__u8 tcp_flags; /* flags of TCP; this and what follows is written by who looks */
	__be16 icmp; /* type and code of ICMP */
	__u8 carries; /* the packet's own protocol; 0 where the packet was not read */
	__u8 padding; /* 0 */
	__u32 towards; /* the device that it leaves by, or 0 */
	__u64 netns; /* of a socket: the cookie of its namespace */
};
_Static_assert(sizeof(struct event_sockets_value) == 128, "event_sockets_value: 128 bytes, no hidden padding");

/* event_lost: what there was no room for, whoever looked. */
struct event_lost_value {
	__u64 sockets; /* in event_sockets */
	__u64 packets; /* in the ring of who looks, whose program counts them */
};
_Static_assert(sizeof(struct event_lost_value) == 16, "event_lost_value: 16 bytes, no hidden padding");
