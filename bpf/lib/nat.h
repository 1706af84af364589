/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Flows that are translated, in pairs: one entry for each direction. */
#pragma once

#include "l4.h"

#define NAT_REFRESH_NSEC 1000000000ULL
#define NAT_TRIES 32
/* Source ports that this node gives: no node port is among them. */
#define NAT_FIRST_PORT 32768

static __always_inline void nat_key_of(struct nat_key *key, const struct packet *packet,
				       const struct l4 *l4)
{
	address_from_v4(&key->source, packet->ip->saddr);
	address_from_v4(&key->destination, packet->ip->daddr);
	key->source_port = l4->ports.source;
	key->destination_port = l4->ports.destination;
	key->protocol = packet->ip->protocol;
}

static __always_inline struct nat_value *nat_lookup(const struct nat_key *key)
{
	return map_lookup(MAP(nat), key);
}

/* How an answer to what goes on as `to` comes in. */
static __always_inline void nat_key_back(struct nat_key *back, const struct nat_key *key,
					 const struct nat_value *to)
{
	back->source = to->destination;
	back->destination = to->source;
	back->source_port = to->destination_port;
	back->destination_port = to->source_port;
	back->protocol = key->protocol;
}

/* Turn `value`, as what `key` goes on, into as what `back` goes on; with the two the other way round
 * this turns it back. */
static __always_inline void nat_value_of_other(struct nat_value *value, const struct nat_key *key)
{
	value->source = key->destination;
	value->destination = key->source;
	value->source_port = key->destination_port;
	value->destination_port = key->source_port;
	value->flags ^= NAT_REVERSE;
}

/* Note that the flow is in use, and whether it is being closed. The map may forget either entry of
 * a pair, whichever was used least: about once a second the other one is kept, or made again. */
static __always_inline void nat_use(const struct nat_key *key, struct nat_value *value, int closes)
{
	const __u64 now = ktime_get_coarse_ns();
	struct nat_value again, *other;
	struct nat_key back = {};

	closes = closes && !(value->flags & NAT_CLOSING);
	if (LIKELY(now - value->used < NAT_REFRESH_NSEC && !closes))
		return;
	value->used = now;
	if (closes)
		value->flags |= NAT_CLOSING;
	nat_key_back(&back, key, value);
	other = map_lookup(MAP(nat), &back);
	if (LIKELY(other)) {
		other->used = now;
		other->flags |= value->flags & NAT_CLOSING;
		return;
	}
	again = *value;
	nat_value_of_other(&again, key);
	map_update(MAP(nat), &back, &again, BPF_NOEXIST);
}

/* Forget both entries. */
static __always_inline void nat_remove(const struct nat_key *key, const struct nat_value *value)
{
	struct nat_key back = {};

	nat_key_back(&back, key, value);
	map_delete(MAP(nat), &back);
	map_delete(MAP(nat), key);
}

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

	if (back->protocol == IP_PROTOCOL_TCP)
		sock = skc_lookup_tcp(skb, &tuple, sizeof(tuple), BPF_F_CURRENT_NETNS, 0);
	else
		sock = sk_lookup_udp(skb, &tuple, sizeof(tuple), BPF_F_CURRENT_NETNS, 0);
	if (!sock)
		return 0;
	sk_release(sock);
	return 1;
}

/* Say whether the entry is the other half of what comes in as `key`, from before it was forgotten. */
static __always_inline int nat_is_back(const struct nat_key *back, const struct nat_key *key)
{
	const struct nat_value *is = map_lookup(MAP(nat), back);

	return is && address_equal(&is->source, &key->destination) &&
	       address_equal(&is->destination, &key->source) &&
	       is->source_port == key->destination_port && is->destination_port == key->source_port;
}

/* Take a port for the flow, and with it the entry for its answers, which is what keeps two flows
 * from taking the same one. The client's own, where that is free; 0 where every try failed. */
static __always_inline int nat_take_port(struct __sk_buff *skb, const struct nat_key *key,
					 struct nat_value *to, int own_address)
{
	struct nat_key back = {};
	int i;

	nat_key_back(&back, key, to);
	nat_value_of_other(to, key);
	for (i = 0; i < NAT_TRIES; i++) {
		if (!own_address || !nat_port_taken(skb, &back)) {
			if (!map_update(MAP(nat), &back, to, BPF_NOEXIST))
				break;
			if (nat_is_back(&back, key))
				break;
		}
		back.destination_port = NET16(NAT_FIRST_PORT | get_prandom_u32());
	}
	nat_value_of_other(to, &back);
	return i < NAT_TRIES;
}

static __always_inline int nat_goes_on_alike(const struct nat_value *a, const struct nat_value *b)
{
	return address_equal(&a->source, &b->source) &&
	       address_equal(&a->destination, &b->destination) &&
	       a->source_port == b->source_port && a->destination_port == b->destination_port;
}

/* Make both entries of a new flow; 0 where no port was free. `own_address`: it goes on with an
 * address of the node's own, so that the node's sockets have a say. */
static __always_inline struct nat_value *nat_create(struct __sk_buff *skb,
						    const struct nat_key *key, struct nat_value *to,
						    int own_address)
{
	struct nat_value *made;
	struct nat_key back = {};

	to->source_port = key->source_port;
	to->created = to->used = ktime_get_coarse_ns();
	if (!nat_take_port(skb, key, to, own_address))
		return 0;
	if (LIKELY(!map_update(MAP(nat), key, to, BPF_NOEXIST)))
		return nat_lookup(key);
	/* Another CPU was faster with a packet of the same flow, or there is no memory. */
	made = nat_lookup(key);
	if (!made || !nat_goes_on_alike(made, to)) {
		nat_key_back(&back, key, to);
		map_delete(MAP(nat), &back);
	}
	return made;
}
