/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Headers in front of the payload: find them, read them, rewrite them. */
#pragma once

#include "address.h"

#include <linux/if_ether.h>
#include <linux/ip.h>

#define IP_FRAGMENT_MORE NET16(0x2000)
#define IP_FRAGMENT_OFFSET NET16(0x1fff)
#define IP_FRAGMENT (IP_FRAGMENT_MORE | IP_FRAGMENT_OFFSET)

/* In tc_index of a packet, which the kernel leaves alone and nobody else of today uses: it goes out
 * as it is. */
#define PACKET_SETTLED 0x706e

struct packet {
	struct ethhdr *eth;
	struct iphdr *ip; /* valid where the parse said so */
};

static __always_inline int mac_equal(const __u8 *a, const __u8 *b)
{
	return *(__u32 *)a == *(__u32 *)b && *(__u16 *)(a + 4) == *(__u16 *)(b + 4);
}

static __always_inline void mac_copy(__u8 *to, const __u8 *from)
{
	*(__u16 *)to = *(__u16 *)from;
	*(__u16 *)(to + 2) = *(__u16 *)(from + 2);
	*(__u16 *)(to + 4) = *(__u16 *)(from + 4);
}

/* Note that no address of the packet is to be changed any more: between pods, or translated. It may
 * pass more programs, also within other headers. */
static __always_inline void packet_settle(struct __sk_buff *skb)
{
	if (MASQUERADES)
		skb->tc_index = PACKET_SETTLED;
}

/* A pod is not to say so. */
static __always_inline void packet_unsettle(struct __sk_buff *skb)
{
	if (MASQUERADES)
		skb->tc_index = 0;
}

static __always_inline int packet_is_settled(const struct __sk_buff *skb)
{
	return MASQUERADES && skb->tc_index == PACKET_SETTLED;
}

/* Make the first `len` bytes readable; they mostly are, and then this costs one comparison. */
static __always_inline void *packet_reach(struct __sk_buff *skb, __u32 len)
{
	OPAQUE(skb); /* or clang adds up an offset in it for several reads, which the verifier refuses */
	if (UNLIKELY((void *)(long)skb->data + len > (void *)(long)skb->data_end))
		if (pull_data(skb, len))
			return 0;
	if ((void *)(long)skb->data + len > (void *)(long)skb->data_end)
		return 0;
	return (void *)(long)skb->data;
}

/* Point `packet` at the Ethernet and IPv4 headers, which may have moved; 0 where the packet is
 * shorter than them. */
static __always_inline int packet_point(struct __sk_buff *skb, struct packet *packet)
{
	packet->eth = packet_reach(skb, sizeof(struct ethhdr) + sizeof(struct iphdr));
	packet->ip = (void *)(packet->eth + 1);
	return packet->eth != 0;
}

/* Point `packet` at the Ethernet and IPv4 headers; 0 where the packet is shorter than them or the
 * IPv4 header contradicts itself. */
static __always_inline int packet_parse_v4(struct __sk_buff *skb, struct packet *packet)
{
	if (!packet_point(skb, packet))
		return 0;
	if (packet->ip->version != 4 || packet->ip->ihl < 5)
		return 0;
	return skb->len - sizeof(struct ethhdr) >= (__u32)(__builtin_bswap16(packet->ip->tot_len));
}

static __always_inline int packet_is_unicast(const struct packet *packet)
{
	return address_is_unicast(packet->ip->daddr);
}

/* TTL less one, and the header checksum with it (RFC 1624: the sum grows by what the word lost). */
static __always_inline void packet_decrement_ttl(struct packet *packet)
{
	__u32 sum = packet->ip->check + NET16(0x0100);

	packet->ip->check = (__u16)(sum + (sum >= 0xffff));
	packet->ip->ttl--;
}

/* Bytes of the largest layer-3 packet that this becomes on a wire: a segment, where the kernel
 * carries many as one. */
static __always_inline __u32 packet_wire_length(struct __sk_buff *skb, const struct packet *packet)
{
	const __u32 header = packet->ip->ihl * 4;
	const __u8 *l4 = (const __u8 *)packet->ip + header;
	__u32 l4_header = 8; /* UDP */

	if (LIKELY(!skb->gso_size))
		return skb->len - sizeof(struct ethhdr);
	if (packet->ip->protocol == IP_PROTOCOL_TCP) {
		if ((const void *)(l4 + 20) > (const void *)(long)skb->data_end)
			return 0; /* cannot be: a GSO packet has its headers in front */
		l4_header = (l4[12] >> 4) * 4;
	}
	return header + l4_header + skb->gso_size;
}
