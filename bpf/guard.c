/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a pod sends, where the kernel's own bridge or routes carry it on: tc ingress of its host-side
 * device. Nothing but IPv4 and ARP, and only in the pod's own name. What is for a service, or of one
 * of its flows, the kernel does not carry: it would know the answers for what they are not. */
#include "lib/arp.h"
#include "lib/finish.h"
#include "lib/forward.h"
#include "lib/frame.h"
#include "lib/lb.h"
#include "lib/tunnel.h"

/* The gateway is answered for here: the stack keeps silent of an address that another device has, where
 * the host's arp_ignore says so. */
static __always_inline enum verdict guard_arp(struct packet *p)
{
	const struct config_value *config = node_config(FAMILY_IPV4);
	struct arp_frame frame;

	if (!arp_read(p->skb, &frame) || !arp_is_v4(&frame))
		return VERDICT_MALFORMED;
	/* A probe for a duplicate (RFC 5227) has no sender: it is for the address that it asks for. */
	if (!arp_sender(p->skb, &frame, frame.sender ?: frame.target))
		return VERDICT_SPOOFED_SOURCE;
	if (config && frame.sender && frame.target == config->gateway_ip.words[3] &&
	    frame.arp->operation == NET16(ARP_REQUEST))
		return arp_reply(p);
	return VERDICT_NONE;
}

static __always_inline enum verdict walk(struct packet *p)
{
	enum verdict verdict;
	int configured;

	if (UNLIKELY(frame_is_tagged(p->skb)))
		return VERDICT_VLAN_TAGGED;
	if (p->skb->protocol == NET16(ETH_P_ARP))
		return guard_arp(p);
	verdict = packet_read(p);
	if (verdict == VERDICT_NONE)
		verdict = antispoof(p);
	if (verdict != VERDICT_NONE)
		return verdict;
	configured = node_configured(p) == VERDICT_NONE;
	if (configured && tunnel_is_claimed(p))
		return VERDICT_ENCAPSULATION_PROHIBITED;
	packet_allow_snat(p);
	if (!configured || !service_state())
		return VERDICT_NONE;

	owner_find(p, &p->tuple->destination);
	verdict = reverse_nat(p);
	if (verdict == VERDICT_NONE && !reverse_nat_direct(p))
		verdict = lb(p);
	if (verdict != VERDICT_NONE || !p->flow)
		return verdict;
	if (p->way.owner == OWNER_PEER) /* the kernel knows the way */
		return nat_apply(p, VERDICT_TO_STACK);
	return forward_flow(p);
}

PROGRAM(guard, HOOK_GUARD, VERDICT_TO_STACK)
