/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What pods send to the outside goes out with the address of the device by which it does. What the
 * node itself sends from that address keeps off the ports that pods' flows have there. */
#pragma once

#include "calls.h"
#include "egress.h"
#include "ports.h"

/* Among how many common ports one is looked for, twice. With 37,000 of the 38,590 to one destination taken, so
 * many find none once in 40,000 times, and then those follow that are kept for the pod. */
#define SNAT_PORTS 125

static __always_inline struct nat_state_value *snat_state(void)
{
	const __u32 zero = 0;

	return map_lookup(MAP(nat_state), &zero);
}

/* Say whether the packet begins something. Else it answers, or is part of a connection. */
static __always_inline int snat_begins(const struct packet *p)
{
	if (p->tuple->protocol == IP_PROTOCOL_TCP)
		return l4_opens(p);
	if (p->tuple->protocol == IP_PROTOCOL_ICMP)
		return !p->tuple->destination_port && !p->echo_reply; /* who asks */
	return 1;
}

/* The entry for what answers the packet, if that keeps its port and goes out with the device's
 * address. */
static __always_inline struct nat_value *snat_answer(const struct packet *p,
						     const struct masquerade_value *device,
						     struct nat_key *back)
{
	nat_key_answer(back, p->tuple);
	back->destination = device->address;
	return nat_lookup(back);
}

/* Say whether half of the packet's flow is known: that for its answers. */
static __always_inline int snat_is_half(const struct packet *p,
					const struct masquerade_value *device)
{
	struct nat_key back = {};
	const struct nat_value *other = snat_answer(p, device, &back);

	return other && other->flags & NAT_MASQUERADE && nat_is_back(other, p->tuple) &&
	       !nat_is_over(&back, other);
}

/* Say whether the flow may go on as it is. */
static __always_inline int snat_keeps(const struct packet *p, const struct nat_value *flow)
{
	return !nat_is_over(p->tuple, flow) && !(l4_opens(p) && nat_closes(flow));
}

/* A process of the node's own: where a pod's flow has its port, it gets another one. */
static __always_inline enum verdict snat_node(struct packet *p, const struct masquerade_value *device)
{
	const int echo = p->tuple->protocol == IP_PROTOCOL_ICMP;
	struct nat_state_value *state = snat_state();
	const struct nat_value *other;
	struct nat_key back = {};

	if (!state || p->ports_unknown)
		return VERDICT_NONE;
	if (LIKELY(!state->host_ports && p->tcp_flags && !l4_opens(p)))
		return VERDICT_NONE;
	if (state->host_ports || echo) {
		p->flow = nat_lookup(p->tuple);
		if (p->flow && !(p->flow->flags & NAT_HOST))
			return VERDICT_NONE;
		if (p->flow && snat_keeps(p, p->flow))
			return VERDICT_MASQUERADED;
		if (p->flow)
			nat_remove(p->tuple, p->flow);
		p->flow = 0;
	}
	if (!snat_begins(p))
		return VERDICT_NONE;
	/* No socket shows which identifiers of echo are the node's own: their entries do. */
	if (echo)
		return VERDICT_MASQUERADED;
	other = snat_answer(p, device, &back);
	if (LIKELY(!other) || !(other->flags & NAT_REVERSE) || nat_is_over(&back, other))
		return VERDICT_NONE;
	state->host_ports = 1;
	return VERDICT_MASQUERADED;
}

/* What a pod sends, and neither begins anything nor answers: it is of a connection that was forgotten, or
 * made up. Taken up with the device's address, and perhaps another port, it would be of none at the peer,
 * either; and might cut one that came in. */
static __always_inline enum verdict snat_unknown(const struct endpoints_value *pod)
{
	return pod->flags & ENDPOINT_CALLS ? VERDICT_UNKNOWN_CONNECTION : VERDICT_NONE;
}

/* An ICMP error about what came in for a flow goes out as the flow does: one of the node's, or of the pod
 * whose flow it is. A pod's about what came in by its own address goes out by that; any other not at
 * all. */
static __always_inline enum verdict snat_error(struct packet *p, const struct masquerade_value *device)
{
	const struct nat_value *flow = p->inner ? nat_lookup(p->tuple) : 0;
	const struct endpoints_value *pod;
	struct address source;
	int own;

	if (!packet_point(p))
		return VERDICT_MALFORMED;
	packet_source(p, &source);
	pod = endpoint_lookup(&source);
	own = p->inner && address_equal(&source, &p->tuple->source);
	if (!pod || !pod->ifindex || own) {
		if (flow && flow->flags & NAT_MASQUERADE && !(flow->flags & NAT_HOST) &&
		    address_equal(&flow->source, &device->address)) {
			p->flow = (struct nat_value *)flow;
			return VERDICT_MASQUERADED;
		}
	}
	if (!pod || !pod->ifindex || !egress_masquerades(device, &p->tuple->destination))
		return VERDICT_NONE;
	if (own && (calls_find(p->tuple) || (flow && !(flow->flags & NAT_MASQUERADE))))
		return VERDICT_NONE;
	return snat_unknown(pod);
}

/* A packet of no flow: is it one of a pod's, and for whom? `known`: it had one. */
static __always_inline enum verdict snat_select(struct packet *p,
						const struct masquerade_value *device,
						enum verdict read, int known)
{
	const struct endpoints_value *pod = endpoint_lookup(&p->tuple->source);
	const int found = p->layer4 == L4_PORTS;
	enum calls_answers answers;

	if (!pod || !pod->ifindex)
		return VERDICT_NONE;
	if (read != VERDICT_NONE)
		return read;
	if (!egress_masquerades(device, &p->tuple->destination))
		return VERDICT_NONE;
	if (!found)
		return VERDICT_NAT_UNSUPPORTED;
	if (p->ports_unknown)
		return VERDICT_UNKNOWN_FRAGMENT;
	answers = known ? CALLS_NONE : calls_answer(p);
	if (answers == CALLS_NONE) {
		if (packet_is_later_fragment(p))
			return VERDICT_UNKNOWN_FRAGMENT;
		if (known || snat_begins(p) || snat_is_half(p, device))
			return VERDICT_MASQUERADED;
		if (pod->flags & ENDPOINT_CALLS)
			return VERDICT_UNKNOWN_CONNECTION;
	}
	if (answers != CALLS_FIRST)
		calls_last(p);
	return VERDICT_NONE;
}

/* A packet of a pod, or one that the node forwards for somebody else. */
static __always_inline enum verdict snat_pod(struct packet *p, const struct masquerade_value *device,
					     enum verdict read)
{
	struct nat_value *flow = p->layer4 == L4_PORTS ? nat_lookup(p->tuple) : 0;
	int known = 0;

	if (!flow)
		return snat_select(p, device, read, known);
	if (flow->flags & NAT_MASQUERADE) {
		if (LIKELY(address_equal(&flow->source, &device->address) && snat_keeps(p, flow))) {
			p->flow = flow;
			return VERDICT_MASQUERADED;
		}
	} else if (!(flow->flags & NAT_INBOUND)) {
		return VERDICT_NONE; /* a service's */
	} else if (!nat_is_over(p->tuple, flow) && !l4_opens(p)) {
		calls_use(p, flow);
		return VERDICT_NONE;
	}
	/* What was masqueraded once does not go out with the pod's address, whatever it is. */
	known = flow->flags & NAT_MASQUERADE;
	nat_remove(p->tuple, flow);
	return snat_select(p, device, read, known);
}

/* Begin a flow that goes out with the device's address. */
static __always_inline enum verdict snat_begin(struct packet *p,
					       const struct masquerade_value *device, __u16 flags)
{
	struct nat_value to = {
		.source = device->address,
		.destination = p->tuple->destination,
		.destination_port = p->tuple->destination_port,
		.flags = flags,
	};

	enum verdict verdict;

	nat_forget(p);
	verdict = nat_create(p, &to, NAT_DEVICES, SNAT_PORTS);
	if (verdict != VERDICT_NONE)
		return verdict;
	return packet_point(p) ? VERDICT_MASQUERADED : VERDICT_MALFORMED;
}

/* A packet on its way out of the device. */
static __always_inline enum verdict snat(struct packet *p, const struct masquerade_value *device)
{
	const enum verdict read = l4_read(p);
	int own = p->layer4 != L4_ERROR && address_equal(&p->tuple->source, &device->address);
	__u16 flags = own ? NAT_MASQUERADE | NAT_HOST : NAT_MASQUERADE;
	enum verdict verdict;

	nat_forget(p);
	if (own && (read != VERDICT_NONE || p->layer4 != L4_PORTS))
		return VERDICT_NONE;
	if (UNLIKELY(p->layer4 == L4_ERROR))
		verdict = snat_error(p, device);
	else
		verdict = own ? snat_node(p, device) : snat_pod(p, device, read);
	if (verdict != VERDICT_MASQUERADED)
		return verdict;
	FORGET(own, p->skb->len);
	if (!p->flow) {
		FORGET(flags, (__u16)p->skb->len);
		verdict = snat_begin(p, device, flags);
		if (verdict_drops(verdict) || !p->flow)
			return verdict;
	}
	if (own && p->flow->source_port == p->tuple->source_port) { /* only kept in mind */
		nat_use(p, p->flow);
		return VERDICT_NONE;
	}
	return nat_apply(p, VERDICT_MASQUERADED);
}
