/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Load balancing a packet at a time: for what comes from outside, and for what a pod sends past its
 * sockets. */
#pragma once

#include "egress.h"
#include "flow.h"
#include "tunnel.h"

/* Other answers of the functions here are verdicts; this one is none. */
#define BALANCE_UNTOUCHED VERDICTS

struct balance {
	enum service_client client; /* SERVICE_CLIENT_POD or SERVICE_CLIENT_OUTSIDE */
	const struct service_state_value *state;
	struct flow flow;
};

/* The program writes two words of the map that the module does not. */
static __always_inline void balance_note(const __u32 *seen)
{
	if (UNLIKELY(!*seen))
		*(__u32 *)seen = 1;
}

/* A good hash of the client's end, the same on every node: the same backend on each of them. */
static __always_inline __u32 balance_hash(const struct nat_key *key)
{
	__u32 hash = key->source.words[3] ^ ((__u32)key->source_port << 16 | key->protocol);

	hash = (hash ^ hash >> 16) * 0x85ebca6b; /* the finalizer of MurmurHash3 */
	hash = (hash ^ hash >> 13) * 0xc2b2ae35;
	return hash ^ hash >> 16;
}

/* Which of the active backends, at random or by the frontend's table. */
static __always_inline __u32 balance_position(const struct balance *b,
					      const struct services_value *frontend, __u32 active)
{
	const struct maglev_value *table;
	__u32 hash, place;

	if (b->client != SERVICE_CLIENT_OUTSIDE || !(frontend->flags & SERVICE_MAGLEV))
		return service_position(get_prandom_u32(), active);
	hash = balance_hash(&b->flow.key);
	table = map_lookup(MAP(maglev), &frontend->id);
	place = hash % MAGLEV_POSITIONS;
	/* The compiler knows what is checked here; the kernel's verifier does not. */
	OPAQUE(place);
	if (table && place < MAGLEV_POSITIONS && table->positions[place] < active)
		return table->positions[place];
	return service_position(hash, active);
}

static __always_inline int balance_allows(const struct balance *b,
					  const struct services_value *frontend)
{
	struct source_ranges_key key = {
		.prefixlen = 32 + 128,
		.id = frontend->id,
		.address = b->flow.key.source,
	};

	return !(frontend->flags & SERVICE_SOURCE_RANGES) || map_lookup(MAP(source_ranges), &key);
}

/* No such frontend: an address of a service's at which there is nothing else, or none of ours. */
static __always_inline int balance_unknown(const struct balance *b, struct services_key *key)
{
	const struct services_value *address;

	key->port = 0;
	key->protocol = 0;
	address = service_exact(key);
	if (!address)
		return BALANCE_UNTOUCHED;
	/* An external IP is somebody else's address but where packets come in for it. */
	if (b->client != SERVICE_CLIENT_OUTSIDE && address->kind == SERVICE_EXTERNAL_IP)
		return BALANCE_UNTOUCHED;
	return b->flow.l4.fragment == FRAGMENT_UNKNOWN ? VERDICT_UNKNOWN_FRAGMENT :
							 VERDICT_UNKNOWN_SERVICE_PORT;
}

/* Say whether a backend would be masqueraded to, if a pod named it itself: then one translation does
 * for both. */
static __always_inline int balance_masquerades(const struct balance *b,
					       const struct backends_value *backend)
{
	const struct masquerade_value *device = egress_device(b->flow.config->netdev_ifindex);

	return device && egress_masquerades(device, backend->address.words[3]);
}

/* Say whether the packet is of a connection that is open already. Fragments but the first do not show
 * it, and of what opens one there are none. */
static __always_inline int balance_is_midway(const struct balance *b)
{
	return b->flow.key.protocol == IP_PROTOCOL_TCP && !l4_opens(&b->flow.l4);
}

/* Say whether half of the flow is known, that for its answers, if it keeps its port. */
static __always_inline int balance_is_half(const struct nat_key *key, struct nat_value *to)
{
	const struct nat_value *other;
	struct nat_key back = {};

	to->source_port = key->source_port;
	nat_key_back(&back, key, to);
	other = nat_lookup(&back);
	return other && other->flags & NAT_REVERSE && nat_is_back(other, key);
}

/* Begin a flow to a backend. */
static __always_inline int balance_begin(struct __sk_buff *skb, struct balance *b,
					 const struct services_value *frontend, __u32 slot,
					 const struct backends_value *backend)
{
	struct nat_value to = {
		.source = b->flow.key.source,
		.destination = backend->address,
		.destination_port = backend->port,
		.id = frontend->id,
		.slot = slot,
	};
	const enum place place = place_of(&to.destination, endpoint_lookup(&to.destination));
	enum nat_address address = NAT_CLIENTS;

	if (tunnel_is_backend(b->flow.config, b->flow.key.protocol, &backend->address, backend->port))
		return VERDICT_ENCAPSULATION_PROHIBITED;
	if (b->client == SERVICE_CLIENT_OUTSIDE) {
		if (place == PLACE_NODE) {
			balance_note(&b->state->host_flows);
		} else if (place == PLACE_ELSEWHERE || ipcache_lookup_v4(to.source.words[3])) {
			/* So that the answer comes by here: also the one to a pod, which would be
			 * no answer to anything where it goes out. */
			to.source = b->flow.config->node_ip;
			address = NAT_NODES;
		}
	} else if (address_equal(&to.source, &to.destination)) {
		/* A pod to itself: it would not answer its own address by its device. */
		to.source = b->flow.config->gateway_ip;
		address = NAT_NODES;
	} else if (place == PLACE_ELSEWHERE && balance_masquerades(b, backend)) {
		to.source = b->flow.config->node_ip;
		address = NAT_NODES;
	} else {
		if (b->flow.hook == HOOK_GUARD && place == PLACE_NODE)
			return VERDICT_HOST_BACKEND;
		balance_note(&b->state->pod_flows);
	}
	if (balance_is_midway(b) && !balance_is_half(&b->flow.key, &to))
		return VERDICT_UNKNOWN_CONNECTION;
	b->flow.to = nat_create(skb, &b->flow.key, &to, address);
	return b->flow.to ? VERDICT_TO_NETWORK : VERDICT_NAT_EXHAUSTED;
}

/* Say whether a packet that opens a connection is the same one as before, and its backend still takes
 * connections. Where that moved to another slot, choosing anew does no harm: nothing is open yet. */
static __always_inline int balance_keeps(const struct nat_value *flow, const struct service_run *run)
{
	return !nat_closes(flow) && flow->slot - run->first < run->active &&
	       service_slot_holds(flow->slot, &flow->destination, flow->destination_port);
}

/* A packet of no flow, or one that opens a connection where there was one: is it for a service? */
static __always_inline int balance_select(struct __sk_buff *skb, struct balance *b)
{
	struct services_key key = {
		.address = b->flow.key.destination,
		.port = b->flow.key.destination_port,
		.protocol = b->flow.key.protocol,
	};
	const struct services_value *frontend = service_lookup(b->state, &key, b->client);
	const struct backends_value *backend;
	struct service_run run;
	__u32 slot;

	if (!frontend)
		return balance_unknown(b, &key);
	if (b->flow.l4.fragment >= FRAGMENT_LATER) /* its first one began no flow */
		return VERDICT_UNKNOWN_FRAGMENT;
	if (b->client == SERVICE_CLIENT_OUTSIDE) {
		if (!(frontend->flags & SERVICE_OUTSIDE))
			return VERDICT_NOT_FROM_OUTSIDE;
		if (!balance_allows(b, frontend))
			return VERDICT_SOURCE_NOT_ALLOWED;
		run = service_outside(frontend);
	} else {
		run = service_inside(frontend);
	}
	if (b->flow.to) {
		if (balance_keeps(b->flow.to, &run))
			return VERDICT_TO_NETWORK;
		nat_remove(&b->flow.key, b->flow.to);
	}
	slot = service_choose_slot(frontend, &run, balance_position(b, frontend, run.active),
				   &b->flow.key.source);
	backend = service_slot(slot); /* none in SERVICE_NOWHERE */
	if (backend)
		return balance_begin(skb, b, frontend, slot, backend);
	if (b->client == SERVICE_CLIENT_OUTSIDE && frontend->flags & SERVICE_LOCAL_OUTSIDE)
		return VERDICT_NO_LOCAL_BACKEND;
	b->flow.cause->type = ICMP_UNREACHABLE;
	b->flow.cause->code = ICMP_PORT_UNREACHABLE;
	b->flow.cause->from = b->flow.key.destination.words[3];
	return VERDICT_NO_BACKEND;
}

/* Find the flow of a packet, or begin one: a verdict, BALANCE_UNTOUCHED where it is for no service. */
static __always_inline int balance_find(struct __sk_buff *skb, struct balance *b)
{
	int verdict;

	b->flow.to = flow_lookup(&b->flow.key);
	if (b->flow.to && !(l4_opens(&b->flow.l4) && !(b->flow.to->flags & NAT_REVERSE)))
		return VERDICT_TO_NETWORK;
	if (!b->state || (MASQUERADES && b->flow.key.protocol == IP_PROTOCOL_ICMP))
		return BALANCE_UNTOUCHED;
	verdict = balance_select(skb, b);
	if (LIKELY(!verdict_drops(verdict) || !balance_is_midway(b)) ||
	    service_node_flags(&b->flow.key.destination) < 0)
		return verdict;
	/* A process of a node may have had the port before: its connections stay its own. */
	b->flow.cause->type = 0;
	return BALANCE_UNTOUCHED;
}

/* A packet of TCP, UDP or ICMP echo: what became of it, and in `cause` what its sender is to hear
 * instead. */
static __always_inline int balance_packet(struct __sk_buff *skb, struct packet *packet,
					  enum hook hook, enum service_client client,
					  const struct service_state_value *state,
					  const struct config_value *config,
					  struct icmp_cause *cause)
{
	struct balance b = {
		.client = client,
		.state = state,
		.flow = { .hook = hook, .config = config, .cause = cause },
	};
	int verdict;

	verdict = l4_parse(skb, packet, &b.flow.l4);
	if (!verdict)
		return NOT_TRANSLATED;
	if (verdict < 0)
		return drop(skb, hook, VERDICT_MALFORMED);
	nat_key_of(&b.flow.key, packet, &b.flow.l4);
	nat_key_forget(skb, &b.flow.key, &b.flow.l4);
	verdict = balance_find(skb, &b);
	if (verdict == BALANCE_UNTOUCHED)
		return NOT_TRANSLATED;
	if (verdict_drops(verdict) || UNLIKELY(!b.flow.to))
		return flow_drop(skb, &b.flow, verdict);
	return flow_go_on(skb, packet, &b.flow);
}

/* Say whether what is masqueraded is answered here. */
static __always_inline int balance_is_answered(const struct __sk_buff *skb,
					       const struct packet *packet)
{
	const struct masquerade_value *device = egress_device(skb->ifindex);

	return device && device->address.words[3] == packet->ip->daddr;
}

/* Whatever is for a service, or of a flow: what becomes of it. NOT_TRANSLATED for all else.
 *
 * For packets to addresses that no pod has.
 */
static __always_inline int balance(struct __sk_buff *skb, struct packet *packet, enum hook hook,
				   enum service_client client)
{
	const struct service_state_value *state = service_state();
	const struct config_value *config;
	struct icmp_cause cause = {};
	int action;

	if (!state && (client != SERVICE_CLIENT_OUTSIDE || !balance_is_answered(skb, packet)))
		return NOT_TRANSLATED;
	config = node_config();
	if (UNLIKELY(!config))
		return NOT_TRANSLATED;
	if (UNLIKELY(packet->ip->protocol == IP_PROTOCOL_ICMP)) {
		action = flow_error(skb, packet, hook, config);
		if (!MASQUERADES || client != SERVICE_CLIENT_OUTSIDE || action != NOT_TRANSLATED)
			return action;
	}
	action = balance_packet(skb, packet, hook, client, state, config, &cause);
	return UNLIKELY(cause.type) ? icmp_answer(skb, packet, hook, &cause) : action;
}
