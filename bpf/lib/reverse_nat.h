/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Packets of flows that are known, replies before all: which flow it is. */
#pragma once

#include "egress.h"
#include "nat.h"
#include "service.h"

/* Say whether a pod has the destination, so that nothing but a reply is translated. */
static __always_inline int reverse_nat_direct(const struct packet *p)
{
	return p->way.owner == OWNER_POD || p->way.owner == OWNER_PEER;
}

/* Say whether what is masqueraded on the device is answered at the packet's destination. */
static __always_inline int reverse_nat_masquerades(const struct packet *p)
{
	const struct masquerade_value *device = egress_device(p, p->skb->ifindex);

	return device && address_equal(&device->address, &p->tuple->destination);
}

/* Which kinds of flows there are. What a version before this one noted stands in the state of services. */
static __always_inline struct nat_seen_value *nat_seen(void)
{
	const __u32 zero = 0;

	return map_lookup(MAP(nat_seen), &zero);
}

static __always_inline int reverse_nat_pods(const struct packet *p)
{
	const struct nat_seen_value *seen = p->state ? nat_seen() : 0;

	return seen && (seen->pod_flows | p->state->pod_flows);
}

static __always_inline int reverse_nat_host(const struct packet *p)
{
	const struct nat_seen_value *seen = p->state ? nat_seen() : 0;

	return seen && (seen->host_flows | p->state->host_flows);
}

/* Say whether such a packet can be of a flow. */
static __always_inline int reverse_nat_may(const struct packet *p)
{
	if (p->hook == HOOK_TO_NETDEV)
		return reverse_nat_host(p);
	if (reverse_nat_direct(p))
		return reverse_nat_pods(p);
	return p->state || (!packet_is_from_pod(p) && reverse_nat_masquerades(p));
}

/* Find the flow of the packet, or of the one that an ICMP error quotes. `flow` is 0 where there is none,
 * and where it is sent to a pod itself, and no reply. */
static __always_inline enum verdict reverse_nat(struct packet *p)
{
	const int direct = p->hook == HOOK_TO_NETDEV || reverse_nat_direct(p);
	enum verdict verdict;
	__u32 may;

	p->state = service_state();
	may = reverse_nat_may(p);
	if (!__builtin_constant_p(may))
		FORGET(may, p->skb->len); /* whatever the reasons, what comes is the same */
	if (!may)
		return VERDICT_NONE;
	verdict = nat_find(p);
	if (verdict != VERDICT_NONE || !direct || p->inner || p->layer4 != L4_PORTS)
		return verdict;
	if (p->flow && p->flow->flags & NAT_REVERSE)
		return VERDICT_NONE;
	p->flow = 0;
	/* The pod says its peer itself, as one does whose socket was balanced. */
	if (packet_is_from_pod(p) && (l4_opens(p) || p->tuple->protocol == IP_PROTOCOL_UDP))
		nat_end_other(p->tuple);
	return VERDICT_NONE;
}
