/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TCP, UDP and ICMP echo: ports, and where a connection stands. */
#pragma once

#include "fragment.h"

/* linux/tcp.h and linux/icmp.h bring more than what is wanted of them. */
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10
#define TCP_CHECK 16 /* offset of the checksum, bytes */
#define UDP_CHECK 6
#define ICMP_CHECK 2
#define ICMP_ECHO_ID 4
#define ICMP_ECHO_REPLY 0
#define ICMP_ECHO_REQUEST 8

struct l4 {
	__u32 offset; /* of its header, from the beginning of the frame */
	__u32 quote;  /* of the IPv4 header in front of it, where an ICMP error quotes it; else 0 */
	struct ports ports; /* 0 where nobody knows them: FRAGMENT_UNKNOWN */
	__u8 tcp_flags;	    /* 0 in a fragment but the first */
	__u8 echo_reply;    /* the same; where the identifier is 0, ports do not tell */
	enum fragment fragment;
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

/* The ports of ICMP echo: the identifier is that of who asks, who answers has port 0. 0 where it is
 * something else. */
static __always_inline int l4_echo_ports(const __u8 *icmp, struct ports *ports)
{
	const __be16 id = *(const __be16 *)(icmp + ICMP_ECHO_ID);

	if (icmp[0] != ICMP_ECHO_REQUEST && icmp[0] != ICMP_ECHO_REPLY)
		return 0;
	ports->source = icmp[0] == ICMP_ECHO_REQUEST ? id : 0;
	ports->destination = icmp[0] == ICMP_ECHO_REQUEST ? 0 : id;
	return 1;
}

static __always_inline int l4_is_known(__u8 protocol)
{
	return protocol == IP_PROTOCOL_TCP || protocol == IP_PROTOCOL_UDP ||
	       (MASQUERADES && protocol == IP_PROTOCOL_ICMP);
}

/* Read the header behind the IPv4 one: 1, 0 where it is none of those, -1 where the packet is shorter
 * than it. */
static __always_inline int l4_parse(struct __sk_buff *skb, struct packet *packet, struct l4 *l4)
{
	const __u8 protocol = packet->ip->protocol;
	const __be16 fragment = packet->ip->frag_off & IP_FRAGMENT;
	const __u8 *header;

	if (!l4_is_known(protocol))
		return 0;
	l4->offset = sizeof(struct ethhdr) + packet->ip->ihl * 4;
	if (UNLIKELY(fragment & IP_FRAGMENT_OFFSET)) {
		l4->fragment = fragment_ports(packet, &l4->ports);
		return 1;
	}
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
	if (MASQUERADES && UNLIKELY(protocol == IP_PROTOCOL_ICMP)) {
		l4->echo_reply = header[0] == ICMP_ECHO_REPLY;
		if (!l4_echo_ports(header, &l4->ports))
			return 0;
	}
	if (UNLIKELY(fragment)) {
		l4->fragment = FRAGMENT_FIRST;
		fragment_note(packet, &l4->ports);
	}
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

/* Bytes from the header to its checksum. */
static __always_inline __u32 l4_check(__u16 protocol)
{
	if (MASQUERADES && protocol == IP_PROTOCOL_ICMP)
		return ICMP_CHECK;
	return protocol == IP_PROTOCOL_TCP ? TCP_CHECK : UDP_CHECK;
}
