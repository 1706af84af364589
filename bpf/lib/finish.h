/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one exit of a program: judge the packet, count what became of it, record what is dropped, and do it. */
#pragma once

#include "drops.h"
#include "event.h"
#include "icmp.h"
#include "policy.h"

static __always_inline int finish_drop(struct packet *p, enum verdict verdict)
{
	drop_record(p, verdict); /* as it came, before it becomes an answer */
	if (p->icmp && icmp_reply(p))
		return (int)redirect(p->skb->ifindex, 0);
	return TC_ACT_SHOT;
}

static __always_inline int finish_leave(const struct packet *p)
{
	switch (p->way.leave) {
	case LEAVE_PASS:
		break;
	case LEAVE_DEVICE:
		return (int)redirect(p->way.ifindex, 0);
	case LEAVE_INGRESS:
		return (int)redirect(p->way.ifindex, BPF_F_INGRESS);
	case LEAVE_PEER:
		return (int)redirect_peer(p->way.ifindex, 0);
	case LEAVE_NEIGHBOR:
		return (int)redirect_neigh(p->way.ifindex, p->neighbor, sizeof(*p->neighbor), 0);
	}
	return TC_ACT_UNSPEC;
}

/* Count the verdict and return the action of tc that it means. VERDICT_NONE: the packet goes on as it is,
 * and is none of ours. Who looks gets the packet last, with the action: where that is a redirect, the kernel keeps
 * in mind to where. */
static __always_inline int finish(struct packet *p, enum verdict verdict)
{
	int action;

	if (verdict == VERDICT_NONE)
		return TC_ACT_UNSPEC;
	count(p->hook, verdict, p->skb->len);
	action = verdict_drops(verdict) ? finish_drop(p, verdict) : finish_leave(p);
	if (event_describe(p, verdict, action)) {
		flow_hand_over(p);
		event_hand_over(p->skb);
	}
	return action;
}

/* Be a program: a new context for the packet, its walk, the stage of policies, and the exit. What a walk
 * leaves alone is `left`. By macro, since clang lays out anew what it inlines by a pointer to a function. */
#define PROGRAM(name, hook, left)                                               \
	int name(struct __sk_buff *skb)                                         \
	{                                                                       \
		struct bpf_redir_neigh neighbor;                                \
		struct nat_key tuple = {};                                      \
		struct packet packet;                                           \
		enum verdict verdict;                                           \
                                                                                \
		packet_begin(&packet, skb, hook, &tuple, &neighbor);            \
		verdict = walk(&packet);                                        \
		verdict = verdict == VERDICT_NONE ? left : verdict;             \
		if (policy_concerns(&packet, verdict))                          \
			verdict = policy_judge(&packet, verdict);               \
		return finish(&packet, verdict);                                \
	}
