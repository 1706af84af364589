/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a pod sends, where the kernel's own bridge or routes carry it on: tc ingress of its host-side
 * device. Nothing but IPv4 and ARP, and only in the pod's own name. What is for a service, or of one
 * of its flows, the kernel does not carry: it would know the answers for what they are not. */
#include "lib/answer.h"
#include "lib/arp.h"
#include "lib/balance.h"
#include "lib/frame.h"
#include "lib/tunnel.h"

static __always_inline int pass(struct __sk_buff *skb)
{
	account(skb, HOOK_GUARD, VERDICT_TO_STACK);
	return TC_ACT_UNSPEC;
}

/* The gateway is answered for here: the stack keeps silent of an address that another device has, where
 * the host's arp_ignore says so. */
static __always_inline int guard_arp(struct __sk_buff *skb)
{
	const struct config_value *config = node_config();
	struct arp_frame frame;

	if (!arp_parse(skb, &frame) || !arp_is_v4(&frame))
		return drop(skb, HOOK_GUARD, VERDICT_MALFORMED);
	/* A probe for a duplicate (RFC 5227) has no sender: it is for the address that it asks for. */
	if (!arp_sent_by(skb, &frame, endpoint_lookup_v4(frame.sender ?: frame.target)))
		return drop(skb, HOOK_GUARD, VERDICT_SPOOFED_SOURCE);
	if (config && frame.sender && frame.target == config->gateway_ip.words[3] &&
	    frame.arp->operation == NET16(ARP_REQUEST))
		return arp_answer(skb, HOOK_GUARD);
	return pass(skb);
}

/* The answer of a pod of this node to another one's is translated and handed over; what is for no
 * pod at all may be for a service. */
static __always_inline int guard_services(struct __sk_buff *skb, struct packet *packet)
{
	const struct endpoints_value *destination = endpoint_lookup_v4(packet->ip->daddr);
	int done;

	if (!destination && ipcache_lookup_v4(packet->ip->daddr))
		return answer_is_lost(skb, packet, HOOK_GUARD) ? TC_ACT_SHOT : pass(skb);
	if (destination && destination->ifindex)
		done = answer_deliver(skb, packet, HOOK_GUARD, destination);
	else
		done = balance(skb, packet, HOOK_GUARD, SERVICE_CLIENT_POD);
	return done == NOT_TRANSLATED ? pass(skb) : done;
}

int guard(struct __sk_buff *skb)
{
	const struct config_value *config;
	struct packet packet = {};

	if (UNLIKELY(frame_is_tagged(skb)))
		return drop(skb, HOOK_GUARD, VERDICT_VLAN_TAGGED);
	if (skb->protocol == NET16(ETH_P_ARP))
		return guard_arp(skb);
	if (skb->protocol != NET16(ETH_P_IP))
		return drop(skb, HOOK_GUARD, VERDICT_UNSUPPORTED_L3);
	if (!packet_parse_v4(skb, &packet))
		return drop(skb, HOOK_GUARD, VERDICT_MALFORMED);
	if (!endpoint_sent(skb, packet.eth, endpoint_lookup_v4(packet.ip->saddr)))
		return drop(skb, HOOK_GUARD, VERDICT_SPOOFED_SOURCE);
	config = node_config();
	if (config && tunnel_is_claimed(skb, &packet, config))
		return drop(skb, HOOK_GUARD, VERDICT_ENCAPSULATION_PROHIBITED);
	packet_unsettle(skb);
	if (!service_state())
		return pass(skb);
	return guard_services(skb, &packet);
}
