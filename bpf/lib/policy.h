/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The way to the stage of policies, a program of its own (policy.c): so what it takes of the verifier and of the
 * stack is nobody else's, and a packet that no policy concerns pays one comparison.
 *
 * A packet is judged when all else about it is known, and before it leaves: by the address of the pod that
 * sent it or that it is for, and that of the other side, both as they are and not as they are translated. So a
 * policy sees through services and masquerading: the backend, and the client where this node knows it. */
#pragma once

#include "event.h"

/* Say whether a policy selects the pod that sent the packet, or the one that gets it. */
static __always_inline int policy_concerns(const struct packet *p, enum verdict verdict)
{
	return POLICIES && !verdict_drops(verdict) && UNLIKELY(p->isolated | p->way.isolated);
}

/* Hand over; what comes back was not judged, and goes nowhere. */
static __always_inline enum verdict policy_judge(const struct packet *p, enum verdict verdict)
{
	const __u32 zero = 0, unknown = p->skb->len;
	struct policy_scratch_value *stage = map_lookup(MAP(policy_scratch), &zero);

	if (!stage)
		return VERDICT_NOT_CONFIGURED;
	FORGET(verdict, unknown); /* whatever the way to here, what comes is the same */
	*(struct nat_key *)stage = *p->tuple;
	if (p->flow) {
		stage->destination = p->flow->destination;
		stage->destination_port = p->flow->destination_port;
	}
	stage->hook = p->hook;
	stage->verdict = (__u32)verdict;
	stage->leave = p->way.leave;
	stage->ifindex = p->way.ifindex;
	if (p->way.leave == LEAVE_NEIGHBOR)
		__builtin_memcpy(stage->neighbor, p->neighbor, sizeof(stage->neighbor));
	stage->inner = p->inner;
	stage->layer4 = (__u8)p->layer4;
	stage->ports_unknown = p->ports_unknown;
	stage->tcp_flags = p->tcp_flags;
	stage->echo_reply = p->echo_reply;
	stage->egress = p->isolated;
	stage->ingress = p->way.isolated;
	stage->described = event_prepare(p);
	tail_call(p->skb, MAP(policy_stage), 0);
	return VERDICT_NOT_CONFIGURED;
}
