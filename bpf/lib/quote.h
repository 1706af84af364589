/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ICMP errors about packets that were translated: who sent one is told of what it sent. Without
 * these the path's MTU is never found (RFC 1191, RFC 5508). */
#pragma once

#include "icmp.h"
#include "translate.h"

#define ICMP_HEADER 8
#define IP_CHECK 10

/* What is quoted of a packet: the headers' parts that are rewritten. */
struct quote_addresses {
	__be16 check;
	__be32 source, destination;
} __attribute__((packed));

/* Read what an ICMP error quotes: 1, 0 where it is none, or about nothing that is translated, -1 where
 * it is too short for one. `key` is the flow of which the error is a part: that which answers what is
 * quoted. */
static __always_inline int quote_parse(struct __sk_buff *skb, struct packet *packet, struct l4 *l4,
				       struct nat_key *key)
{
	const __u32 offset = sizeof(struct ethhdr) + packet->ip->ihl * 4;
	const __be32 to = packet->ip->daddr;
	const struct iphdr *quoted;
	struct ports ports;
	const __u8 *icmp;

	if (packet->ip->protocol != IP_PROTOCOL_ICMP || packet->ip->frag_off & IP_FRAGMENT)
		return 0;
	icmp = l4_reach(skb, packet, offset, ICMP_HEADER);
	if (!icmp)
		return -1;
	if (!icmp_is_error(icmp[0]))
		return 0;
	quoted = l4_reach(skb, packet, offset + ICMP_HEADER, sizeof(*quoted));
	if (!quoted)
		return -1;
	if (quoted->saddr != to || quoted->frag_off & IP_FRAGMENT_OFFSET ||
	    !l4_is_known(quoted->protocol))
		return 0;
	address_from_v4(&key->source, quoted->daddr);
	address_from_v4(&key->destination, quoted->saddr);
	key->protocol = quoted->protocol;
	l4->quote = offset + ICMP_HEADER;
	l4->offset = l4->quote + quoted->ihl * 4;
	icmp = l4_reach(skb, packet, l4->offset, 8);
	if (!icmp)
		return -1;
	ports = *(const struct ports *)icmp;
	if (MASQUERADES && key->protocol == IP_PROTOCOL_ICMP && !l4_echo_ports(icmp, &ports))
		return 0;
	key->source_port = ports.destination;
	key->destination_port = ports.source;
	return 1;
}

/* The ports of the quoted packet: those that it had. */
static __always_inline int quote_write_ports(struct __sk_buff *skb, const struct l4 *l4,
					     const struct nat_key *from, const struct nat_value *to)
{
	const struct ports ports = { to->destination_port, to->source_port };

	if (MASQUERADES && from->protocol == IP_PROTOCOL_ICMP)
		return translate_echo(skb, l4, to);
	return !store_bytes(skb, l4->offset, &ports, sizeof(ports), 0);
}

/* The checksum of the quoted packet, where it has one and that is quoted: what it becomes adds to
 * `change`. */
static __always_inline int quote_checksum(struct __sk_buff *skb, const struct l4 *l4,
					  __u16 protocol, __u32 sum, __u64 *change)
{
	const __u32 at = l4->offset + l4_check(protocol);
	__u16 check = 0, changed;

	if (load_bytes(skb, at, &check, sizeof(check)) || (protocol == IP_PROTOCOL_UDP && !check))
		return 1;
	changed = (__u16)~checksum_fold16(checksum_fold32((__u64)(__u16)~check + sum));
	if (protocol == IP_PROTOCOL_UDP && !changed)
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
	__u64 change = checksum_change(from->source_port, to->source_port) +
		       checksum_change(from->destination_port, to->destination_port);
	struct quote_addresses addresses;
	__u32 sum = checksum_fold32(change);

	/* ICMP's covers no addresses. */
	if (!MASQUERADES || from->protocol != IP_PROTOCOL_ICMP)
		sum = checksum_fold32((__u64)inner + sum);
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
	    !quote_write_ports(skb, l4, from, to) ||
	    !quote_checksum(skb, l4, from->protocol, sum, &change) ||
	    l4_csum_replace(skb, l4->quote - ICMP_HEADER + ICMP_CHECK, 0, checksum_fold32(change), 0))
		return 0;
	return packet_point(skb, packet);
}
