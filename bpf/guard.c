/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a pod sends, where the kernel's own bridge or routes carry it on: tc ingress of its host-side
 * device. Nothing but IPv4 and ARP, and only in the pod's own name. */
#include "lib/arp.h"
#include "lib/endpoint.h"
#include "lib/verdict.h"

static __always_inline int pass(struct __sk_buff *skb)
{
	account(skb, HOOK_GUARD, VERDICT_TO_STACK);
	return TC_ACT_UNSPEC;
}

static __always_inline int guard_arp(struct __sk_buff *skb)
{
	struct arp_frame frame;

	if (!arp_parse(skb, &frame) || !arp_is_v4(&frame))
		return drop(skb, HOOK_GUARD, VERDICT_MALFORMED);
	/* A probe for a duplicate (RFC 5227) has no sender: it is for the address that it asks for. */
	if (!arp_sent_by(skb, &frame, endpoint_lookup_v4(frame.sender ?: frame.target)))
		return drop(skb, HOOK_GUARD, VERDICT_SPOOFED_SOURCE);
	return pass(skb);
}

int guard(struct __sk_buff *skb)
{
	struct packet packet = {};

	if (skb->protocol == NET16(ETH_P_ARP))
		return guard_arp(skb);
	if (skb->protocol != NET16(ETH_P_IP))
		return drop(skb, HOOK_GUARD, VERDICT_UNSUPPORTED_L3);
	if (!packet_parse_v4(skb, &packet))
		return drop(skb, HOOK_GUARD, VERDICT_MALFORMED);
	if (!endpoint_sent(skb, packet.eth, endpoint_lookup_v4(packet.ip->saddr)))
		return drop(skb, HOOK_GUARD, VERDICT_SPOOFED_SOURCE);
	return pass(skb);
}
