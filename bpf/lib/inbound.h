/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Datagrams for a pod by its own address. Nothing tells one that answers them from one that begins
 * something, so they are kept in mind: what answers goes out by the pod's own address, too. */
#pragma once

#include "egress.h"
#include "ports.h"

/* Begin a note, where the pod has not got its share of them. */
static __always_inline void inbound_begin(const struct nat_key *key, __u64 now)
{
	const struct nat_value same = {
		.source = key->source,
		.destination = key->destination,
		.source_port = key->source_port,
		.destination_port = key->destination_port,
		.flags = NAT_INBOUND,
		.created = now,
		.used = now,
	};
	struct nat_scratch_value *flow = gc_begin(key, &same);

	if (!flow)
		return;
	if (!map_update(MAP(nat), key, &same, BPF_NOEXIST))
		gc_made(flow, key, &same);
	else
		quota_give_back(flow);
}

static __always_inline void inbound_note(const struct nat_key *key)
{
	const __u64 now = ktime_get_coarse_ns();
	struct nat_value *known = nat_lookup(key);

	if (!known)
		inbound_begin(key, now);
	else if (known->flags & NAT_INBOUND && elapsed(now, known->used) >= NAT_REFRESH_NSEC)
		known->used = now;
}

/* Note a packet for a pod of this node. */
static __always_inline enum verdict inbound(struct packet *p)
{
	const struct masquerade_value *device;
	struct nat_key answer = {};
	enum verdict verdict;

	if (!MASQUERADES || !p->config || p->tuple->protocol != IP_PROTOCOL_UDP)
		return VERDICT_NONE;
	/* The answer may leave by another device than the packet came in by, such as the tunnel. */
	device = egress_device(p, p->skb->ifindex);
	if (!device)
		device = egress_device(p, p->config->netdev_ifindex);
	if (!device || !egress_masquerades(device, &p->tuple->source))
		return VERDICT_NONE;
	verdict = l4_read(p);
	if (verdict != VERDICT_NONE)
		return verdict;
	if (!packet_is_later_fragment(p)) {
		nat_key_answer(&answer, p->tuple); /* as it comes out of the pod */
		inbound_note(&answer);
	}
	return VERDICT_NONE;
}
