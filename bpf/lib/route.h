/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Out of the node by its own routing table, past its stack. */
#pragma once

#include "node.h"

static __always_inline int route(struct __sk_buff *skb, struct packet *packet, enum hook hook,
				 const struct config_value *config)
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
	struct bpf_redir_neigh next_hop = {};

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
	next_hop.nh_family = fib.family;
	__builtin_memcpy(next_hop.ipv6_nh, fib.ipv6_dst, sizeof(next_hop.ipv6_nh));
	packet_decrement_ttl(packet);
	account(skb, hook, VERDICT_TO_NETWORK);
	return (int)redirect_neigh(fib.ifindex, &next_hop, sizeof(next_hop), 0);
}
