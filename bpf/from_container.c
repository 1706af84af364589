/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a pod sends: tc ingress of its host-side device. All pods of a node share this program. */
#include "lib/answer.h"
#include "lib/arp.h"
#include "lib/balance.h"
#include "lib/frame.h"
#include "lib/route.h"
#include "lib/tunnel.h"

int from_container(struct __sk_buff *skb)
{
	const struct endpoints_value *destination;
	const struct ipcache_value *peer = 0;
	const struct config_value *config;
	struct packet packet = {};
	int done, takes;

	if (UNLIKELY(frame_is_tagged(skb)))
		return drop(skb, HOOK_FROM_CONTAINER, VERDICT_VLAN_TAGGED);
	if (skb->protocol == NET16(ETH_P_ARP))
		return arp_answer(skb, HOOK_FROM_CONTAINER);
	if (skb->protocol != NET16(ETH_P_IP))
		return drop(skb, HOOK_FROM_CONTAINER, VERDICT_UNSUPPORTED_L3);
	if (!packet_parse_v4(skb, &packet))
		return drop(skb, HOOK_FROM_CONTAINER, VERDICT_MALFORMED);

	packet_unsettle(skb);
	/* The address must be one that this very device was given, and the MAC that pod's own. */
	if (!endpoint_sent(skb, packet.eth, endpoint_lookup_v4(packet.ip->saddr)))
		return drop(skb, HOOK_FROM_CONTAINER, VERDICT_SPOOFED_SOURCE);

	destination = endpoint_lookup_v4(packet.ip->daddr);
	if (!destination)
		peer = ipcache_lookup_v4(packet.ip->daddr);
	takes = destination && destination->ifindex && endpoint_takes(skb, &packet, destination);
	if ((takes || peer) && answer_is_lost(skb, &packet, HOOK_FROM_CONTAINER))
		return TC_ACT_SHOT;
	if (takes && destination) {
		account(skb, HOOK_FROM_CONTAINER, VERDICT_TO_ENDPOINT);
		return endpoint_deliver(&packet, destination);
	}

	config = node_config();
	if (UNLIKELY(!config))
		return drop(skb, HOOK_FROM_CONTAINER, VERDICT_NOT_CONFIGURED);
	if (!peer && tunnel_is_claimed(skb, &packet, config))
		return drop(skb, HOOK_FROM_CONTAINER, VERDICT_ENCAPSULATION_PROHIBITED);
	if (!peer && !(destination && destination->ifindex) && service_state()) {
		done = balance(skb, &packet, HOOK_FROM_CONTAINER, SERVICE_CLIENT_POD);
		if (done != NOT_TRANSLATED)
			return done;
		/* Again, so that the verifier need not go through all that for either answer. */
		destination = endpoint_lookup_v4(packet.ip->daddr);
	}
	if (destination) /* the node itself, or a pod that cannot take the packet as it is */
		return to_stack(skb, &packet, HOOK_FROM_CONTAINER, config);
	return route(skb, &packet, HOOK_FROM_CONTAINER, config, peer);
}
