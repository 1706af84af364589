/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Load balancing a packet at a time: for what comes from outside, and for what a pod sends past its
 * sockets. */
#pragma once

#include "egress.h"
#include "icmp.h"
#include "ports.h"
#include "reverse_nat.h"
#include "tunnel.h"

/* Among how many ports one is looked for. */
#define LB_PORTS 8

/* Who asks: what comes from no pod comes from outside. */
static __always_inline enum service_client lb_client(const struct packet *p)
{
	return packet_is_from_pod(p) ? SERVICE_CLIENT_POD : SERVICE_CLIENT_OUTSIDE;
}

/* Note that there are flows whose replies are to be looked for: to pods, or from processes of the node.
 * After their entries are made: who finds none and forgets that, looks again afterwards. */
static __always_inline void lb_note(const struct packet *p)
{
	struct nat_seen_value *seen = nat_seen();

	if (!seen)
		return;
	if (packet_is_from_pod(p)) {
		if (UNLIKELY(!seen->pod_flows))
			seen->pod_flows = 1;
	} else if (UNLIKELY(!seen->host_flows)) {
		seen->host_flows = 1;
	}
}

/* A good hash of the client's end, the same on every node: the same backend on each of them. */
static __always_inline __u32 lb_hash(const struct nat_key *key)
{
	__u32 hash = key->source.words[3] ^ ((__u32)key->source_port << 16 | key->protocol);

	hash = (hash ^ hash >> 16) * 0x85ebca6b; /* the finalizer of MurmurHash3 */
	hash = (hash ^ hash >> 13) * 0xc2b2ae35;
	return hash ^ hash >> 16;
}

/* Which of the active backends, at random or by the frontend's table. */
static __always_inline __u32 lb_position(const struct packet *p,
					 const struct services_value *frontend, __u32 active)
{
	const struct maglev_value *table;
	__u32 hash, place;

	if (lb_client(p) != SERVICE_CLIENT_OUTSIDE || !(frontend->flags & SERVICE_MAGLEV))
		return service_position(get_prandom_u32(), active);
	hash = lb_hash(p->tuple);
	table = map_lookup(MAP(maglev), &frontend->id);
	place = hash % MAGLEV_POSITIONS;
	/* The compiler knows what is checked here; the kernel's verifier does not. */
	OPAQUE(place);
	if (table && place < MAGLEV_POSITIONS && table->positions[place] < active)
		return table->positions[place];
	return service_position(hash, active);
}

static __always_inline int lb_allows(const struct packet *p, const struct services_value *frontend)
{
	struct source_ranges_key key = {
		.prefixlen = 32 + 128,
		.id = frontend->id,
		.address = p->tuple->source,
	};

	return !(frontend->flags & SERVICE_SOURCE_RANGES) || map_lookup(MAP(source_ranges), &key);
}

/* No such frontend: an address of a service's at which there is nothing else, or none of ours. */
static __always_inline enum verdict lb_unknown(const struct packet *p, struct services_key *key)
{
	const struct services_value *address;

	key->port = 0;
	key->protocol = 0;
	address = service_exact(key);
	if (!address)
		return VERDICT_NONE;
	/* An external IP is somebody else's address but where packets come in for it. */
	if (lb_client(p) != SERVICE_CLIENT_OUTSIDE && address->kind == SERVICE_EXTERNAL_IP)
		return VERDICT_NONE;
	return p->ports_unknown ? VERDICT_UNKNOWN_FRAGMENT : VERDICT_UNKNOWN_SERVICE_PORT;
}

/* Say whether a backend would be masqueraded to, if a pod named it itself: then one translation does
 * for both. */
static __always_inline int lb_masquerades(const struct packet *p, const struct address *backend)
{
	const struct masquerade_value *device = egress_device(p, p->config->netdev_ifindex);

	return device && egress_masquerades(device, backend);
}

/* Say whether the packet is of a connection that is open already. Fragments but the first do not show
 * it, and of what opens one there are none. */
static __always_inline int lb_is_midway(const struct packet *p)
{
	return p->tuple->protocol == IP_PROTOCOL_TCP && !l4_opens(p);
}

/* Say whether half of the flow is known, that for its answers, if it keeps its port. */
static __always_inline int lb_is_half(const struct nat_key *key, struct nat_value *to)
{
	const struct nat_value *other;
	struct nat_key back = {};

	to->source_port = key->source_port;
	nat_key_back(&back, key, to);
	other = nat_lookup(&back);
	return other && other->flags & NAT_REVERSE && nat_is_back(other, key);
}

/* Choose the address that a flow goes on with, so that its answers come by here. `noted`: whether replies
 * are to be looked for then. */
static __always_inline enum verdict lb_source(const struct packet *p, struct nat_value *to,
					      enum nat_address *address, int *noted)
{
	const struct endpoints_value *endpoint = endpoint_lookup(&to->destination);
	const int node = endpoint ? !endpoint->ifindex : node_is_own(&to->destination);

	if (tunnel_is_backend(p->config, p->tuple->protocol, &to->destination, to->destination_port))
		return VERDICT_ENCAPSULATION_PROHIBITED;
	*address = NAT_NODES;
	*noted = 0;
	if (lb_client(p) == SERVICE_CLIENT_OUTSIDE) {
		/* Also the answer to a pod, which would be none to anything where it goes out. */
		if (!node && (!endpoint || ipcache_lookup(&to->source))) {
			to->source = p->config->node_ip;
			return VERDICT_NONE;
		}
		*noted = node;
	} else if (address_equal(&to->source, &to->destination)) {
		/* A pod to itself: it would not answer its own address by its device. */
		to->source = p->config->gateway_ip;
		return VERDICT_NONE;
	} else if (!node && !endpoint && lb_masquerades(p, &to->destination)) {
		to->source = p->config->node_ip;
		return VERDICT_NONE;
	} else {
		if (p->hook == HOOK_GUARD && node)
			return VERDICT_HOST_BACKEND;
		*noted = 1;
	}
	*address = NAT_CLIENTS;
	return VERDICT_NONE;
}

/* Begin a flow to the backend in a slot. */
static __always_inline enum verdict lb_begin(struct packet *p,
					     const struct services_value *frontend, __u32 slot,
					     const struct backends_value *backend)
{
	struct nat_value to = {
		.source = p->tuple->source,
		.destination = backend->address,
		.destination_port = backend->port,
		.flags = lb_client(p) == SERVICE_CLIENT_OUTSIDE ? NAT_OUTSIDE : 0,
		.id = frontend->id,
		.slot = slot,
	};
	enum nat_address address;
	int noted;
	enum verdict verdict = lb_source(p, &to, &address, &noted);

	if (verdict != VERDICT_NONE)
		return verdict;
	if (lb_is_midway(p) && !lb_is_half(p->tuple, &to))
		return VERDICT_UNKNOWN_CONNECTION;
	verdict = nat_create(p, &to, address, LB_PORTS);
	if (verdict == VERDICT_NONE && noted)
		lb_note(p);
	return verdict;
}

/* Say whether a packet that opens a connection is the same one as before, and its backend still takes
 * connections. Where that moved to another slot, choosing anew does no harm: nothing is open yet. */
static __always_inline int lb_keeps(const struct nat_value *flow, const struct service_run *run)
{
	return !nat_closes(flow) && flow->slot - run->first < run->active &&
	       service_slot_holds(flow->slot, &flow->destination, flow->destination_port);
}

/* A packet of no flow, or one that opens a connection where there was one: if it is for a service, it gets
 * a flow to one of the backends. */
static __always_inline enum verdict lb_select(struct packet *p)
{
	struct services_key key = {
		.address = p->tuple->destination,
		.port = p->tuple->destination_port,
		.protocol = (__u8)p->tuple->protocol,
		.family = (__u8)packet_family(p),
	};
	const struct services_value *frontend = service_lookup(p->state, &key, lb_client(p));
	const struct backends_value *backend;
	struct service_run run;
	__u32 slot;

	if (!frontend) {
		p->flow = 0;
		return lb_unknown(p, &key);
	}
	if (packet_is_later_fragment(p)) /* its first one began no flow */
		return VERDICT_UNKNOWN_FRAGMENT;
	if (lb_client(p) == SERVICE_CLIENT_OUTSIDE) {
		if (!(frontend->flags & SERVICE_OUTSIDE))
			return VERDICT_NOT_FROM_OUTSIDE;
		if (!lb_allows(p, frontend))
			return VERDICT_SOURCE_NOT_ALLOWED;
		run = service_outside(frontend);
	} else {
		run = service_inside(frontend);
	}
	if (p->flow) {
		if (lb_keeps(p->flow, &run))
			return VERDICT_NONE;
		nat_remove(p->tuple, p->flow);
		p->flow = 0;
	}
	slot = service_choose_slot(frontend, &run, lb_position(p, frontend, run.active),
				   &p->tuple->source);
	backend = service_slot(slot); /* none in SERVICE_NOWHERE */
	if (backend)
		return lb_begin(p, frontend, slot, backend);
	if (lb_client(p) == SERVICE_CLIENT_OUTSIDE && frontend->flags & SERVICE_LOCAL_OUTSIDE)
		return VERDICT_NO_LOCAL_BACKEND;
	p->icmp = ICMP_CAUSE(ICMP_UNREACHABLE, ICMP_PORT_UNREACHABLE, 0);
	return VERDICT_NO_BACKEND;
}

/* Begin a flow where a packet for an address that no pod has is for a service, and of no flow yet. */
static __always_inline enum verdict lb(struct packet *p)
{
	enum verdict verdict;

	if (p->layer4 != L4_PORTS || (MASQUERADES && p->tuple->protocol == IP_PROTOCOL_ICMP))
		return VERDICT_NONE;
	if (p->flow && !(l4_opens(p) && !(p->flow->flags & NAT_REVERSE)))
		return VERDICT_NONE;
	FORGET(p->way.owner, p->skb->len); /* what comes is the same for the node's address and any other */
	verdict = p->state ? lb_select(p) : VERDICT_NONE;
	if (p->state && (LIKELY(!verdict_drops(verdict) || !lb_is_midway(p)) ||
			 node_flags(&p->tuple->destination) < 0))
		return verdict;
	/* A process of a node may have had the port before: its connections stay its own. */
	p->icmp = 0;
	p->flow = 0;
	return VERDICT_NONE;
}
