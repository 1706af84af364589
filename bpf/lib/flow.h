/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Packets of flows that are translated, services' and masqueraded ones alike, on their way. */
#pragma once

#include "onward.h"
#include "ports.h"
#include "quote.h"

/* A packet of no flow: whoever asked goes on as if nothing were translated. */
#define NOT_TRANSLATED (-100)

struct flow {
	enum hook hook;
	const struct config_value *config;
	struct l4 l4;
	struct nat_key key;	  /* the packet as it came in */
	struct nat_value *to;	  /* as it goes on */
	struct icmp_cause *cause; /* what its sender hears of it, where the verdict is a drop */
};

/* The entry of a packet where it comes in. What pods are masqueraded with is found where that goes
 * out, for then its device is known; answers come in for as long as the flow is not over. */
static __always_inline struct nat_value *flow_lookup(const struct nat_key *key)
{
	struct nat_value *to = nat_lookup(key);

	if (!to || !(to->flags & (NAT_MASQUERADE | NAT_INBOUND)))
		return to;
	return to->flags & NAT_REVERSE && !nat_is_over(key, to) ? to : 0;
}

static __always_inline __be32 flow_router(enum hook hook, const struct config_value *config)
{
	return hook == HOOK_FROM_CONTAINER || hook == HOOK_GUARD ? config->gateway_ip.words[3] :
								   config->node_ip.words[3];
}

static __always_inline int flow_drop(struct __sk_buff *skb, const struct flow *flow,
				     enum verdict reason)
{
	flow->cause->verdict = reason;
	return flow->cause->type ? TC_ACT_SHOT : drop(skb, flow->hook, reason);
}

/* A packet of a flow. */
static __always_inline int flow_go_on(struct __sk_buff *skb, struct packet *packet,
				      const struct flow *flow)
{
	struct way way = {};
	int verdict;

	nat_use(&flow->key, flow->to, l4_closes(&flow->l4));
	flow->cause->from = flow_router(flow->hook, flow->config);
	verdict = way_find(skb, packet, flow->config, flow->to, &way);
	if (!verdict_drops(verdict))
		verdict = way_takes(skb, packet, &way, flow->cause);
	if (verdict_drops(verdict))
		return flow_drop(skb, flow, verdict);
	if (UNLIKELY(!translate(skb, packet, &flow->l4, &flow->key, flow->to)))
		return drop(skb, flow->hook, VERDICT_MALFORMED);
	return way_take(skb, packet, flow->hook, flow->config, &way);
}

/* An ICMP error about a packet of a flow. */
static __always_inline int flow_error(struct __sk_buff *skb, struct packet *packet, enum hook hook,
				      const struct config_value *config)
{
	struct icmp_cause nobody = {};
	struct nat_key key = {};
	struct nat_value *to;
	struct l4 l4 = {};
	struct way way = {};
	int verdict;

	verdict = quote_parse(skb, packet, &l4, &key);
	if (!verdict)
		return NOT_TRANSLATED;
	if (verdict < 0)
		return drop(skb, hook, VERDICT_MALFORMED);
	to = flow_lookup(&key);
	if (!to)
		return NOT_TRANSLATED;
	verdict = way_find(skb, packet, config, to, &way);
	if (!verdict_drops(verdict))
		verdict = way_takes(skb, packet, &way, &nobody);
	if (verdict_drops(verdict))
		return drop(skb, hook, verdict);
	if (!quote_translate(skb, packet, &l4, &key, to))
		return drop(skb, hook, VERDICT_MALFORMED);
	return way_take(skb, packet, hook, config, &way);
}
