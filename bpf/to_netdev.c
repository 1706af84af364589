/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the node sends to the network: tc egress of its devices. Processes of the node itself answer
 * here as the services that they were asked for, and pods go out with the device's address. */
/* With 60,000 of the 61,744 ports to one destination taken, so many find none once in a million times. */
#define NAT_TRIES 125
#include "lib/answer.h"
#include "lib/masquerade.h"

int to_netdev(struct __sk_buff *skb)
{
	const struct masquerade_value *device;
	const __u32 seen = answer_host_flows();
	struct packet packet = {};

	if (packet_is_settled(skb))
		return TC_ACT_UNSPEC;
	device = egress_device(skb->ifindex);
	if ((!seen && !device) || skb->protocol != NET16(ETH_P_IP) || !packet_parse_v4(skb, &packet))
		return TC_ACT_UNSPEC;
	switch (answer(skb, &packet, HOOK_TO_NETDEV, seen)) {
	case ANSWER_NONE:
		return device ? masquerade(skb, &packet, device) : TC_ACT_UNSPEC;
	case ANSWER_DROPPED:
		return TC_ACT_SHOT;
	case ANSWER_TRANSLATED:
		break;
	}
	account(skb, HOOK_TO_NETDEV, VERDICT_TO_NETWORK);
	return TC_ACT_UNSPEC;
}
