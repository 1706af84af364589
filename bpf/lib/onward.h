/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a packet goes once it is translated: never by the node's stack, unless to the node itself.
 *
 * The way is found before the packet is changed, so that who sent it hears of the packet that it
 * sent where it is too large or its last hop was here.
 */
#pragma once

#include "icmp.h"
#include "route.h"
#include "service.h"
#include "translate.h"

enum place {
	PLACE_POD,       /* of this node */
	PLACE_NODE,      /* a process of this very node */
	PLACE_STACK,     /* a pod of this node, by way of the stack: in fragments */
	PLACE_ELSEWHERE,
};

struct way {
	enum place place;
	const struct endpoints_value *endpoint; /* PLACE_POD */
	const struct ipcache_value *tunnel;	/* PLACE_ELSEWHERE: through it; else to the neighbor */
	struct bpf_redir_neigh neighbor;
	__u32 ifindex;
	__u32 mtu; /* bytes; 0: none */
};

static __always_inline enum place place_of(const struct address *address,
					   const struct endpoints_value *endpoint)
{
	int flags;

	if (endpoint)
		return endpoint->ifindex ? PLACE_POD : PLACE_NODE;
	flags = service_node_flags(address);
	return flags >= 0 && flags & NODE_LOCAL ? PLACE_NODE : PLACE_ELSEWHERE;
}

/* As the node's routing table says; a verdict that drops where it does not. */
static __always_inline enum verdict way_by_fib(struct __sk_buff *skb, const struct packet *packet,
					       const struct config_value *config,
					       const struct nat_value *to, struct way *way)
{
	struct bpf_fib_lookup fib = {
		.family = AF_INET,
		.l4_protocol = packet->ip->protocol,
		.tos = packet->ip->tos,
		.ipv4_src = to->source.words[3],
		.ipv4_dst = to->destination.words[3],
		/* Forwarding is on there, in every cell. */
		.ifindex = config->gateway_ifindex,
		.tot_len = (__u16)packet_wire_length(skb, packet),
	};

	switch (fib_lookup(skb, &fib, sizeof(fib), 0)) {
	case BPF_FIB_LKUP_RET_SUCCESS:
	case BPF_FIB_LKUP_RET_NO_NEIGH: /* redirect_neigh resolves it, and keeps it fresh */
		break;
	case BPF_FIB_LKUP_RET_FRAG_NEEDED: /* nothing else is said of the way */
		way->mtu = fib.mtu_result;
		return VERDICT_TO_NETWORK;
	case BPF_FIB_LKUP_RET_BLACKHOLE:
		return VERDICT_BLACKHOLE_ROUTE;
	default:
		return VERDICT_FIB_FAILED;
	}
	way->mtu = fib.mtu_result;
	way->ifindex = fib.ifindex;
	way->neighbor.nh_family = fib.family;
	__builtin_memcpy(way->neighbor.ipv6_nh, fib.ipv6_dst, sizeof(way->neighbor.ipv6_nh));
	/* The route of the node's own pod CIDR, or its bridge: an address that no pod has. */
	return fib.ifindex == config->gateway_ifindex ? VERDICT_NO_ENDPOINT : VERDICT_TO_NETWORK;
}

/* Find the way; how the packet fares on it is the verdict. */
static __always_inline enum verdict way_find(struct __sk_buff *skb, const struct packet *packet,
					     const struct config_value *config,
					     const struct nat_value *to, struct way *way)
{
	const struct ipcache_value *peer;

	way->endpoint = endpoint_lookup(&to->destination);
	way->place = place_of(&to->destination, way->endpoint);
	if (way->place == PLACE_NODE)
		return VERDICT_TO_STACK;
	if (way->place == PLACE_POD) {
		way->mtu = way->endpoint->mtu;
		return VERDICT_TO_ENDPOINT;
	}
	peer = ipcache_lookup_v4(to->destination.words[3]);
	if (peer && peer->flags & IPCACHE_TUNNEL) {
		way->tunnel = peer;
		way->mtu = config->overlay_mtu;
		return VERDICT_TO_OVERLAY;
	}
	if (peer && peer->flags & IPCACHE_DIRECT) {
		way->neighbor.nh_family = AF_INET;
		way->neighbor.ipv4_nh = peer->node.words[3];
		way->ifindex = config->netdev_ifindex;
		way->mtu = config->netdev_mtu;
		return VERDICT_TO_NETWORK;
	}
	return way_by_fib(skb, packet, config, to, way);
}

/* What a router looks at before it forwards. */
static __always_inline enum verdict way_takes(struct __sk_buff *skb, const struct packet *packet,
					      struct way *way, struct icmp_cause *cause)
{
	if (way->place == PLACE_NODE)
		return VERDICT_TO_STACK;
	if (packet->ip->ttl <= 1) {
		cause->type = ICMP_TIME_EXCEEDED;
		return VERDICT_TTL_EXCEEDED;
	}
	if (packet_wire_length(skb, packet) > way->mtu) {
		/* Fragments have no DF, and are as large as the network takes, not as the pod does. */
		if (way->place == PLACE_POD && !(packet->ip->frag_off & IP_DONT_FRAGMENT)) {
			way->place = PLACE_STACK;
			return VERDICT_TO_STACK;
		}
		/* To elsewhere no stack of today sends such without DF, other than by mistake, and
		 * the answer does no harm. */
		cause->type = ICMP_UNREACHABLE;
		cause->code = ICMP_FRAGMENTATION_NEEDED;
		cause->mtu = (__u16)way->mtu;
		return VERDICT_TOO_BIG;
	}
	return VERDICT_TO_NETWORK;
}

/* Take it. The packet is translated by now. */
static __always_inline int way_take(struct __sk_buff *skb, struct packet *packet, enum hook hook,
				    const struct config_value *config, struct way *way)
{
	if (way->place == PLACE_NODE) {
		if (hook == HOOK_FROM_CONTAINER)
			return to_stack(skb, packet, hook, config);
		account(skb, hook, VERDICT_TO_STACK);
		return TC_ACT_UNSPEC;
	}
	if (way->place == PLACE_STACK)
		return to_stack(skb, packet, hook, config);
	if (way->place == PLACE_POD && way->endpoint) {
		if (UNLIKELY(skb->pkt_type != PACKET_HOST)) /* out of the tunnel, to another's MAC */
			change_type(skb, PACKET_HOST);
		account(skb, hook, VERDICT_TO_ENDPOINT);
		return endpoint_deliver(packet, way->endpoint);
	}
	if (way->tunnel) {
		packet_decrement_ttl(packet);
		return overlay_send(skb, packet, hook, config, way->tunnel);
	}
	packet_settle(skb);
	return route_to(skb, packet, hook, way->ifindex, &way->neighbor);
}
