/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ICMP errors about a packet that goes no further, sent back where it came from (RFC 792, 1812). */
#pragma once

#include "packet.h"
#include "verdict.h"

#define ICMP_UNREACHABLE 3
#define ICMP_PORT_UNREACHABLE 3
#define ICMP_FRAGMENTATION_NEEDED 4
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETER_PROBLEM 12
#define ICMP_TTL 64
#define ICMP_TOS 0xc0 /* internetwork control */

/* What is quoted: the IPv4 header, at most 60 bytes, and 8 of what is behind it. */
#define ICMP_QUOTE 68
#define IP_DONT_FRAGMENT NET16(0x4000)

struct icmp_error {
	__u8 type, code;
	__be16 check;
	__be16 unused, mtu;
	__u8 quote[ICMP_QUOTE];
};

struct icmp_cause {
	enum verdict verdict;
	__u8 type, code;
	__u16 mtu; /* of the way on, bytes; 0 where that is not the matter */
	__be32 from; /* who says so */
};

static __always_inline int icmp_is_error(__u8 type)
{
	return type == ICMP_UNREACHABLE || type == ICMP_TIME_EXCEEDED ||
	       type == ICMP_PARAMETER_PROBLEM;
}

static __always_inline __be16 icmp_checksum(const void *data, __u32 size)
{
	__u64 sum = (__u64)csum_diff(0, 0, data, size, 0) & 0xffffffff;

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__be16)~((sum & 0xffff) + (sum >> 16));
}

/* Never about an error, nor about what went to many, came from no single host or is a fragment but the
 * first (RFC 1122, 3.2.2). */
static __always_inline int icmp_may_answer(const struct __sk_buff *skb, const struct packet *packet)
{
	__be32 from = packet->ip->saddr;

	return packet->ip->protocol != IP_PROTOCOL_ICMP &&
	       !(packet->ip->frag_off & IP_FRAGMENT_OFFSET) && skb->pkt_type != PACKET_BROADCAST &&
	       skb->pkt_type != PACKET_MULTICAST && packet_is_unicast(packet) && from &&
	       (from & NET32(0xf0000000)) < NET32(0xe0000000) &&
	       (from & NET32(0xff000000)) != NET32(0x7f000000);
}

/* Leave `len` bytes of the packet, all to be written anew, with the Ethernet header in front.
 *
 * Taken off at the front and in two steps: the first takes along the place of a checksum that has
 * not been computed yet (CHECKSUM_PARTIAL), and the second sees that it is gone. Otherwise the
 * kernel would write one into the midst of the answer.
 */
static __always_inline int icmp_clear(struct __sk_buff *skb, __u32 len)
{
	if (skb->len < len + 64 && pull_data(skb, skb->len)) /* only what is in one piece grows */
		return -1;
	return change_tail(skb, len + 64, 0) || adjust_room(skb, -60, BPF_ADJ_ROOM_MAC, 0) ||
	       adjust_room(skb, -4, BPF_ADJ_ROOM_MAC, 0);
}

/* Drop the packet and tell its sender why. */
static __always_inline int icmp_answer(struct __sk_buff *skb, struct packet *packet, enum hook hook,
				       const struct icmp_cause *cause)
{
	struct icmp_error error = { .type = cause->type, .code = cause->code };
	const __u32 quoted = (packet->ip->ihl * 4 & 0x3c) + 8;
	const __u32 length = sizeof(struct iphdr) + 8 + quoted;
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tos = ICMP_TOS,
		.tot_len = NET16(length),
		.frag_off = IP_DONT_FRAGMENT,
		.ttl = ICMP_TTL,
		.protocol = IP_PROTOCOL_ICMP,
		.saddr = cause->from,
		.daddr = packet->ip->saddr,
	};
	__u8 mac[6];

	account(skb, hook, cause->verdict);
	packet_settle(skb);
	if (!icmp_may_answer(skb, packet))
		return TC_ACT_SHOT;
	if (load_bytes(skb, sizeof(struct ethhdr), error.quote, quoted))
		return TC_ACT_SHOT;
	error.mtu = NET16(cause->mtu);
	error.check = icmp_checksum(&error, 8 + quoted);
	ip.check = icmp_checksum(&ip, sizeof(ip));
	if (icmp_clear(skb, sizeof(struct ethhdr) + length) ||
	    store_bytes(skb, sizeof(struct ethhdr), &ip, sizeof(ip), BPF_F_RECOMPUTE_CSUM) ||
	    store_bytes(skb, sizeof(struct ethhdr) + sizeof(ip), &error, 8 + quoted,
			BPF_F_RECOMPUTE_CSUM) ||
	    !packet_point(skb, packet))
		return TC_ACT_SHOT;
	mac_copy(mac, packet->eth->h_dest);
	mac_copy(packet->eth->h_dest, packet->eth->h_source);
	mac_copy(packet->eth->h_source, mac);
	return (int)redirect(skb->ifindex, 0);
}
