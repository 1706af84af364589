/* SPDX-License-Identifier: GPL-3.0-or-later */
/* New flows, and the ports that they go on with. */
#pragma once

#include "gc.h"
#include "share.h"

/* How often one is looked for that no flow has. */
#define NAT_ROUNDS 3
/* How often one is looked for of those that are kept for a pod. */
#define NAT_OWN_PORTS 32

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
	return packet_has_socket(p, back, BPF_F_CURRENT_NETNS);
}

/* Let a flow keep its port, or a common one near it where it is another's; 0 where none of both is given.
 * Identifiers of ICMP echo are in no range. */
static __always_inline int nat_keep_port(struct nat_key *back, enum nat_address address,
					 const struct address *from, __u16 flags)
{
	__u16 port;

	if (address == NAT_CLIENTS)
		return 1;
	port = share_near(from, flags, NET16(back->destination_port));
	back->destination_port = NET16(port);
	if (MASQUERADES && back->protocol == IP_PROTOCOL_ICMP)
		return 1;
	if ((__u16)(port - NAT_FIRST_PORT) < SHARE_PORTS)
		return 1;
	return address == NAT_DEVICES && port >= NAT_FIRST_PORT + SHARE_PORTS + SHARE_NODE_PORTS;
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

/* Look for a common port that no flow has, `tries` times. Where none was found, whoever takes the last
 * one that was looked at sees that. */
static __always_inline void nat_find_port(struct nat_key *back, __u32 ports, int tries)
{
	const struct nat_value *is;
	int i;

	for (i = 0; i < tries; i++) {
		back->destination_port = NET16(share_common(ports));
		is = nat_lookup(back);
		if (!is || nat_is_over(back, is))
			return;
	}
}

/* The same for ports that are kept for whoever begins the flow. */
static __always_inline void nat_find_own_port(struct nat_key *back, __u32 runs,
					      const struct address *from, __u16 flags)
{
	const struct share share = share_of(from, flags);
	const struct nat_value *is;
	int i;

	for (i = 0; i < NAT_OWN_PORTS; i++) {
		back->destination_port = NET16(share_own(&share, runs));
		is = nat_lookup(back);
		if (!is || nat_is_over(back, is))
			return;
	}
}

/* Take a port for the flow, and with it the entry for its answers. The client's own, where that is
 * free, and for an address of the node's among those that it gives; then a common one, and at last one of
 * those that are kept for whoever begins the flow. 0 where none was found. */
static __always_inline int nat_take_port(const struct packet *p, struct nat_value *to,
					 struct nat_key *back, enum nat_address address, int tries)
{
	const __u32 unknown = p->skb->len;
	const struct nat_key *key = p->tuple;
	__u32 ports = SHARE_PORTS, runs = SHARE_RUNS;
	int round, taken = 0;

	nat_key_back(back, key, to);
	nat_value_of_other(to, key);
	FORGET(address, unknown);
	FORGET(back->protocol, (__u16)unknown);
	if (!nat_keep_port(back, address, &key->source, to->flags))
		nat_find_port(back, SHARE_PORTS, tries);
	FORGET(back->destination_port, (__u16)unknown);
	/* As a loop, clang lays it out so that it falls into its own beginning, which kernels up to 6.1 refuse. */
#pragma unroll
	for (round = 0; round <= NAT_ROUNDS; round++) {
		taken = (address == NAT_CLIENTS || !nat_port_taken(p, back)) &&
			nat_take(back, key, to);
		if (taken || round == NAT_ROUNDS)
			break;
		if (address == NAT_DEVICES && round) {
			ports = SHARE_ALL_PORTS;
			runs = SHARE_ALL_RUNS;
		}
		if (round < NAT_ROUNDS - 1) {
			FORGET(ports, unknown);
			nat_find_port(back, ports, tries);
		} else if (share_has_own(to->flags)) {
			FORGET(runs, unknown);
			nat_find_own_port(back, runs, &key->source, to->flags);
		} else {
			break;
		}
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

/* Make both entries of a flow; 0 where it was not this packet that did. `tries`: see nat_find_port. */
static __always_inline int nat_make(struct packet *p, struct nat_value *to, enum nat_address address,
				    int tries)
{
	const struct nat_key *key = p->tuple;
	struct nat_key back = {};
	int made;

	to->source_port = key->source_port;
	to->created = to->used = ktime_get_coarse_ns();
	if (!nat_take_port(p, to, &back, address, tries))
		return 0;
	made = !map_update(MAP(nat), key, to, BPF_NOEXIST);
	p->flow = nat_lookup(key);
	/* Another CPU was faster with a packet of the same flow, or there is no memory. */
	if (UNLIKELY(!made) && (!p->flow || !nat_goes_on_alike(p->flow, to)))
		map_delete(MAP(nat), &back);
	return made;
}

/* Begin a flow of the packet, as which it is to go on. */
static __always_inline enum verdict nat_create(struct packet *p, struct nat_value *to,
					       enum nat_address address, int tries)
{
	struct nat_scratch_value *flow = gc_begin(gc_account(p->tuple, to), to->flags);

	if (!flow)
		return VERDICT_NAT_QUOTA;
	if (LIKELY(nat_make(p, to, address, tries)))
		gc_made(flow, p->tuple, to);
	else
		quota_give_back(flow);
	return p->flow ? VERDICT_NONE : VERDICT_NAT_EXHAUSTED;
}
