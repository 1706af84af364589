/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the node's stack sends to pods: tc egress of pn_host, where their route points.
 *
 * The stack has done a router's work already (TTL, MTU). The packet goes through the pod's veth
 * and not by redirect_peer: that one skips the receive path which the node's own packets need.
 */
#include "lib/answer.h"

/* A pod of another node, or no pod at all. */
static __always_inline int to_peer(struct __sk_buff *skb, struct packet *packet)
{
	const struct ipcache_value *peer = ipcache_lookup_v4(packet->ip->daddr);
	const struct config_value *config = node_config();

	if (!peer || !(peer->flags & IPCACHE_TUNNEL))
		return drop(skb, HOOK_FROM_HOST, VERDICT_NO_ENDPOINT);
	if (UNLIKELY(!config))
		return drop(skb, HOOK_FROM_HOST, VERDICT_NOT_CONFIGURED);
	return overlay_send(skb, packet, HOOK_FROM_HOST, config, peer);
}

int from_host(struct __sk_buff *skb)
{
	const struct endpoints_value *endpoint;
	struct packet packet = {};

	if (skb->protocol != NET16(ETH_P_IP))
		return drop(skb, HOOK_FROM_HOST, VERDICT_UNSUPPORTED_L3);
	if (!packet_parse_v4(skb, &packet))
		return drop(skb, HOOK_FROM_HOST, VERDICT_MALFORMED);
	endpoint = endpoint_lookup_v4(packet.ip->daddr);
	if (!endpoint)
		return to_peer(skb, &packet);
	if (!endpoint->ifindex)
		return drop(skb, HOOK_FROM_HOST, VERDICT_NO_ENDPOINT);
	if (answer_is_lost(skb, &packet, HOOK_FROM_HOST))
		return TC_ACT_SHOT;
	endpoint_address_frame(&packet, endpoint);
	account(skb, HOOK_FROM_HOST, VERDICT_TO_ENDPOINT);
	return (int)redirect(endpoint->ifindex, 0);
}
