/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the network sends: tc ingress of the node's devices. What is neither for a pod nor for a service
 * is left alone. */
#include "lib/answer.h"
#include "lib/balance.h"
#include "lib/frame.h"
#include "lib/inbound.h"
#include "lib/source.h"

/* Not for a pod: for a service, an answer to the node's address that is a pod's, or the node's own. */
static __always_inline int not_for_a_pod(struct __sk_buff *skb, struct packet *packet)
{
	int done = balance(skb, packet, HOOK_FROM_NETDEV, SERVICE_CLIENT_OUTSIDE);

	return done == NOT_TRANSLATED ? TC_ACT_UNSPEC : done;
}

/* Whose address it is of this node's pod CIDR: 0 where it is nobody's. `endpoint` is 0 for an address
 * of another one, too. */
static __always_inline int find(const struct config_value *config, __be32 v4,
				const struct endpoints_value **endpoint)
{
	struct address address;

	address_from_v4(&address, v4);
	if (!node_holds(config, &address))
		return 1;
	*endpoint = endpoint_lookup(&address);
	return *endpoint != 0;
}

int from_netdev(struct __sk_buff *skb)
{
	const struct endpoints_value *endpoint = 0;
	const struct config_value *config;
	struct packet packet = {};

	if (skb->protocol != NET16(ETH_P_IP) || !frame_is_ours(skb))
		return TC_ACT_UNSPEC;
	if (!packet_parse_v4(skb, &packet))
		return TC_ACT_UNSPEC; /* the stack counts it among its own header errors */

	config = node_config();
	if (!config)
		return TC_ACT_UNSPEC;
	if (UNLIKELY(source_is_own(config, &packet)))
		return drop(skb, HOOK_FROM_NETDEV, VERDICT_SPOOFED_SOURCE);
	if (!find(config, packet.ip->daddr, &endpoint))
		return drop(skb, HOOK_FROM_NETDEV, VERDICT_NO_ENDPOINT);
	if (!endpoint || !endpoint->ifindex) /* another's, or the gateway address: the node itself */
		return not_for_a_pod(skb, &packet);
	if (!inbound(skb, &packet, config))
		return drop(skb, HOOK_FROM_NETDEV, VERDICT_MALFORMED);
	if (!endpoint_takes(skb, &packet, endpoint))
		return to_stack(skb, &packet, HOOK_FROM_NETDEV, config);
	if (answer_is_lost(skb, &packet, HOOK_FROM_NETDEV))
		return TC_ACT_SHOT;
	account(skb, HOOK_FROM_NETDEV, VERDICT_TO_ENDPOINT);
	return endpoint_deliver(&packet, endpoint);
}
