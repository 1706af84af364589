/* SPDX-License-Identifier: GPL-3.0-or-later */
/* IPv4: its reader, its writer, and its form of what the kernel is asked. */
#pragma once

#include "checksum.h"
#include "packet.h"

#include <linux/ip.h>

#define IPV4_FRAGMENT (FRAGMENT_MORE | FRAGMENT_OFFSET)
#define IPV4_DONT_FRAGMENT NET16(0x4000)

/* What an ICMP error quotes of a header, as far as that is rewritten. */
struct ipv4_inner {
	__be16 check;
	__be32 source, destination;
} __attribute__((packed));

/* The half of struct bpf_sock_tuple that IPv4 needs. */
struct ipv4_sockets {
	__be32 source, destination;
	__be16 source_port, destination_port;
};

static __always_inline struct iphdr *ipv4_header(const struct packet *p)
{
	return (void *)(p->eth + 1);
}

static __always_inline int ipv4_point(struct packet *p)
{
	p->eth = packet_reach(p->skb, sizeof(struct ethhdr) + sizeof(struct iphdr));
	return p->eth != 0;
}

static __always_inline enum verdict ipv4_read(struct packet *p)
{
	const struct iphdr *ip;

	if (!ipv4_point(p))
		return VERDICT_MALFORMED;
	ip = ipv4_header(p);
	if (ip->version != 4 || ip->ihl < 5)
		return VERDICT_MALFORMED;
	if (p->skb->len - sizeof(struct ethhdr) < (__u32)__builtin_bswap16(ip->tot_len))
		return VERDICT_MALFORMED;
	address_from_v4(&p->tuple->source, ip->saddr);
	address_from_v4(&p->tuple->destination, ip->daddr);
	p->tuple->protocol = ip->protocol;
	p->hop_limit = ip->ttl;
	p->fragment = NET16(ip->frag_off) & IPV4_FRAGMENT;
	p->l4 = sizeof(struct ethhdr) + ip->ihl * 4;
	return VERDICT_NONE;
}

static __always_inline void ipv4_source(const struct packet *p, struct address *source)
{
	address_from_v4(source, ipv4_header(p)->saddr);
}

static __always_inline __be32 ipv4_fragment_id(const struct packet *p)
{
	return NET32((__u32)NET16(ipv4_header(p)->id));
}

static __always_inline int ipv4_may_fragment(const struct packet *p)
{
	return !(ipv4_header(p)->frag_off & IPV4_DONT_FRAGMENT);
}

/* TTL less one, and the header checksum with it (RFC 1624: the sum grows by what the word lost). */
static __always_inline void ipv4_hop(const struct packet *p)
{
	struct iphdr *ip = ipv4_header(p);
	__u32 sum = ip->check + NET16(0x0100);

	ip->check = (__u16)(sum + (sum >= 0xffff));
	ip->ttl--;
}

/* What the addresses add to a sum that covers them. */
static __always_inline __u64 ipv4_address_change(const struct nat_key *from,
						 const struct nat_value *to)
{
	return checksum_change(from->source.words[3], to->source.words[3]) +
	       checksum_change(from->destination.words[3], to->destination.words[3]);
}

/* Give the packet other addresses; `source` 0: it keeps that. */
static __always_inline void ipv4_readdress(const struct packet *p, const struct address *source,
					   const struct address *destination)
{
	struct iphdr *ip = ipv4_header(p);
	const __be32 from = source ? source->words[3] : ip->saddr;
	const __u64 change = checksum_change(ip->saddr, from) +
			     checksum_change(ip->daddr, destination->words[3]);

	ip->saddr = from;
	ip->daddr = destination->words[3];
	ip->check = checksum_after(ip->check, checksum_fold32(change));
}

/* Read the header that an ICMP error quotes at `offset`. `inner` stays 0 where it is none of a packet
 * that went out by the address at which the error came in. */
static __always_inline enum verdict ipv4_inner_read(struct packet *p, __u32 offset)
{
	struct nat_key *tuple = p->tuple;
	struct iphdr ip;

	if (load_bytes(p->skb, offset, &ip, sizeof(ip)))
		return VERDICT_MALFORMED;
	if (ip.saddr != tuple->destination.words[3] || NET16(ip.frag_off) & FRAGMENT_OFFSET)
		return VERDICT_NONE;
	address_from_v4(&tuple->source, ip.daddr);
	tuple->protocol = ip.protocol;
	p->inner = offset;
	p->l4 = offset + ip.ihl * 4;
	return VERDICT_NONE;
}

static __always_inline int ipv4_inner_destination(const struct packet *p, __u32 offset,
						  struct address *destination)
{
	__be32 ip = 0;

	if (load_bytes(p->skb, offset + __builtin_offsetof(struct iphdr, daddr), &ip, sizeof(ip)))
		return -1;
	address_from_v4(destination, ip);
	return 0;
}

/* Rewrite the quoted header to what it was when that packet came in. Its addresses and its checksum make
 * up for each other: to the error's own checksum this adds nothing. 0 where it cannot be written. */
static __always_inline int ipv4_inner_readdress(const struct packet *p, const struct nat_value *to)
{
	const __u32 at = p->inner + __builtin_offsetof(struct iphdr, check);
	struct ipv4_inner ip;

	if (load_bytes(p->skb, at, &ip, sizeof(ip)))
		return 0;
	ip.check = checksum_after(ip.check, checksum_fold32(ipv4_address_change(p->tuple, to)));
	ip.source = to->destination.words[3];
	ip.destination = to->source.words[3];
	return !store_bytes(p->skb, at, &ip, sizeof(ip), 0);
}

/* Say whether a socket of a network namespace would get what comes in as `key`. */
static __always_inline int ipv4_has_socket(struct __sk_buff *skb, const struct nat_key *key,
					   __u64 netns)
{
	struct ipv4_sockets tuple = {
		.source = key->source.words[3],
		.destination = key->destination.words[3],
		.source_port = key->source_port,
		.destination_port = key->destination_port,
	};
	struct bpf_sock *sock;

	if (key->protocol == IP_PROTOCOL_TCP)
		sock = skc_lookup_tcp(skb, &tuple, sizeof(tuple), netns, 0);
	else
		sock = sk_lookup_udp(skb, &tuple, sizeof(tuple), netns, 0);
	if (!sock)
		return 0;
	sk_release(sock);
	return 1;
}

/* Put into a question to the routing table from where to where the packet goes. */
static __always_inline void ipv4_fib(const struct packet *p, struct bpf_fib_lookup *fib,
				     const struct address *source,
				     const struct address *destination)
{
	fib->family = AF_INET;
	fib->tos = ipv4_header(p)->tos;
	fib->ipv4_src = source->words[3];
	fib->ipv4_dst = destination->words[3];
}

static __always_inline void ipv4_next_hop(const struct packet *p, const struct address *neighbor)
{
	*p->neighbor = (struct bpf_redir_neigh){
		.nh_family = AF_INET,
		.ipv4_nh = neighbor->words[3],
	};
}
