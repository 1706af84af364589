/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ICMP errors about packets that were translated: who sent one is told of what it sent. Without
 * these the path's MTU is never found (RFC 1191, RFC 5508). */
#pragma once

#include "icmp.h"
#include "translate.h"

#define ICMP_PARAMETER_PROBLEM 12
#define ICMP_HEADER 8
#define ICMP_CHECK 2 /* offset of the checksum, bytes */
#define IP_CHECK 10

/* What is quoted of a packet: the headers' parts that are rewritten. */
struct quote_addresses {
	__be16 check;
	__be32 source, destination;
} __attribute__((packed));

/* Read what an ICMP error quotes: 1, 0 where it is none, or none about TCP or UDP, -1 where it is too
 * short for one. `key` is the flow of which the error is a part: that which answers what is quoted. */
static __always_inline int quote_parse(struct __sk_buff *skb, struct packet *packet, struct l4 *l4,
				       struct nat_key *key)
{
	const __u32 offset = sizeof(struct ethhdr) + packet->ip->ihl * 4;
	const __be32 to = packet->ip->daddr;
	const struct ports *ports;
	const struct iphdr *quoted;
	const __u8 *icmp;

	if (packet->ip->protocol != ICMP_PROTOCOL ||
	    packet->ip->frag_off & (IP_FRAGMENT_MORE | IP_FRAGMENT_OFFSET))
		return 0;
	icmp = l4_reach(skb, packet, offset, ICMP_HEADER);
	if (!icmp)
		return -1;
	if (icmp[0] != ICMP_UNREACHABLE && icmp[0] != ICMP_TIME_EXCEEDED &&
	    icmp[0] != ICMP_PARAMETER_PROBLEM)
		return 0;
	quoted = l4_reach(skb, packet, offset + ICMP_HEADER, sizeof(*quoted));
	if (!quoted)
		return -1;
	if (quoted->saddr != to || quoted->frag_off & IP_FRAGMENT_OFFSET ||
	    (quoted->protocol != IP_PROTOCOL_TCP && quoted->protocol != IP_PROTOCOL_UDP))
		return 0;
	address_from_v4(&key->source, quoted->daddr);
	address_from_v4(&key->destination, quoted->saddr);
	key->protocol = quoted->protocol;
	l4->quote = offset + ICMP_HEADER;
	l4->offset = l4->quote + quoted->ihl * 4;
	ports = l4_reach(skb, packet, l4->offset, 8);
	if (!ports)
		return -1;
	key->source_port = ports->destination;
	key->destination_port = ports->source;
	return 1;
}

/* The checksum of the quoted packet, where it has one and that is quoted: what it becomes adds to
 * `change`. */
static __always_inline int quote_checksum(struct __sk_buff *skb, const struct l4 *l4, int tcp,
					  __u32 sum, __u64 *change)
{
	const __u32 at = l4->offset + (tcp ? TCP_CHECK : UDP_CHECK);
	__u16 check = 0, changed;

	if (load_bytes(skb, at, &check, sizeof(check)) || (!tcp && !check))
		return 1;
	changed = (__u16)~checksum_fold16(checksum_fold32((__u64)(__u16)~check + sum));
	if (!tcp && !changed)
		changed = 0xffff;
	*change += checksum_change(check, changed);
	return !store_bytes(skb, at, &changed, sizeof(changed), 0);
}

/* Rewrite the quoted packet to what it was when it came in, and the error to come from where that
 * went to. 0 where its headers cannot be written. */
static __always_inline int quote_translate(struct __sk_buff *skb, struct packet *packet,
					   const struct l4 *l4, const struct nat_key *from,
					   const struct nat_value *to)
{
	const __be32 source = address_equal(&from->source, &to->source) ? packet->ip->saddr :
									   to->source.words[3];
	const __u64 outer = checksum_change(packet->ip->saddr, source) +
			    checksum_change(packet->ip->daddr, to->destination.words[3]);
	const __u32 inner = checksum_fold32(
		checksum_change(from->source.words[3], to->source.words[3]) +
		checksum_change(from->destination.words[3], to->destination.words[3]));
	const struct ports ports = { to->destination_port, to->source_port };
	__u64 change = checksum_change(from->source_port, to->source_port) +
		       checksum_change(from->destination_port, to->destination_port);
	struct quote_addresses addresses;

	packet->ip->saddr = source;
	packet->ip->daddr = to->destination.words[3];
	packet->ip->check = (__u16)~checksum_fold16(
		checksum_fold32((__u64)(__u16)~packet->ip->check + checksum_fold32(outer)));
	/* In the quoted IPv4 header the addresses and the checksum make up for each other. */
	if (load_bytes(skb, l4->quote + IP_CHECK, &addresses, sizeof(addresses)))
		return 0;
	addresses.check =
		(__u16)~checksum_fold16(checksum_fold32((__u64)(__u16)~addresses.check + inner));
	addresses.source = to->destination.words[3];
	addresses.destination = to->source.words[3];
	if (store_bytes(skb, l4->quote + IP_CHECK, &addresses, sizeof(addresses), 0) ||
	    store_bytes(skb, l4->offset, &ports, sizeof(ports), 0) ||
	    !quote_checksum(skb, l4, from->protocol == IP_PROTOCOL_TCP,
			    checksum_fold32((__u64)inner + checksum_fold32(change)), &change) ||
	    l4_csum_replace(skb, l4->quote - ICMP_HEADER + ICMP_CHECK, 0, checksum_fold32(change), 0))
		return 0;
	return packet_point(skb, packet);
}
