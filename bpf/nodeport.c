/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the network and the tunnel send, where the kernel carries packets: tc ingress of the node's
 * device and of pn_vxlan. What is for a service never gets as far as the kernel. */
#include "lib/balance.h"

/* Where it answers what was translated, the pod that asked gets it at once. */
static __always_inline int to_pod(struct __sk_buff *skb, struct packet *packet,
				  const struct endpoints_value *endpoint)
{
	enum answer answer = ANSWER_NONE;

	if (endpoint_takes(skb, packet, endpoint))
		answer = balance_answer(skb, packet, HOOK_NODEPORT, balance_pod_flows());
	if (answer == ANSWER_DROPPED)
		return TC_ACT_SHOT;
	if (answer == ANSWER_NONE)
		return TC_ACT_UNSPEC;
	if (UNLIKELY(skb->pkt_type != PACKET_HOST)) /* out of the tunnel, to another's MAC */
		change_type(skb, PACKET_HOST);
	account(skb, HOOK_NODEPORT, VERDICT_TO_ENDPOINT);
	return endpoint_deliver(packet, endpoint);
}

int nodeport(struct __sk_buff *skb)
{
	const struct endpoints_value *endpoint;
	struct packet packet = {};
	int done;

	if (skb->protocol != NET16(ETH_P_IP) || !service_state())
		return TC_ACT_UNSPEC;
	if (!packet_parse_v4(skb, &packet))
		return TC_ACT_UNSPEC; /* the stack counts it among its own header errors */
	endpoint = endpoint_lookup_v4(packet.ip->daddr);
	if (endpoint && endpoint->ifindex)
		return to_pod(skb, &packet, endpoint);
	done = balance(skb, &packet, HOOK_NODEPORT, SERVICE_CLIENT_OUTSIDE);
	return done == NOT_BALANCED ? TC_ACT_UNSPEC : done;
}
