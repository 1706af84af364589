/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Datagrams for a pod by its own address. Nothing tells one that answers them from one that begins
 * something, so they are kept in mind: what answers goes out by the pod's own address, too. */
#pragma once

#include "egress.h"
#include "ports.h"

static __always_inline void inbound_note(const struct nat_key *key)
{
	const __u64 now = ktime_get_coarse_ns();
	struct nat_value *known = nat_lookup(key);
	struct nat_value same = {
		.source = key->source,
		.destination = key->destination,
		.source_port = key->source_port,
		.destination_port = key->destination_port,
		.flags = NAT_INBOUND,
		.created = now,
		.used = now,
	};

	if (!known) {
		if (!map_update(MAP(nat), key, &same, BPF_NOEXIST))
			turn_take(key);
	} else if (known->flags & NAT_INBOUND && elapsed(now, known->used) >= NAT_REFRESH_NSEC) {
		known->used = now;
	}
}

/* Look at a packet for a pod of this node; it is left as it is, and `packet` points at it anew: 0 where
 * it cannot. */
static __always_inline int inbound(struct __sk_buff *skb, struct packet *packet,
				    const struct config_value *config)
{
	const struct masquerade_value *device;
	struct nat_key key = {}, answer = {};
	struct l4 l4 = {};

	if (!MASQUERADES || packet->ip->protocol != IP_PROTOCOL_UDP)
		return 1;
	/* The answer may leave by another device than the packet came in by, such as the tunnel. */
	device = egress_device(skb->ifindex);
	if (!device)
		device = egress_device(config->netdev_ifindex);
	if (!device || !egress_masquerades(device, packet->ip->saddr))
		return 1;
	if (l4_parse(skb, packet, &l4) > 0 && l4.fragment < FRAGMENT_LATER) {
		nat_key_of(&key, packet, &l4);
		nat_key_answer(&answer, &key); /* as it comes out of the pod */
		inbound_note(&answer);
	}
	return packet_point(skb, packet);
}
