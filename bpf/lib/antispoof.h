/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A pod speaks in its own name alone. */
#pragma once

#include "l4.h"
#include "node.h"

/* Say whether the frame is the endpoint's own: from its very device, and from its MAC. */
static __always_inline int endpoint_sent(const struct __sk_buff *skb, const struct ethhdr *eth,
					 const struct endpoints_value *endpoint)
{
	return endpoint && endpoint->ifindex == skb->ifindex &&
	       mac_equal(eth->h_source, endpoint->mac);
}

/* An ICMP error tells of what came to the pod itself, which is no router: else it would pass as an answer to
 * what another pod was sent. One of which not even that can be read comes from nobody's stack. */
static __always_inline enum verdict antispoof_error(const struct packet *p)
{
	struct address about;
	__u8 type;

	if (LIKELY(p->tuple->protocol != IP_PROTOCOL_ICMP) || packet_is_later_fragment(p) ||
	    load_bytes(p->skb, p->l4, &type, sizeof(type)) || !icmp_is_error(type))
		return VERDICT_NONE;
	if (packet_inner_destination(p, p->l4 + ICMP_HEADER, &about))
		return VERDICT_MALFORMED;
	return address_equal(&about, &p->tuple->source) ? VERDICT_NONE : VERDICT_SPOOFED_SOURCE;
}

/* The source address must be one that this very device was given, and the MAC that pod's own. */
static __always_inline enum verdict antispoof(struct packet *p)
{
	const struct endpoints_value *pod = endpoint_lookup(&p->tuple->source);

	if (!endpoint_sent(p->skb, p->eth, pod))
		return VERDICT_SPOOFED_SOURCE;
	p->isolated = POLICIES && pod->flags & ENDPOINT_ISOLATED;
	return antispoof_error(p);
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
