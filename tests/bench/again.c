/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Puts a packet back as it was and goes on to the program that is timed: the packet of a test run
 * persists between its runs, and what a program has translated it does not translate again. */
#include "lib/bpf.h"


struct given {
	__u8 headers[54]; /* Ethernet, IPv4, and 20 bytes from the ports on */
	__u16 tc_index;
	__u16 step; /* by which the destination port goes on with each run: every one is a new flow */
	__u16 reserved;
};
_Static_assert(sizeof(struct given) == 60, "again.py packs it");

#define DESTINATION_PORT 36

int again(struct __sk_buff *skb)
{
	struct given *given = map_lookup(MAP(given), &(__u32){ 0 });
	__be16 *port;

	if (!given)
		return TC_ACT_SHOT;
	port = (__be16 *)(given->headers + DESTINATION_PORT);
	*port = NET16(NET16(*port) + given->step);
	skb->tc_index = given->tc_index;
	store_bytes(skb, 0, given->headers, sizeof(given->headers), 0);
	tail_call(skb, MAP(program), 0);
	return TC_ACT_SHOT;
}
