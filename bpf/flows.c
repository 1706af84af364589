/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The stage of aggregated flows: other programs end here. What they know of a packet is in `event_scratch`; who looks
 * at packets gets it next. */
#include "lib/flows.h"

int flows(struct __sk_buff *skb)
{
	const __u32 zero = 0;
	const struct event_scratch_value *from = map_lookup(MAP(event_scratch), &zero);
	struct nat_key tuple = {};
	struct packet packet;

	if (!from)
		return TC_ACT_SHOT;
	packet_begin(&packet, skb, 0, &tuple, 0);
	flow_count(&packet, from);
	event_hand_over(skb);
	return (int)from->action;
}
