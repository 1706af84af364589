/* SPDX-License-Identifier: GPL-3.0-or-later */
/* New flows, and the ports that they go on with. */
#pragma once

#include "gc.h"
#include "share.h"

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

/* Let a flow keep its port, or a common one near it where it is another's; 0 where none of both is given.
 * Identifiers of ICMP echo are in no range. */
static __always_inline int nat_keep_port(struct nat_key *back, enum nat_address address,
					 const struct share *share)
{
	__u16 port;

	if (address == NAT_CLIENTS)
		return 1;
	port = share_near(share, NET16(back->destination_port));
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

/* Look for a port that no flow has, `tries` times: common ones, or one's own where all bits of `own` are
 * set. Where none was found, whoever takes the last one that was looked at sees that. */
static __always_inline void nat_find_port(struct nat_key *back, const struct share *share, int all,
					  __u32 own, int tries)
{
	__u32 ports = all ? SHARE_ALL_PORTS : SHARE_PORTS;
	__u32 runs = all ? SHARE_ALL_RUNS : SHARE_RUNS;
	const struct nat_value *is;
	int i;

	OPAQUE(ports);
	OPAQUE(runs);
	OPAQUE(own);
	for (i = 0; i < tries; i++) {
		back->destination_port = NET16(share_random(share, ports, runs, own));
		is = nat_lookup(back);
		if (!is || nat_is_over(back, is))
			return;
	}
}

/* Take a port for the flow, and with it the entry for its answers. The client's own, where that is
 * free, and for an address of the node's among those that it gives; then a common one, and at last one of
 * those that are kept for whoever begins the flow. 0 where none was found. */
static __always_inline int nat_take_port(const struct packet *p, struct nat_value *to,
					 struct nat_key *back, enum nat_address address,
					 const struct share *share, int tries)
{
	const struct nat_key *key = p->tuple;
	int round, taken = 0, all = 0;

	nat_key_back(back, key, to);
	nat_value_of_other(to, key);
	FORGET(address, p->skb->len);
	FORGET(back->protocol, (__u16)p->skb->len);
	if (!nat_keep_port(back, address, share))
		nat_find_port(back, share, 0, 0, tries);
	/* As a loop, clang lays it out so that it falls into its own beginning, which kernels up to 6.1 refuse. */
#pragma unroll
	for (round = 0; round <= NAT_ROUNDS; round++) {
		taken = (address == NAT_CLIENTS || !nat_port_taken(p, back)) &&
			nat_take(back, key, to);
		if (taken || round == NAT_ROUNDS)
			break;
		if (address == NAT_DEVICES && round)
			all = 1;
		FORGET(all, p->skb->len);
		nat_find_port(back, share, all, round == NAT_ROUNDS - 1 ? share->own : 0, tries);
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

/* Make both entries of a flow, and let it be looked at in its turn; 0 where it was not this packet that
 * made one. `tries`: see nat_find_port. */
static __always_inline int nat_make(struct packet *p, struct nat_value *to, enum nat_address address,
				    const struct share *share, int tries)
{
	const struct nat_key *key = p->tuple;
	struct nat_key back = {};

	to->source_port = key->source_port;
	to->flags |= NAT_COUNTED;
	to->created = to->used = ktime_get_coarse_ns();
	if (!nat_take_port(p, to, &back, address, share, tries))
		return 0;
	if (LIKELY(!map_update(MAP(nat), key, to, BPF_NOEXIST))) {
		gc_queue(key, to->created);
		p->flow = nat_lookup(key);
		return 1;
	}
	/* Another CPU was faster with a packet of the same flow, or there is no memory. */
	p->flow = nat_lookup(key);
	if (!p->flow || !nat_goes_on_alike(p->flow, to))
		map_delete(MAP(nat), &back);
	return 0;
}

/* Begin a flow of the packet, as which it is to go on. */
static __always_inline enum verdict nat_create(struct packet *p, struct nat_value *to,
					       enum nat_address address, int tries)
{
	struct nat_quota_key account;
	struct share share;

	gc_collect();
	quota_account(&account, p->tuple, to);
	if (!quota_take(&account))
		return VERDICT_NAT_QUOTA;
	share = share_of(&account);
	if (UNLIKELY(!nat_make(p, to, address, &share, tries))) {
		quota_account(&account, p->tuple, to); /* again, or it takes its place on the stack all the while */
		quota_give_back(&account);
	}
	return p->flow ? VERDICT_NONE : VERDICT_NAT_EXHAUSTED;
}
