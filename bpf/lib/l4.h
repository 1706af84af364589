/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TCP and UDP: ports, and where a connection stands. */
#pragma once

#include "packet.h"

/* linux/in.h and linux/tcp.h bring more than what is wanted of them. */
#define IP_PROTOCOL_TCP 6
#define IP_PROTOCOL_UDP 17
#define IP_FRAGMENT_MORE NET16(0x2000)
#define IP_FRAGMENT_OFFSET NET16(0x1fff)
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10
#define TCP_CHECK 16 /* offset of the checksum, bytes */
#define UDP_CHECK 6

struct ports {
	__be16 source, destination;
};

struct l4 {
	__u32 offset; /* of its header, from the beginning of the frame */
	__u32 quote;  /* of the IPv4 header in front of it, where an ICMP error quotes it; else 0 */
	struct ports ports; /* 0 where the packet does not have them: a fragment but the first */
	__u8 tcp_flags;
	__be16 fragment; /* not 0 where it is one of several */
};

/* Point at `len` bytes of the header, and `packet` at those in front of it anew, since more of the
 * packet may have to be made readable; 0 where the packet is shorter. */
static __always_inline void *l4_reach(struct __sk_buff *skb, struct packet *packet, __u32 offset,
				      __u32 len)
{
	void *header = (void *)(long)skb->data + offset;

	if (UNLIKELY(header + len > (void *)(long)skb->data_end))
		if (pull_data(skb, offset + len))
			return 0;
	if (!packet_point(skb, packet))
		return 0;
	header = (void *)(long)skb->data + offset;
	return header + len > (void *)(long)skb->data_end ? 0 : header;
}

/* Read the header behind the IPv4 one: 1, 0 where it is neither TCP nor UDP, -1 where the packet is
 * shorter than it. */
static __always_inline int l4_parse(struct __sk_buff *skb, struct packet *packet, struct l4 *l4)
{
	const __u8 protocol = packet->ip->protocol;
	const __u8 *header;

	if (protocol != IP_PROTOCOL_TCP && protocol != IP_PROTOCOL_UDP)
		return 0;
	l4->offset = sizeof(struct ethhdr) + packet->ip->ihl * 4;
	l4->fragment = packet->ip->frag_off & (IP_FRAGMENT_MORE | IP_FRAGMENT_OFFSET);
	if (UNLIKELY(l4->fragment & IP_FRAGMENT_OFFSET))
		return 1;
	if (protocol == IP_PROTOCOL_TCP) {
		header = l4_reach(skb, packet, l4->offset, 20);
		if (!header)
			return -1;
		l4->tcp_flags = header[13];
	} else {
		header = l4_reach(skb, packet, l4->offset, 8);
		if (!header)
			return -1;
	}
	l4->ports = *(const struct ports *)header;
	return 1;
}

/* Say whether the packet opens a connection. */
static __always_inline int l4_opens(const struct l4 *l4)
{
	return (l4->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

static __always_inline int l4_closes(const struct l4 *l4)
{
	return l4->tcp_flags & (TCP_FIN | TCP_RST);
}
