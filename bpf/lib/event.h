/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What somebody sees who looks at packets while they pass.
 *
 * Who looks has a lease, and renews it: when he is gone, it ends. Under it each packet is described in a place of the
 * CPU's, at the end of its walk, and handed over to a program that he brings along (event_stage), which filters and
 * writes to his ring. Nobody looks: one load and one comparison. */
#pragma once

#include "flow.h"

/* The lease of who looks; 0 where nobody does. When it ends, he who gets packets says. */
static __always_inline struct event_lease_value *event_lease(void)
{
#ifdef NO_EVENTS /* as a benchmark has it */
	return 0;
#endif
	const __u32 zero = 0;
	struct event_lease_value *lease = map_lookup(MAP(event_lease), &zero);

	return lease && UNLIKELY(lease->until) ? lease : 0;
}

/* Both ends, and as what the packet goes on. */
static __always_inline void event_ends(const struct packet *p, struct event_scratch_value *event)
{
	const struct nat_value *flow = p->flow;

	*(struct nat_key *)event = *p->tuple;
	event->kinds = 0;
	OPAQUE(flow); /* see deliver_fits */
	if (!flow)
		return;
	event->kinds = EVENT_TRANSLATED;
	event->to_source = flow->source;
	event->to_destination = flow->destination;
	event->to_source_port = flow->source_port;
	event->to_destination_port = flow->destination_port;
}

/* Say what only the program that hands a packet over to that of policies knows; 1 where somebody looks. */
static __always_inline __u8 event_prepare(const struct packet *p)
{
	const __u32 zero = 0;
	struct event_scratch_value *event;

	if (LIKELY(!event_lease()))
		return 0;
	event = map_lookup(MAP(event_scratch), &zero);
	if (!event)
		return 0;
	event_ends(p, event);
	return 1;
}

/* Describe a packet, with what the program is to return; 0 where nobody looks and no flows are counted. What the packet itself says is read by
 * who takes it: kept until here, it would cost the verifier a fifth of its steps. */
static __always_inline int event_describe(const struct packet *p, enum verdict verdict, int action)
{
	const __u32 zero = 0, unknown = p->skb->len;
	__u32 towards = p->way.ifindex;
	struct event_scratch_value *event;

	if (FLOWS) { /* whatever the way to here, what comes is the same */
		FORGET(towards, unknown);
		FORGET(verdict, unknown);
		FORGET(action, unknown);
	}
	if (!flow_is_counted(p) && LIKELY(!event_lease()))
		return 0;
	event = map_lookup(MAP(event_scratch), &zero);
	if (!event)
		return 0;
	if (!p->described)
		event_ends(p, event);
	event->length = p->skb->len;
	event->ifindex = p->skb->ifindex;
	event->egress = p->egress;
	event->ingress = p->ingress;
	event->ethertype = (__be16)p->skb->protocol;
	event->hook = (__u8)p->hook;
	event->verdict = (__u8)verdict;
	event->judged = p->judged;
	event->action = (__u32)action;
	event->towards = towards;
	return 1;
}

/* Hand a packet over that is described: first to the program that counts flows, which hands it on. It comes back where
 * nobody took it. */
static __always_inline void event_hand_over(struct __sk_buff *skb)
{
	struct event_lease_value *lease = event_lease();

	if (!lease)
		return;
	tail_call(skb, MAP(event_stage), 0);
	lease->until = 0;
}
