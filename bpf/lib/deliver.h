/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one door into a pod of this node. */
#pragma once

#include "family.h"
#include "node.h"

/* Say whether the pod's device takes the packet as it is; the stack answers for the others. */
static __always_inline int deliver_fits(const struct packet *p)
{
	const struct endpoints_value *pod = p->way.pod;

	OPAQUE(pod); /* or clang leaves out the test, without which kernels up to 6.1 refuse the access */
	return pod && p->hop_limit > 1 && packet_wire_length(p) <= pod->mtu;
}

/* Whoever brings a packet to a pod comes by here. Whether the pod takes it is judged at the exit (policy.h),
 * where all is known of it. */
static __always_inline enum verdict deliver_at(struct packet *p, const struct endpoints_value *pod)
{
	p->way.isolated = POLICIES && pod->flags & ENDPOINT_ISOLATED;
	return VERDICT_TO_ENDPOINT;
}

static __always_inline enum verdict deliver(struct packet *p)
{
	const struct endpoints_value *pod = p->way.pod;

	OPAQUE(pod); /* see deliver_fits */
	if (!pod)
		return VERDICT_NO_ENDPOINT;
	mac_copy(p->eth->h_dest, pod->mac);
	mac_copy(p->eth->h_source, pod->gateway_mac);
	p->way.ifindex = pod->ifindex;
	if (p->hook == HOOK_FROM_HOST) {
		/* The stack did a router's work already; and by the pod's veth, since redirect_peer skips
		 * the receive path that the node's own packets need. */
		p->way.leave = LEAVE_DEVICE;
		return deliver_at(p, pod);
	}
	/* The address decides, whatever MAC the sender knew this node by. */
	if (UNLIKELY(p->skb->pkt_type != PACKET_HOST))
		change_type(p->skb, PACKET_HOST);
	/* A router's hop straight into the pod's namespace: no queue, no second pass through the stack. */
	packet_hop(p);
	p->way.leave = LEAVE_PEER;
	return deliver_at(p, pod);
}
