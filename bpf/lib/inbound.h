/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What comes in for a pod by its own address, from where it would be masqueraded to, is a call. */
#pragma once

#include "calls.h"
#include "egress.h"

/* Say whether the pod answers such an address by the node's, if it was not called from there. */
static __always_inline int inbound_is_from_outside(const struct packet *p)
{
	const struct masquerade_value *device;

	if (LIKELY(egress_excepts(&p->tuple->source))) /* a pod's, before all */
		return 0;
	device = egress_device(p, p->skb->ifindex);
	/* The answer may leave by another device than the packet came in by, such as the tunnel. */
	if (!device)
		device = egress_device(p, p->config->netdev_ifindex);
	return device && egress_covers(device, &p->tuple->source);
}

/* Say whether it can be a call: what has ports, and of ICMP who asks. */
static __always_inline int inbound_calls(const struct packet *p)
{
	const __u16 protocol = p->tuple->protocol;
	__u8 type;

	if (packet_is_later_fragment(p))
		return 0;
	if (protocol != IP_PROTOCOL_ICMP)
		return protocol == IP_PROTOCOL_TCP || protocol == IP_PROTOCOL_UDP;
	return !load_bytes(p->skb, p->l4, &type, sizeof(type)) && type == ICMP_ECHO_REQUEST;
}

/* Say whether the client had a connection to the pod by a service, closed it, and opens the next one past that. */
static __always_inline int inbound_is_past_service(const struct packet *p, const struct nat_value *known)
{
	return known->flags & NAT_REVERSE && l4_opens(p) && nat_closes(known);
}

/* Note a packet for a pod of this node. */
static __always_inline enum verdict inbound(struct packet *p)
{
	struct nat_key answer = {};
	struct nat_value *known;
	enum verdict verdict;

	if (!MASQUERADES || !p->config || !inbound_calls(p) || !inbound_is_from_outside(p))
		return VERDICT_NONE;
	verdict = l4_read(p);
	if (verdict != VERDICT_NONE)
		return verdict;
	nat_forget(p);
	nat_key_answer(&answer, p->tuple); /* as it comes out of the pod */
	known = nat_lookup(&answer);
	if (!known || nat_is_over(&answer, known) || inbound_is_past_service(p, known))
		calls_note(p, &answer);
	else if (known->flags & NAT_INBOUND)
		calls_again(p, known);
	nat_forget(p);
	return VERDICT_NONE;
}
