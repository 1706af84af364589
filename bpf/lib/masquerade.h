/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What pods send to the outside goes out with the address of the device by which it does. What the
 * node itself sends from that address keeps off the ports that pods' flows have there. */
#pragma once

#include "egress.h"
#include "flow.h"

/* Beside verdicts: as it is, uncounted; and by a flow that is to be begun. */
#define MASQUERADE_NOT VERDICTS
#define MASQUERADE_BEGIN (VERDICTS + 1)

struct masquerading {
	const struct masquerade_value *device;
	struct l4 l4;
	struct nat_key key;
	struct nat_value *flow;
	__u16 flags; /* of a flow that is begun */
};

static __always_inline struct nat_state_value *masquerade_state(void)
{
	const __u32 zero = 0;

	return map_lookup(MAP(nat_state), &zero);
}

/* Say whether the packet begins something. Else it is part of something that came in for the pod by
 * its own address, or that is older than masquerading is here. */
static __always_inline int masquerade_begins(const struct masquerading *m)
{
	if (m->key.protocol == IP_PROTOCOL_TCP)
		return l4_opens(&m->l4);
	if (m->key.protocol == IP_PROTOCOL_ICMP)
		return !m->key.destination_port && !m->l4.echo_reply; /* who asks */
	return 1;
}

/* The entry for what answers the packet, if that keeps its port and goes out with the device's
 * address. */
static __always_inline struct nat_value *masquerade_answer(const struct masquerading *m,
							    struct nat_key *back)
{
	nat_key_answer(back, &m->key);
	back->destination = m->device->address;
	return nat_lookup(back);
}

/* Say whether half of the packet's flow is known: that for its answers. */
static __always_inline int masquerade_is_half(const struct masquerading *m)
{
	struct nat_key back = {};
	const struct nat_value *other = masquerade_answer(m, &back);

	return other && other->flags & NAT_MASQUERADE && nat_is_back(other, &m->key) &&
	       !nat_is_over(&back, other);
}

/* Say whether the flow may go on as it is. */
static __always_inline int masquerade_keeps(const struct masquerading *m)
{
	return !nat_is_over(&m->key, m->flow) && !(l4_opens(&m->l4) && nat_closes(m->flow));
}

/* A process of the node's own: where a pod's flow has its port, it gets another one. */
static __always_inline int masquerade_node(struct __sk_buff *skb, struct packet *packet,
					   struct masquerading *m)
{
	const int echo = m->key.protocol == IP_PROTOCOL_ICMP;
	struct nat_state_value *state = masquerade_state();
	const struct nat_value *other;
	struct nat_key back = {};

	if (!state || l4_parse(skb, packet, &m->l4) <= 0 || m->l4.fragment == FRAGMENT_UNKNOWN)
		return MASQUERADE_NOT;
	if (LIKELY(!state->host_ports && m->l4.tcp_flags && !l4_opens(&m->l4)))
		return MASQUERADE_NOT;
	nat_key_ports(&m->key, &m->l4);
	m->flags = NAT_MASQUERADE | NAT_HOST;
	if (state->host_ports || echo) {
		m->flow = nat_lookup(&m->key);
		if (m->flow && !(m->flow->flags & NAT_HOST))
			return MASQUERADE_NOT;
		if (m->flow && masquerade_keeps(m))
			return VERDICT_MASQUERADED;
		if (m->flow)
			nat_remove(&m->key, m->flow);
	}
	if (!masquerade_begins(m))
		return MASQUERADE_NOT;
	/* No socket shows which identifiers of echo are the node's own: their entries do. */
	if (echo)
		return MASQUERADE_BEGIN;
	other = masquerade_answer(m, &back);
	if (LIKELY(!other) || !(other->flags & NAT_REVERSE) || nat_is_over(&back, other))
		return MASQUERADE_NOT;
	state->host_ports = 1;
	return MASQUERADE_BEGIN;
}

/* An ICMP error of a pod's: a verdict where it is about a packet of a flow, else 0. */
static __always_inline int masquerade_error(struct __sk_buff *skb, struct packet *packet,
					    const struct masquerade_value *device)
{
	struct nat_key key = {};
	struct nat_value *flow;
	struct l4 l4 = {};

	if (quote_parse(skb, packet, &l4, &key) <= 0)
		return 0;
	flow = nat_lookup(&key);
	if (!flow || !(flow->flags & NAT_MASQUERADE) ||
	    !address_equal(&flow->source, &device->address))
		return 0;
	return quote_translate(skb, packet, &l4, &key, flow) ? VERDICT_MASQUERADED :
							       VERDICT_MALFORMED;
}

/* Say whether it is an error, which is never masqueraded itself. */
static __always_inline int masquerade_is_error(struct __sk_buff *skb, const struct masquerading *m)
{
	__u8 type = 0;

	return m->key.protocol == IP_PROTOCOL_ICMP && !load_bytes(skb, m->l4.offset, &type, 1) &&
	       icmp_is_error(type);
}

/* A packet of no flow: is it one of a pod's, and for whom? */
static __always_inline int masquerade_select(struct __sk_buff *skb, const struct masquerading *m,
					     int found, int known)
{
	const struct endpoints_value *pod = endpoint_lookup(&m->key.source);
	const int unknown = m->l4.fragment == FRAGMENT_UNKNOWN;

	if (!pod || !pod->ifindex)
		return MASQUERADE_NOT;
	if (found < 0)
		return VERDICT_MALFORMED;
	if (found && !unknown && !known && !masquerade_begins(m) && !masquerade_is_half(m))
		return MASQUERADE_NOT;
	if (!egress_masquerades(m->device, m->key.destination.words[3]))
		return MASQUERADE_NOT;
	if (!found)
		return masquerade_is_error(skb, m) ? MASQUERADE_NOT : VERDICT_NAT_UNSUPPORTED;
	return m->l4.fragment >= FRAGMENT_LATER ? VERDICT_UNKNOWN_FRAGMENT : MASQUERADE_BEGIN;
}

/* A packet of a pod, or one that the node forwards for somebody else. */
static __always_inline int masquerade_pod(struct __sk_buff *skb, struct packet *packet,
					  struct masquerading *m)
{
	const int found = l4_parse(skb, packet, &m->l4);
	int known;

	m->flags = NAT_MASQUERADE;
	if (found <= 0)
		return masquerade_select(skb, m, found, 0);
	nat_key_ports(&m->key, &m->l4);
	m->flow = nat_lookup(&m->key);
	if (!m->flow)
		return masquerade_select(skb, m, found, 0);
	if (m->flow->flags & NAT_MASQUERADE) {
		if (LIKELY(address_equal(&m->flow->source, &m->device->address) &&
			   masquerade_keeps(m)))
			return VERDICT_MASQUERADED;
	} else if (!(m->flow->flags & NAT_INBOUND)) {
		return MASQUERADE_NOT; /* a service's */
	} else if (!nat_is_over(&m->key, m->flow)) {
		m->flow->used = ktime_get_coarse_ns();
		return MASQUERADE_NOT;
	}
	/* What was masqueraded once does not go out with the pod's address, whatever it is. */
	known = m->flow->flags & NAT_MASQUERADE;
	nat_remove(&m->key, m->flow);
	return masquerade_select(skb, m, found, known);
}

static __always_inline struct nat_value *masquerade_begin(struct __sk_buff *skb,
							   const struct masquerading *m)
{
	struct nat_value to = {
		.source = m->device->address,
		.destination = m->key.destination,
		.destination_port = m->key.destination_port,
		.flags = m->flags,
	};

	return nat_create(skb, &m->key, &to, NAT_DEVICES);
}

static __always_inline int masquerade_pass(struct __sk_buff *skb)
{
	account(skb, HOOK_TO_NETDEV, VERDICT_MASQUERADED);
	return TC_ACT_UNSPEC;
}

/* A packet on its way out of the device: what becomes of it. */
static __always_inline int masquerade(struct __sk_buff *skb, struct packet *packet,
				      const struct masquerade_value *device)
{
	struct masquerading m = { .device = device };
	int own = packet->ip->saddr == device->address.words[3];
	int verdict = 0;

	if (!own && UNLIKELY(packet->ip->protocol == IP_PROTOCOL_ICMP))
		verdict = masquerade_error(skb, packet, device);
	if (verdict == VERDICT_MASQUERADED)
		return masquerade_pass(skb);
	if (verdict || !packet_point(skb, packet))
		return drop(skb, HOOK_TO_NETDEV, VERDICT_MALFORMED);
	nat_key_ends(&m.key, packet);
	verdict = own ? masquerade_node(skb, packet, &m) : masquerade_pod(skb, packet, &m);
	if (verdict == MASQUERADE_BEGIN) {
		FORGET(own, skb->len);
		FORGET(m.flags, (__u16)skb->len);
		nat_key_forget(skb, &m.key, &m.l4);
		m.flow = masquerade_begin(skb, &m);
		verdict = m.flow ? VERDICT_MASQUERADED : VERDICT_NAT_EXHAUSTED;
		if (!packet_point(skb, packet))
			return TC_ACT_SHOT;
	}
	if (verdict == MASQUERADE_NOT)
		return TC_ACT_UNSPEC;
	if (verdict_drops(verdict) || !m.flow)
		return drop(skb, HOOK_TO_NETDEV, verdict);
	nat_use(&m.key, m.flow, l4_closes(&m.l4));
	if (own && m.flow->source_port == m.key.source_port)
		return TC_ACT_UNSPEC; /* only kept in mind */
	if (UNLIKELY(!translate(skb, packet, &m.l4, &m.key, m.flow)))
		return drop(skb, HOOK_TO_NETDEV, VERDICT_MALFORMED);
	return masquerade_pass(skb);
}
