/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Out of the node, past its stack. */
#pragma once

#include "overlay.h"

/* Out of a device to a neighbor: the last step of every way out of the node. */
static __always_inline int route_to(struct __sk_buff *skb, struct packet *packet, enum hook hook,
				    __u32 ifindex, struct bpf_redir_neigh *neighbor)
{
	packet_decrement_ttl(packet);
	account(skb, hook, VERDICT_TO_NETWORK);
	return (int)redirect_neigh(ifindex, neighbor, sizeof(*neighbor), 0);
}

/* To a pod of another node on this node's subnet: straight to that node. One look-up of a prefix
 * does here what the routing table would need three for. */
static __always_inline int route_direct(struct __sk_buff *skb, struct packet *packet,
					enum hook hook, const struct config_value *config,
					const struct ipcache_value *peer)
{
	struct bpf_redir_neigh neighbor = {
		.nh_family = AF_INET,
		.ipv4_nh = peer->node.words[3],
	};

	if (packet->ip->ttl <= 1 || packet_wire_length(skb, packet) > config->netdev_mtu)
		return to_stack(skb, packet, hook, config);
	return route_to(skb, packet, hook, config->netdev_ifindex, &neighbor);
}

/* Anywhere else: as the node's routing table says. */
static __always_inline int route_by_fib(struct __sk_buff *skb, struct packet *packet,
					enum hook hook, const struct config_value *config)
{
	struct bpf_fib_lookup fib = {
		.family = AF_INET,
		.l4_protocol = packet->ip->protocol,
		.tos = packet->ip->tos,
		.ipv4_src = packet->ip->saddr,
		.ipv4_dst = packet->ip->daddr,
		/* As if routed from pn_host: forwarding is on there, whatever the host's default. */
		.ifindex = config->gateway_ifindex,
		.tot_len = (__u16)packet_wire_length(skb, packet),
	};
	struct bpf_redir_neigh neighbor = {};

	if (UNLIKELY(!packet_is_unicast(packet)))
		return to_stack(skb, packet, hook, config);
	switch (fib_lookup(skb, &fib, sizeof(fib), 0)) {
	case BPF_FIB_LKUP_RET_SUCCESS:
	case BPF_FIB_LKUP_RET_NO_NEIGH: /* redirect_neigh resolves it, and keeps it fresh */
		break;
	case BPF_FIB_LKUP_RET_BLACKHOLE:
		return drop(skb, hook, VERDICT_BLACKHOLE_ROUTE);
	case BPF_FIB_LKUP_RET_NOT_FWDED:   /* for the node itself, or no route: ICMP unreachable */
	case BPF_FIB_LKUP_RET_UNREACHABLE: /* ICMP unreachable */
	case BPF_FIB_LKUP_RET_PROHIBIT:	   /* ICMP prohibited */
	case BPF_FIB_LKUP_RET_FRAG_NEEDED: /* fragments, or ICMP fragmentation needed */
	case BPF_FIB_LKUP_RET_UNSUPP_LWT:  /* an encapsulating route */
		return to_stack(skb, packet, hook, config);
	default:
		return drop(skb, hook, VERDICT_FIB_FAILED);
	}
	if (fib.ifindex == config->gateway_ifindex) /* the route of the node's own pod CIDR */
		return drop(skb, hook, VERDICT_NO_ENDPOINT);
	if (packet->ip->ttl <= 1)
		return to_stack(skb, packet, hook, config);
	neighbor.nh_family = fib.family;
	__builtin_memcpy(neighbor.ipv6_nh, fib.ipv6_dst, sizeof(neighbor.ipv6_nh));
	return route_to(skb, packet, hook, fib.ifindex, &neighbor);
}

/* `peer`: who holds the destination, 0 where it is no pod's. */
static __always_inline int route(struct __sk_buff *skb, struct packet *packet, enum hook hook,
				 const struct config_value *config,
				 const struct ipcache_value *peer)
{
	if (peer)
		packet_settle(skb);
	if (peer && peer->flags & IPCACHE_DIRECT)
		return route_direct(skb, packet, hook, config, peer);
	if (peer && peer->flags & IPCACHE_TUNNEL)
		return overlay_route(skb, packet, hook, config, peer);
	return route_by_fib(skb, packet, hook, config);
}
