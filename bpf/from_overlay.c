/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tunnel brings: tc ingress of pn_vxlan, which has taken the outer headers off. */
#include "lib/answer.h"
#include "lib/frame.h"
#include "lib/inbound.h"
#include "lib/tunnel.h"

int from_overlay(struct __sk_buff *skb)
{
	const struct endpoints_value *endpoint;
	const struct config_value *config;
	struct address source, remote;
	struct packet packet = {};
	struct tunnel_key key;

	config = node_config();
	if (UNLIKELY(!config))
		return drop(skb, HOOK_FROM_OVERLAY, VERDICT_NOT_CONFIGURED);
	/* The device takes every network identifier. */
	if (get_tunnel_key(skb, &key, TUNNEL_KEY_SHORT, 0) || key.vni != config->vni)
		return drop(skb, HOOK_FROM_OVERLAY, VERDICT_UNKNOWN_VNI);
	if (UNLIKELY(frame_is_tagged(skb)))
		return drop(skb, HOOK_FROM_OVERLAY, VERDICT_VLAN_TAGGED);
	if (skb->protocol != NET16(ETH_P_IP))
		return drop(skb, HOOK_FROM_OVERLAY, VERDICT_UNSUPPORTED_L3);
	if (!packet_parse_v4(skb, &packet))
		return drop(skb, HOOK_FROM_OVERLAY, VERDICT_MALFORMED);
	address_from_v4(&source, packet.ip->saddr);
	address_from_v4(&remote, NET32(key.remote));
	if (!tunnel_may_bring(config, &source, &remote))
		return drop(skb, HOOK_FROM_OVERLAY, VERDICT_FOREIGN_TUNNEL_ENDPOINT);

	endpoint = endpoint_lookup_v4(packet.ip->daddr);
	if (!endpoint)
		return drop(skb, HOOK_FROM_OVERLAY, VERDICT_NO_ENDPOINT);
	if (!endpoint->ifindex)
		return to_stack(skb, &packet, HOOK_FROM_OVERLAY, config);
	if (!inbound(skb, &packet, config))
		return drop(skb, HOOK_FROM_OVERLAY, VERDICT_MALFORMED);
	if (!endpoint_takes(skb, &packet, endpoint))
		return to_stack(skb, &packet, HOOK_FROM_OVERLAY, config);
	if (answer_is_lost(skb, &packet, HOOK_FROM_OVERLAY))
		return TC_ACT_SHOT;
	/* The address decides, whatever MAC the sender knew this node by. */
	if (UNLIKELY(skb->pkt_type != PACKET_HOST))
		change_type(skb, PACKET_HOST);
	account(skb, HOOK_FROM_OVERLAY, VERDICT_TO_ENDPOINT);
	return endpoint_deliver(&packet, endpoint);
}
