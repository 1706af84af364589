/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Other addresses and ports for a packet, and the checksums that go with them. */
#pragma once

#include "l4.h"

/* What a word that changes adds to a one's complement sum (RFC 1624). */
static __always_inline __u64 checksum_change(__u32 from, __u32 to)
{
	return (__u64)~from + to;
}

static __always_inline __u32 checksum_fold32(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	return (__u32)((sum & 0xffffffff) + (sum >> 32));
}

static __always_inline __u16 checksum_fold16(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)((sum & 0xffff) + (sum >> 16));
}

/* The identifier of ICMP echo: the one of its two ports that is not 0. */
static __always_inline int translate_echo(struct __sk_buff *skb, const struct l4 *l4,
					  const struct nat_value *to)
{
	const __be16 id = to->source_port | to->destination_port;

	return !store_bytes(skb, l4->offset + ICMP_ECHO_ID, &id, sizeof(id), 0);
}

/* Rewrite a packet that comes in as `from` to what `to` says. 0 where its headers cannot be written;
 * afterwards `packet` points at them anew.
 *
 * The sum over ports and payload is the kernel's to correct: it may not have been computed yet
 * (CHECKSUM_PARTIAL, which covers the addresses alone), or the device may have it (CHECKSUM_COMPLETE).
 * A UDP checksum of 0 says that there is none, and stays. ICMP's covers no addresses. A fragment but
 * the first has nothing but addresses.
 */
static __always_inline int translate(struct __sk_buff *skb, struct packet *packet,
				     const struct l4 *l4, const struct nat_key *from,
				     const struct nat_value *to)
{
	const __u64 addresses =
		checksum_change(from->source.words[3], to->source.words[3]) +
		checksum_change(from->destination.words[3], to->destination.words[3]);
	const __u64 ports = checksum_change(from->source_port, to->source_port) +
			    checksum_change(from->destination_port, to->destination_port);
	const struct ports new_ports = { to->source_port, to->destination_port };
	const int echo = MASQUERADES && from->protocol == IP_PROTOCOL_ICMP;
	const __u32 check = l4->offset + l4_check(from->protocol);
	const __u64 flags = from->protocol == IP_PROTOCOL_UDP ? BPF_F_MARK_MANGLED_0 : 0;

	packet->ip->saddr = to->source.words[3];
	packet->ip->daddr = to->destination.words[3];
	packet->ip->check = (__u16)~checksum_fold16(
		checksum_fold32((__u64)(__u16)~packet->ip->check + checksum_fold32(addresses)));
	if (UNLIKELY(l4->fragment >= FRAGMENT_LATER))
		return 1;
	if (!echo &&
	    l4_csum_replace(skb, check, 0, checksum_fold32(addresses), flags | BPF_F_PSEUDO_HDR))
		return 0;
	if (to->source_port != from->source_port || to->destination_port != from->destination_port)
		if (l4_csum_replace(skb, check, 0, checksum_fold32(ports), flags) ||
		    (echo ? !translate_echo(skb, l4, to) :
			    store_bytes(skb, l4->offset, &new_ports, sizeof(new_ports), 0)))
			return 0;
	return packet_point(skb, packet);
}
