/* SPDX-License-Identifier: GPL-3.0-or-later */
/* New flows, and the ports that they go on with. */
#pragma once

#include "gc.h"

/* Source ports that this node gives with its own address start at NAT_FIRST_PORT: none is a node
 * port's, and at first none that the kernel gives to the node's own sockets. */
#define NAT_PORTS (30000 - NAT_FIRST_PORT)
#define NAT_NODE_PORTS 2768
#define NAT_ALL_PORTS (65536 - NAT_FIRST_PORT - NAT_NODE_PORTS)
/* How often one is looked for that no flow has. */
#define NAT_ROUNDS 4

/* What a new flow goes on with. */
enum nat_address {
	NAT_CLIENTS, /* the client's own address */
	NAT_NODES,   /* one of the node's, so that the node's sockets have a say */
	NAT_DEVICES, /* one of the node's whose sockets give way */
};

/* Say whether a socket of the node's own would get the answers. Identifiers of ICMP echo have none. */
static __always_inline int nat_port_taken(const struct packet *p, const struct nat_key *back)
{
	if (MASQUERADES && back->protocol == IP_PROTOCOL_ICMP)
		return 0;
	return packet_has_socket(p, back);
}

/* A port of those that are given: any of the first, or later of all of them. */
static __always_inline __be16 nat_random_port(__u32 ports)
{
	__u64 number = ((__u64)get_prandom_u32() * ports) >> 32;
	__u64 beyond;

	OPAQUE(number); /* or clang makes a jump of it, in a loop */
	beyond = (NAT_PORTS - 1 - number) >> 63;
	OPAQUE(beyond);
	return NET16((__u16)(NAT_FIRST_PORT + number + beyond * NAT_NODE_PORTS));
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

/* Look for a port that no flow has, `tries` times. Where none was found, whoever takes the last one that
 * was looked at sees that. */
static __always_inline void nat_find_port(struct nat_key *back, __u32 ports, int tries)
{
	const struct nat_value *is;
	int i;

	for (i = 0; i < tries; i++) {
		back->destination_port = nat_random_port(ports);
		is = nat_lookup(back);
		if (!is || nat_is_over(back, is))
			return;
	}
}

/* Take a port for the flow, and with it the entry for its answers. The client's own, where that is
 * free, and for an address of the node's among those that it gives; 0 where none was found. */
static __always_inline int nat_take_port(const struct packet *p, struct nat_value *to,
					 struct nat_key *back, enum nat_address address, int tries)
{
	const struct nat_key *key = p->tuple;
	__u32 ports = NAT_PORTS;
	int round, taken = 0;

	nat_key_back(back, key, to);
	nat_value_of_other(to, key);
	FORGET(address, p->skb->len);
	FORGET(back->protocol, (__u16)p->skb->len);
	if (!nat_gives(back, address))
		nat_find_port(back, NAT_PORTS, tries);
	/* As a loop, clang lays it out so that it falls into its own beginning, which kernels up to 6.1 refuse. */
#pragma unroll
	for (round = 0; round <= NAT_ROUNDS; round++) {
		taken = (address == NAT_CLIENTS || !nat_port_taken(p, back)) &&
			nat_take(back, key, to);
		if (taken || round == NAT_ROUNDS)
			break;
		if (address == NAT_DEVICES && round)
			ports = NAT_ALL_PORTS;
		FORGET(ports, p->skb->len);
		nat_find_port(back, ports, tries);
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

/* Make both entries of a new flow of the packet; 0 where no port was free. `tries`: see nat_find_port. */
static __always_inline struct nat_value *nat_create(const struct packet *p, struct nat_value *to,
						    enum nat_address address, int tries)
{
	const struct nat_key *key = p->tuple;
	struct nat_value *made;
	struct nat_key back = {};

	to->source_port = key->source_port;
	to->created = to->used = ktime_get_coarse_ns();
	if (!nat_take_port(p, to, &back, address, tries))
		return 0;
	if (LIKELY(!map_update(MAP(nat), key, to, BPF_NOEXIST))) {
		gc_take_turn(key);
		return nat_lookup(key);
	}
	/* Another CPU was faster with a packet of the same flow, or there is no memory. */
	made = nat_lookup(key);
	if (!made || !nat_goes_on_alike(made, to))
		map_delete(MAP(nat), &back);
	return made;
}
