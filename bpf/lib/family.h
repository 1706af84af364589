/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The reader and the writer of each address family. A second family is a second file beside ipv4.h, and a
 * branch in each function here. */
#pragma once

#include "ipv4.h"

/* The family of a packet, as keys of maps say it. */
static __always_inline __u32 packet_family(const struct packet *p)
{
	(void)p; /* one today */
	return FAMILY_IPV4;
}

/* Read the headers into the packet: VERDICT_NONE, or why that cannot be. */
static __always_inline enum verdict packet_read(struct packet *p)
{
	if (p->skb->protocol != NET16(ETH_P_IP))
		return VERDICT_UNSUPPORTED_L3;
	return ipv4_read(p);
}

/* The source address that the header says. */
static __always_inline void packet_source(const struct packet *p, struct address *source)
{
	ipv4_source(p, source);
}

/* Point `eth` at the headers, which a helper may have moved; 0 where the packet is shorter than them. */
static __always_inline int packet_point(struct packet *p)
{
	return ipv4_point(p);
}

static __always_inline __be32 packet_fragment_id(const struct packet *p)
{
	return ipv4_fragment_id(p);
}

static __always_inline int packet_may_fragment(const struct packet *p)
{
	return ipv4_may_fragment(p);
}

/* What a router does to each packet. */
static __always_inline void packet_hop(const struct packet *p)
{
	ipv4_hop(p);
}

static __always_inline __u64 packet_address_change(const struct packet *p, const struct nat_value *to)
{
	return ipv4_address_change(p->tuple, to);
}

static __always_inline void packet_readdress(const struct packet *p, const struct address *source,
					     const struct address *destination)
{
	ipv4_readdress(p, source, destination);
}

static __always_inline enum verdict packet_inner_read(struct packet *p, __u32 offset)
{
	return ipv4_inner_read(p, offset);
}

/* Read where the packet went that an ICMP error quotes at `offset`; not 0 where that cannot be read. */
static __always_inline int packet_inner_destination(const struct packet *p, __u32 offset,
						    struct address *destination)
{
	return ipv4_inner_destination(p, offset, destination);
}

static __always_inline int packet_inner_readdress(const struct packet *p, const struct nat_value *to)
{
	return ipv4_inner_readdress(p, to);
}

static __always_inline int packet_has_socket(const struct packet *p, const struct nat_key *key,
					     __u64 netns)
{
	return ipv4_has_socket(p->skb, key, netns);
}

static __always_inline void packet_fib(const struct packet *p, struct bpf_fib_lookup *fib,
				       const struct address *source,
				       const struct address *destination)
{
	ipv4_fib(p, fib, source, destination);
}

static __always_inline void packet_next_hop(const struct packet *p, const struct address *neighbor)
{
	ipv4_next_hop(p, neighbor);
}
