/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which segments of TCP are to be believed: those that their receiver expects (RFC 793, RFC 5961).
 *
 * Whoever knows the addresses and ports of a connection can send in an end's name. The receiver takes what
 * is in its window. Here that is a fixed number of bytes behind what it acknowledged last: as much as
 * receivers take at first, and so never much more than one does. What a made-up segment says counts then
 * in one of 65,536 cases, and the receiver says so at once. A genuine one is beyond where more was on its
 * way to the receiver: then its flow just waits for its time.
 *
 * What this node and its pods send is theirs to say. */
#pragma once

#include "l4.h"

/* As they stand in the header. */
struct tcp_numbers {
	__be32 sequence, acknowledged;
};

/* What a segment acknowledges; of one that opens a connection, what is to be acknowledged. Read once more:
 * in the context it would take a place on every program's stack. */
static __always_inline __be32 tcp_acked(const struct packet *p, __be32 unknown)
{
	const struct __sk_buff *skb = p->skb;
	const __u8 *header;

	OPAQUE(skb); /* see packet_reach */
	header = (const __u8 *)(long)skb->data + p->l4;
	if (header + TCP_HEADER > (const __u8 *)(long)skb->data_end)
		return unknown;
	if (LIKELY(p->tcp_flags & TCP_ACK))
		return *(const __be32 *)(header + TCP_ACKNOWLEDGED);
	return NET32(NET32(*(const __be32 *)(header + TCP_SEQUENCE)) + 1);
}

/* Keep what a segment acknowledges. */
static __always_inline void tcp_keep(const struct packet *p, struct nat_value *value)
{
	if (p->tcp_flags & (TCP_ACK | TCP_SYN))
		value->acked = tcp_acked(p, value->acked);
}

/* Say whether who gets the packet expects it. `acked`: what that acknowledged last, or is to be told
 * that it has been acknowledged. */
static __always_inline int tcp_is_expected(const struct packet *p, __be32 acked)
{
	struct tcp_numbers numbers;
	__u32 behind;

	if (!packet_is_from_network(p) || p->tuple->protocol != IP_PROTOCOL_TCP)
		return 1;
	if (load_bytes(p->skb, p->l4 + TCP_SEQUENCE, &numbers, sizeof(numbers)))
		return 0;
	behind = NET32(numbers.sequence) - NET32(acked);
	return behind < NAT_WINDOW || (p->tcp_flags & TCP_ACK && numbers.acknowledged == acked);
}

/* Say whether a pod, or this node, resets its own connection: that is final. A reset that answers a segment,
 * which may be made up, acknowledges nothing (RFC 793, 3.4). */
static __always_inline int tcp_gives_up(const struct packet *p)
{
	return (p->tcp_flags & (TCP_RST | TCP_ACK)) == (TCP_RST | TCP_ACK) && !packet_is_from_network(p);
}
