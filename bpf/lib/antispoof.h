/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A pod speaks in its own name alone. */
#pragma once

#include "node.h"

/* Say whether the frame is the endpoint's own: from its very device, and from its MAC. */
static __always_inline int endpoint_sent(const struct __sk_buff *skb, const struct ethhdr *eth,
					 const struct endpoints_value *endpoint)
{
	return endpoint && endpoint->ifindex == skb->ifindex &&
	       mac_equal(eth->h_source, endpoint->mac);
}

/* The source address must be one that this very device was given, and the MAC that pod's own. */
static __always_inline enum verdict antispoof(struct packet *p)
{
	const struct endpoints_value *pod = endpoint_lookup(&p->tuple->source);

	if (!endpoint_sent(p->skb, p->eth, pod))
		return VERDICT_SPOOFED_SOURCE;
	p->isolated = POLICIES && pod->flags & ENDPOINT_ISOLATED;
	return VERDICT_NONE;
}

/* What the network brings has no source of this node's or its pods', for whom nobody else speaks. What
 * these send to each other passes no device of the network. */
static __always_inline enum verdict antispoof_network(const struct packet *p)
{
	if (UNLIKELY(node_holds(p->config, &p->tuple->source) ||
		     address_equal(&p->tuple->source, &p->config->node_ip)))
		return VERDICT_SPOOFED_SOURCE;
	return VERDICT_NONE;
}
