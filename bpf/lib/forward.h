/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a packet goes, and on its way: into a pod, to the node's stack, through the tunnel, to a neighbor.
 *
 * A packet of a flow goes to where the flow leads. What cannot go on so is answered here, for the stack
 * knows nothing of flows; before the packet is translated, so that its sender hears of the packet that it
 * sent. What cannot go on and is of no flow the stack gets, and answers.
 */
#pragma once

#include "deliver.h"
#include "icmp.h"
#include "overlay.h"
#include "reverse_nat.h"

static __always_inline enum verdict forward_refuse(struct packet *p, enum verdict verdict, __u32 icmp)
{
	if (!p->flow)
		return to_stack(p);
	p->icmp = icmp;
	return verdict;
}

static __always_inline enum verdict forward_too_big(struct packet *p)
{
	/* What has no DF a router fragments (RFC 1812, 4.2.2.7); here the stack does. */
	if (packet_may_fragment(p)) {
		if (p->flow)
			packet_skip_snat(p); /* fragments of it, too */
		return to_stack(p);
	}
	return forward_refuse(p, VERDICT_TOO_BIG,
			      ICMP_CAUSE(ICMP_UNREACHABLE, ICMP_FRAGMENTATION_NEEDED, p->way.mtu));
}

/* As the node's routing table says. */
static __always_inline enum verdict forward_by_fib(struct packet *p, const struct address *source,
						   const struct address *destination)
{
	struct bpf_fib_lookup fib = {
		.l4_protocol = (__u8)p->tuple->protocol,
		/* As if routed from pn_host: forwarding is on there, whatever the host's default. */
		.ifindex = p->config->gateway_ifindex,
		.tot_len = (__u16)packet_wire_length(p),
	};

	if (UNLIKELY(!address_is_unicast(destination)))
		return forward_refuse(p, VERDICT_FIB_FAILED, 0);
	packet_fib(p, &fib, source, destination);
	switch (fib_lookup(p->skb, &fib, sizeof(fib), 0)) {
	case BPF_FIB_LKUP_RET_SUCCESS:
	case BPF_FIB_LKUP_RET_NO_NEIGH: /* redirect_neigh resolves it, and keeps it fresh */
		break;
	case BPF_FIB_LKUP_RET_FRAG_NEEDED: /* fragments, or ICMP fragmentation needed */
		p->way.mtu = fib.mtu_result;
		return forward_too_big(p);
	case BPF_FIB_LKUP_RET_BLACKHOLE:
		return VERDICT_BLACKHOLE_ROUTE;
	case BPF_FIB_LKUP_RET_NOT_FWDED:   /* for the node itself, or no route: ICMP unreachable */
	case BPF_FIB_LKUP_RET_UNREACHABLE: /* ICMP unreachable */
	case BPF_FIB_LKUP_RET_PROHIBIT:	   /* ICMP prohibited */
	case BPF_FIB_LKUP_RET_UNSUPP_LWT:  /* an encapsulating route */
		return forward_refuse(p, VERDICT_FIB_FAILED, 0);
	default:
		return VERDICT_FIB_FAILED;
	}
	/* The route of the node's own pod CIDR, or its bridge: an address that no pod has. */
	if (fib.ifindex == p->config->gateway_ifindex)
		return VERDICT_NO_ENDPOINT;
	p->way.mtu = fib.mtu_result;
	p->way.ifindex = fib.ifindex;
	p->neighbor->nh_family = fib.family;
	__builtin_memcpy(p->neighbor->ipv6_nh, fib.ipv6_dst, sizeof(fib.ipv6_dst));
	return VERDICT_NONE;
}

/* Find the device, the neighbor and the MTU; a verdict where the packet goes no further by them. */
static __always_inline enum verdict forward_find(struct packet *p, const struct address *source,
						 const struct address *destination)
{
	const struct ipcache_value *peer = p->way.peer;

	if (p->way.pod) {
		p->way.mtu = p->way.pod->mtu;
		return VERDICT_NONE;
	}
	if (peer)
		packet_skip_snat(p);
	if (peer && peer->flags & IPCACHE_TUNNEL) {
		p->way.mtu = p->config->overlay_mtu;
		return VERDICT_NONE;
	}
	p->way.leave = LEAVE_NEIGHBOR;
	if (!peer || !(peer->flags & IPCACHE_DIRECT))
		return forward_by_fib(p, source, destination);
	/* One look-up of a prefix does here what the routing table would need three for. */
	packet_next_hop(p, &peer->node);
	p->way.ifindex = p->config->netdev_ifindex;
	p->way.mtu = p->config->netdev_mtu;
	return VERDICT_NONE;
}

/* Take the way that was found. */
static __always_inline enum verdict forward_take(struct packet *p)
{
	const struct ipcache_value *peer = p->way.peer;

	if (p->way.pod)
		return deliver(p);
	packet_hop(p);
	if (peer && peer->flags & IPCACHE_TUNNEL)
		return to_overlay(p, peer);
	if (p->flow)
		packet_skip_snat(p);
	return VERDICT_TO_NETWORK;
}

/* For this node itself: where a packet of a flow came in by the node's device, the stack is next. */
static __always_inline enum verdict forward_to_node(struct packet *p)
{
	if (p->flow && p->hook != HOOK_FROM_CONTAINER)
		return VERDICT_TO_STACK;
	return to_stack(p);
}

static __always_inline enum verdict forward_on(struct packet *p, const struct address *source,
					       const struct address *destination)
{
	enum verdict verdict;

	if (p->way.owner == OWNER_NODE)
		return forward_to_node(p);
	if (p->hop_limit <= 1)
		return forward_refuse(p, VERDICT_TTL_EXCEEDED,
				      ICMP_CAUSE(ICMP_TIME_EXCEEDED, 0, 0));
	verdict = forward_find(p, source, destination);
	if (verdict != VERDICT_NONE)
		return verdict;
	if (packet_wire_length(p) > p->way.mtu)
		return forward_too_big(p);
	return forward_take(p);
}

/* Send a packet on; whose its destination is was found. */
static __always_inline enum verdict forward(struct packet *p)
{
	return forward_on(p, &p->tuple->source, &p->tuple->destination);
}

/* The address of a flow's end is this node's own also where no pod takes it for its gateway. */
static __always_inline void forward_find_owner(struct packet *p)
{
	const struct address *address = &p->flow->destination;

	p->way.peer = 0;
	if (owner_local(p, address) != OWNER_UNKNOWN)
		return;
	if (node_is_own(address)) {
		p->way.owner = OWNER_NODE;
		return;
	}
	p->way.peer = ipcache_lookup(address);
}

/* Send a packet of a flow on, to where that leads. */
static __always_inline enum verdict forward_flow(struct packet *p)
{
	forward_find_owner(p);
	return nat_apply(p, forward_on(p, &p->flow->source, &p->flow->destination));
}
