/* SPDX-License-Identifier: GPL-3.0-or-later */
/* New flows, and the ports that they go on with. */
#pragma once

#include "turns.h"

/* Source ports that this node gives with its own address start at NAT_FIRST_PORT: none is a node
 * port's, and at first none that the kernel gives to the node's own sockets. */
#define NAT_PORTS (30000 - NAT_FIRST_PORT)
#define NAT_NODE_PORTS 2768
#define NAT_ALL_PORTS (65536 - NAT_FIRST_PORT - NAT_NODE_PORTS)
/* How often one is looked for that no flow has, and among how many each time. */
#define NAT_ROUNDS 4
#ifndef NAT_TRIES /* a program that does less has more room for it */
#define NAT_TRIES 8
#endif

/* What a new flow goes on with. */
enum nat_address {
	NAT_CLIENTS, /* the client's own address */
	NAT_NODES,   /* one of the node's, so that the node's sockets have a say */
	NAT_DEVICES, /* one of the node's whose sockets give way */
};

/* The half of struct bpf_sock_tuple that IPv4 needs. */
struct nat_tuple {
	__be32 source, destination;
	__be16 source_port, destination_port;
};

/* Say whether a socket of the node's own would get the answers. */
static __always_inline int nat_port_taken(struct __sk_buff *skb, const struct nat_key *back)
{
	struct nat_tuple tuple = {
		.source = back->source.words[3],
		.destination = back->destination.words[3],
		.source_port = back->source_port,
		.destination_port = back->destination_port,
	};
	struct bpf_sock *sock;

	if (MASQUERADES && back->protocol == IP_PROTOCOL_ICMP)
		return 0;
	if (back->protocol == IP_PROTOCOL_TCP)
		sock = skc_lookup_tcp(skb, &tuple, sizeof(tuple), BPF_F_CURRENT_NETNS, 0);
	else
		sock = sk_lookup_udp(skb, &tuple, sizeof(tuple), BPF_F_CURRENT_NETNS, 0);
	if (!sock)
		return 0;
	sk_release(sock);
	return 1;
}

/* A port of those that are given: any of the first, or later of all of them. */
static __always_inline __be16 nat_random_port(__u32 ports)
{
	const __u32 number = NAT_FIRST_PORT + (__u32)(((__u64)get_prandom_u32() * ports) >> 32);

	return NET16((__u16)(number < NAT_FIRST_PORT + NAT_PORTS ? number : number + NAT_NODE_PORTS));
}

/* Say whether a flow may keep its port. Identifiers of ICMP echo are nobody's. */
static __always_inline int nat_gives(const struct nat_key *back, enum nat_address address)
{
	const __u16 number = NET16(back->destination_port);

	if (address == NAT_CLIENTS || (MASQUERADES && back->protocol == IP_PROTOCOL_ICMP))
		return 1;
	if ((__u16)(number - NAT_FIRST_PORT) < NAT_PORTS)
		return 1;
	return address == NAT_DEVICES && number >= NAT_FIRST_PORT + NAT_PORTS + NAT_NODE_PORTS;
}

/* Take the entry for a flow's answers, which is what keeps two flows from taking the same port. */
static __always_inline int nat_take(const struct nat_key *back, const struct nat_key *key,
				    const struct nat_value *value)
{
	struct nat_value *is;

	if (LIKELY(!map_update(MAP(nat), back, value, BPF_NOEXIST)))
		return 1;
	is = nat_lookup(back);
	if (!is)
		return 0; /* no memory */
	if (nat_is_back(is, key)) {
		*is = *value;
		return 1;
	}
	if (!nat_is_over(back, is))
		return 0;
	nat_remove(back, is);
	return !map_update(MAP(nat), back, value, BPF_NOEXIST);
}

/* Look for a port that no flow has. Where there is none left, whoever takes the last one that was
 * looked at sees that. */
static __always_inline void nat_find_port(struct nat_key *back, __u32 ports)
{
	const struct nat_value *is;
	int i;

	for (i = 0; i < NAT_TRIES; i++) {
		back->destination_port = nat_random_port(ports);
		is = nat_lookup(back);
		if (!is || nat_is_over(back, is))
			return;
	}
}

/* Take a port for the flow, and with it the entry for its answers. The client's own, where that is
 * free, and for an address of the node's among those that it gives; 0 where none was found. */
static __always_inline int nat_take_port(struct __sk_buff *skb, const struct nat_key *key,
					 struct nat_value *to, struct nat_key *back,
					 enum nat_address address)
{
	int round, taken = 0;

	nat_key_back(back, key, to);
	nat_value_of_other(to, key);
	FORGET(address, skb->len);
	FORGET(back->protocol, (__u16)skb->len);
	if (!nat_gives(back, address))
		nat_find_port(back, NAT_PORTS);
	for (round = 0; round <= NAT_ROUNDS; round++) {
		taken = (address == NAT_CLIENTS || !nat_port_taken(skb, back)) &&
			nat_take(back, key, to);
		if (taken || round == NAT_ROUNDS)
			break;
		nat_find_port(back, address == NAT_DEVICES && round ? NAT_ALL_PORTS : NAT_PORTS);
	}
	nat_value_of_other(to, back);
	return taken;
}

static __always_inline int nat_goes_on_alike(const struct nat_value *a, const struct nat_value *b)
{
	return address_equal(&a->source, &b->source) &&
	       address_equal(&a->destination, &b->destination) &&
	       a->source_port == b->source_port && a->destination_port == b->destination_port;
}

/* Make both entries of a new flow; 0 where no port was free. */
static __always_inline struct nat_value *nat_create(struct __sk_buff *skb,
						    const struct nat_key *key, struct nat_value *to,
						    enum nat_address address)
{
	struct nat_value *made;
	struct nat_key back = {};

	to->source_port = key->source_port;
	to->created = to->used = ktime_get_coarse_ns();
	if (!nat_take_port(skb, key, to, &back, address))
		return 0;
	if (LIKELY(!map_update(MAP(nat), key, to, BPF_NOEXIST))) {
		turn_take(key);
		return nat_lookup(key);
	}
	/* Another CPU was faster with a packet of the same flow, or there is no memory. */
	made = nat_lookup(key);
	if (!made || !nat_goes_on_alike(made, to))
		map_delete(MAP(nat), &back);
	return made;
}
