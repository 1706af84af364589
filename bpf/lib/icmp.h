/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ICMP errors about a packet that goes no further, sent back where it came from (RFC 792, 1812). */
#pragma once

#include "l4.h"
#include "node.h"

#define ICMP_PORT_UNREACHABLE 3
#define ICMP_FRAGMENTATION_NEEDED 4
#define ICMP_TTL 64
#define ICMP_TOS 0xc0 /* internetwork control */

/* What is quoted: the IPv4 header, at most 60 bytes, and 8 of what is behind it. */
#define ICMP_QUOTE 68

struct icmp_error {
	__u8 type, code;
	__be16 check;
	__be16 unused, mtu;
	__u8 quote[ICMP_QUOTE];
};

static __always_inline __be16 icmp_checksum(const void *data, __u32 size)
{
	__u64 sum = (__u64)csum_diff(0, 0, data, size, 0) & 0xffffffff;

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__be16)~((sum & 0xffff) + (sum >> 16));
}

/* Never about ICMP, nor about what went to many, came from no single host or is a fragment but the
 * first (RFC 1122, 3.2.2). */
static __always_inline int icmp_may_answer(const struct packet *p)
{
	const __u32 type = p->skb->pkt_type;
	const __be32 from = p->tuple->source.words[3];

	return p->tuple->protocol != IP_PROTOCOL_ICMP && !packet_is_later_fragment(p) &&
	       type != PACKET_BROADCAST && type != PACKET_MULTICAST &&
	       address_is_unicast(&p->tuple->destination) && from &&
	       (from & NET32(0xf0000000)) < NET32(0xe0000000) &&
	       (from & NET32(0xff000000)) != NET32(0x7f000000);
}

/* The address that says so: that which has no such port, else this node as the sender knows it. */
static __always_inline __be32 icmp_source(const struct packet *p)
{
	const struct config_value *config;

	if (p->icmp == ICMP_CAUSE(ICMP_UNREACHABLE, ICMP_PORT_UNREACHABLE, 0))
		return p->tuple->destination.words[3];
	config = node_config(FAMILY_IPV4);
	if (!config)
		return 0;
	return packet_is_from_pod(p) ? config->gateway_ip.words[3] : config->node_ip.words[3];
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

/* Tell the sender of a packet why it is dropped; the packet becomes the answer. 0 where none is due. The
 * packet is read again: else every walk would keep for this what it read. */
static __always_inline int icmp_reply(struct packet *p)
{
	struct icmp_error error = {
		.type = p->icmp >> 24,
		.code = p->icmp >> 16 & 0xff,
		.mtu = NET16(p->icmp),
	};
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tos = ICMP_TOS,
		.frag_off = IPV4_DONT_FRAGMENT,
		.ttl = ICMP_TTL,
		.protocol = IP_PROTOCOL_ICMP,
	};
	struct __sk_buff *skb = p->skb;
	__u32 quoted, length;
	__u8 mac[6];

	if (packet_read(p) != VERDICT_NONE || !icmp_may_answer(p))
		return 0;
	quoted = ((p->l4 - sizeof(struct ethhdr)) & 0x3c) + 8;
	length = sizeof(struct iphdr) + 8 + quoted;
	ip.tot_len = NET16(length);
	ip.saddr = icmp_source(p);
	ip.daddr = p->tuple->source.words[3];
	if (!ip.saddr || load_bytes(skb, sizeof(struct ethhdr), error.quote, quoted))
		return 0;
	error.check = icmp_checksum(&error, 8 + quoted);
	ip.check = icmp_checksum(&ip, sizeof(ip));
	if (icmp_clear(skb, sizeof(struct ethhdr) + length) ||
	    store_bytes(skb, sizeof(struct ethhdr), &ip, sizeof(ip), BPF_F_RECOMPUTE_CSUM) ||
	    store_bytes(skb, sizeof(struct ethhdr) + sizeof(ip), &error, 8 + quoted,
			BPF_F_RECOMPUTE_CSUM) ||
	    !packet_point(p))
		return 0;
	mac_copy(mac, p->eth->h_dest);
	mac_copy(p->eth->h_dest, p->eth->h_source);
	mac_copy(p->eth->h_source, mac);
	packet_skip_snat(p);
	return 1;
}
