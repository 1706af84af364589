/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The way to the stage of aggregated flows, a program of its own (flows.c), which counts who talks to whom. It gets
 * packets as they are described to who looks (event.h), so what it takes of the verifier and of the stack is nobody
 * else's. A node that counts no flows has programs that are made without this. */
#pragma once

#include "packet.h"

/* Say whether flows are counted here. What leaves the node was counted where it came in. */
static __always_inline int flow_is_counted(const struct packet *p)
{
	return FLOWS && p->hook != HOOK_TO_NETDEV;
}

/* Hand a packet over that is described. It comes back where the stage is not there yet. */
static __always_inline void flow_hand_over(const struct packet *p)
{
#if FLOWS
	if (p->hook != HOOK_TO_NETDEV)
		tail_call(p->skb, MAP(flow_stage), 0);
#else
	(void)p;
#endif
}
