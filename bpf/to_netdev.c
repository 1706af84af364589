/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the node sends to the network: tc egress of its device. Processes of the node itself answer
 * here as the services that they were asked for. */
#include "lib/balance.h"

int to_netdev(struct __sk_buff *skb)
{
	const __u32 seen = balance_host_flows();
	struct packet packet = {};

	if (LIKELY(!seen) || skb->protocol != NET16(ETH_P_IP) || !packet_parse_v4(skb, &packet))
		return TC_ACT_UNSPEC;
	switch (balance_answer(skb, &packet, HOOK_TO_NETDEV, seen)) {
	case ANSWER_NONE:
		return TC_ACT_UNSPEC;
	case ANSWER_DROPPED:
		return TC_ACT_SHOT;
	case ANSWER_TRANSLATED:
		break;
	}
	account(skb, HOOK_TO_NETDEV, VERDICT_TO_NETWORK);
	return TC_ACT_UNSPEC;
}
