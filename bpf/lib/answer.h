/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers to packets that were translated, on their last step to who asked: they get back the address
 * that was asked. */
#pragma once

#include "flow.h"

enum answer {
	ANSWER_NONE,	   /* to nothing that was translated */
	ANSWER_TRANSLATED,
	ANSWER_DROPPED,
};

static __always_inline enum answer answer_drop(struct __sk_buff *skb, enum hook hook,
					       enum verdict reason)
{
	account(skb, hook, reason);
	return ANSWER_DROPPED;
}

/* An ICMP error that answers one. */
static __always_inline enum answer answer_error(struct __sk_buff *skb, struct packet *packet,
						enum hook hook)
{
	struct nat_key key = {};
	struct nat_value *to;
	struct l4 l4 = {};
	int found = quote_parse(skb, packet, &l4, &key);

	if (!found)
		return ANSWER_NONE;
	if (found < 0)
		return answer_drop(skb, hook, VERDICT_MALFORMED);
	to = flow_lookup(&key);
	if (!to)
		return ANSWER_NONE;
	if (!quote_translate(skb, packet, &l4, &key, to))
		return answer_drop(skb, hook, VERDICT_MALFORMED);
	return ANSWER_TRANSLATED;
}

/* A packet of TCP or UDP that answers one. */
static __always_inline enum answer answer_packet(struct __sk_buff *skb, struct packet *packet,
						 enum hook hook)
{
	struct nat_key key = {};
	struct nat_value *to;
	struct l4 l4 = {};
	int found = l4_parse(skb, packet, &l4);

	if (!found)
		return ANSWER_NONE;
	if (found < 0)
		return answer_drop(skb, hook, VERDICT_MALFORMED);
	nat_key_of(&key, packet, &l4);
	to = flow_lookup(&key);
	if (!to || !(to->flags & NAT_REVERSE)) {
		/* The pod says its peer itself, as one does whose socket was balanced. */
		if ((hook == HOOK_FROM_CONTAINER || hook == HOOK_GUARD) &&
		    (l4_opens(&l4) || key.protocol == IP_PROTOCOL_UDP))
			nat_end_other(&key);
		return ANSWER_NONE;
	}
	nat_use(&key, to, l4_closes(&l4));
	if (!translate(skb, packet, &l4, &key, to))
		return answer_drop(skb, hook, VERDICT_MALFORMED);
	return ANSWER_TRANSLATED;
}

/* Translate what is one, and point `packet` anew. `seen`: whether there was such a flow yet. */
static __always_inline enum answer answer(struct __sk_buff *skb, struct packet *packet,
					  enum hook hook, __u32 seen)
{
	if (LIKELY(!seen))
		return ANSWER_NONE;
	if (UNLIKELY(packet->ip->protocol == IP_PROTOCOL_ICMP))
		return answer_error(skb, packet, hook);
	return answer_packet(skb, packet, hook);
}

/* Whether packets of pods, or for processes of the node itself, were translated yet. */
static __always_inline __u32 answer_pod_flows(void)
{
	const struct service_state_value *state = service_state();

	return state ? state->pod_flows : 0;
}

static __always_inline __u32 answer_host_flows(void)
{
	const struct service_state_value *state = service_state();

	return state ? state->host_flows : 0;
}

/* The same for what is for a pod, whoever hands it over: say whether it was lost. */
static __always_inline int answer_is_lost(struct __sk_buff *skb, struct packet *packet,
					  enum hook hook)
{
	return answer(skb, packet, hook, answer_pod_flows()) == ANSWER_DROPPED;
}

/* The same, where the kernel carries packets: the pod that asked gets the answer at once. */
static __always_inline int answer_deliver(struct __sk_buff *skb, struct packet *packet,
					  enum hook hook, const struct endpoints_value *endpoint)
{
	if (!endpoint_takes(skb, packet, endpoint))
		return NOT_TRANSLATED;
	switch (answer(skb, packet, hook, answer_pod_flows())) {
	case ANSWER_NONE:
		return NOT_TRANSLATED;
	case ANSWER_DROPPED:
		return TC_ACT_SHOT;
	case ANSWER_TRANSLATED:
		break;
	}
	if (UNLIKELY(skb->pkt_type != PACKET_HOST)) /* out of the tunnel, to another's MAC */
		change_type(skb, PACKET_HOST);
	account(skb, hook, VERDICT_TO_ENDPOINT);
	return endpoint_deliver(packet, endpoint);
}
