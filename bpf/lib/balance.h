/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Load balancing a packet at a time: for what comes from outside, and for what a pod sends past its
 * sockets. */
#pragma once

/* How far the backend of a client with affinity is looked for, where the service has changed since. */
#define SERVICE_SEARCH 256

#include "nat.h"
#include "onward.h"
#include "quote.h"

/* No packet for a service, and none of a flow that is: whoever asked goes on as without services. */
#define NOT_BALANCED (-100)
/* Other answers of the functions here are verdicts; this one is none. */
#define BALANCE_UNTOUCHED VERDICTS

struct balance {
	enum hook hook;
	enum service_client client; /* SERVICE_CLIENT_POD or SERVICE_CLIENT_OUTSIDE */
	const struct service_state_value *state;
	const struct config_value *config;
	struct l4 l4;
	struct nat_key key;	  /* the packet as it came in */
	struct nat_value *flow;	  /* as it goes on */
	struct icmp_cause *cause; /* what its sender hears of it, where the verdict is a drop */
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
	hash = balance_hash(&b->key);
	table = map_lookup(MAP(maglev), &frontend->id);
	place = hash % MAGLEV_POSITIONS;
	/* The compiler knows what is checked here; the kernel's verifier does not. */
	__asm__ volatile("" : "+r"(place));
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
		.address = b->key.source,
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
	return b->l4.fragment ? VERDICT_UNKNOWN_FRAGMENT : VERDICT_UNKNOWN_SERVICE_PORT;
}

/* Begin a flow to a backend. */
static __always_inline int balance_begin(struct __sk_buff *skb, struct balance *b,
					 const struct services_value *frontend, __u32 slot,
					 const struct backends_value *backend)
{
	struct nat_value to = {
		.source = b->key.source,
		.destination = backend->address,
		.destination_port = backend->port,
		.id = frontend->id,
		.slot = slot,
	};
	const enum place place = place_of(&to.destination, endpoint_lookup(&to.destination));
	int own_address = 0;

	if (b->client == SERVICE_CLIENT_OUTSIDE) {
		if (place == PLACE_NODE) {
			balance_note(&b->state->host_flows);
		} else if (place == PLACE_ELSEWHERE || ipcache_lookup_v4(to.source.words[3])) {
			/* So that the answer comes by here: also the one to a pod, which would be
			 * no answer to anything where it goes out. */
			to.source = b->config->node_ip;
			own_address = 1;
		}
	} else if (address_equal(&to.source, &to.destination)) {
		/* A pod to itself: it would not answer its own address by its device. */
		to.source = b->config->gateway_ip;
		own_address = 1;
	} else {
		if (b->hook == HOOK_GUARD && place == PLACE_NODE)
			return VERDICT_HOST_BACKEND;
		balance_note(&b->state->pod_flows);
	}
	b->flow = nat_create(skb, &b->key, &to, own_address);
	return b->flow ? VERDICT_TO_NETWORK : VERDICT_NAT_EXHAUSTED;
}

/* Say whether a packet that opens a connection is the same one as before, and its backend still takes
 * connections. Where that moved to another slot, choosing anew does no harm: nothing is open yet. */
static __always_inline int balance_keeps(const struct nat_value *flow, const struct service_run *run)
{
	return !(flow->flags & NAT_CLOSING) && flow->slot - run->first < run->active &&
	       service_slot_holds(flow->slot, &flow->destination, flow->destination_port);
}

/* A packet of no flow, or one that opens a connection where there was one: is it for a service? */
static __always_inline int balance_select(struct __sk_buff *skb, struct balance *b)
{
	struct services_key key = {
		.address = b->key.destination,
		.port = b->key.destination_port,
		.protocol = b->key.protocol,
	};
	const struct services_value *frontend = service_lookup(b->state, &key, b->client);
	const struct backends_value *backend;
	struct service_run run;
	__u32 slot;

	if (!frontend)
		return balance_unknown(b, &key);
	if (b->l4.fragment)
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
	if (b->flow) {
		if (balance_keeps(b->flow, &run))
			return VERDICT_TO_NETWORK;
		nat_remove(&b->key, b->flow);
	}
	slot = service_choose_slot(frontend, &run, balance_position(b, frontend, run.active),
				   &b->key.source);
	backend = service_slot(slot); /* none in SERVICE_NOWHERE */
	if (backend)
		return balance_begin(skb, b, frontend, slot, backend);
	if (b->client == SERVICE_CLIENT_OUTSIDE && frontend->flags & SERVICE_LOCAL_OUTSIDE)
		return VERDICT_NO_LOCAL_BACKEND;
	b->cause->type = ICMP_UNREACHABLE;
	b->cause->code = ICMP_PORT_UNREACHABLE;
	b->cause->from = b->key.destination.words[3];
	return VERDICT_NO_BACKEND;
}

/* Find the flow of a packet, or begin one: a verdict, BALANCE_UNTOUCHED where it is for no service. */
static __always_inline int balance_find(struct __sk_buff *skb, struct balance *b)
{
	b->flow = nat_lookup(&b->key);
	if (!b->flow || (l4_opens(&b->l4) && !(b->flow->flags & NAT_REVERSE)))
		return balance_select(skb, b);
	return b->l4.fragment ? VERDICT_UNKNOWN_FRAGMENT : VERDICT_TO_NETWORK;
}

static __always_inline __be32 balance_router(enum hook hook, const struct config_value *config)
{
	return hook == HOOK_FROM_CONTAINER || hook == HOOK_GUARD ? config->gateway_ip.words[3] :
								   config->node_ip.words[3];
}

/* The same for an ICMP error about a packet of a flow. */
static __always_inline int balance_error(struct __sk_buff *skb, struct packet *packet,
					 enum hook hook, const struct config_value *config)
{
	struct icmp_cause nobody = {};
	struct nat_key key = {};
	struct nat_value *flow;
	struct l4 l4 = {};
	struct way way = {};
	int verdict;

	verdict = quote_parse(skb, packet, &l4, &key);
	if (!verdict)
		return NOT_BALANCED;
	if (verdict < 0)
		return drop(skb, hook, VERDICT_MALFORMED);
	flow = nat_lookup(&key);
	if (!flow)
		return NOT_BALANCED;
	verdict = way_find(skb, packet, config, flow, &way);
	if (!verdict_drops(verdict))
		verdict = way_takes(skb, packet, &way, &nobody);
	if (verdict_drops(verdict))
		return drop(skb, hook, verdict);
	if (!quote_translate(skb, packet, &l4, &key, flow))
		return drop(skb, hook, VERDICT_MALFORMED);
	return way_take(skb, packet, hook, config, &way);
}

static __always_inline int balance_drop(struct __sk_buff *skb, const struct balance *b,
					enum verdict reason)
{
	b->cause->verdict = reason;
	return b->cause->type ? TC_ACT_SHOT : drop(skb, b->hook, reason);
}

/* A packet of a flow, on its way. */
static __always_inline int balance_go_on(struct __sk_buff *skb, struct packet *packet,
					 const struct balance *b)
{
	struct way way = {};
	int verdict;

	nat_use(&b->key, b->flow, l4_closes(&b->l4));
	b->cause->from = balance_router(b->hook, b->config);
	verdict = way_find(skb, packet, b->config, b->flow, &way);
	if (!verdict_drops(verdict))
		verdict = way_takes(skb, packet, &way, b->cause);
	if (verdict_drops(verdict))
		return balance_drop(skb, b, verdict);
	if (UNLIKELY(!translate(skb, packet, &b->l4, &b->key, b->flow)))
		return drop(skb, b->hook, VERDICT_MALFORMED);
	return way_take(skb, packet, b->hook, b->config, &way);
}

/* A packet of TCP or UDP: what became of it, and in `cause` what its sender is to hear instead. */
static __always_inline int balance_packet(struct __sk_buff *skb, struct packet *packet,
					  enum hook hook, enum service_client client,
					  const struct service_state_value *state,
					  const struct config_value *config,
					  struct icmp_cause *cause)
{
	struct balance b = {
		.hook = hook, .client = client, .state = state, .config = config, .cause = cause
	};
	int verdict;

	verdict = l4_parse(skb, packet, &b.l4);
	if (!verdict)
		return NOT_BALANCED;
	if (verdict < 0)
		return drop(skb, hook, VERDICT_MALFORMED);
	nat_key_of(&b.key, packet, &b.l4);
	verdict = balance_find(skb, &b);
	if (verdict == BALANCE_UNTOUCHED)
		return NOT_BALANCED;
	if (verdict_drops(verdict) || UNLIKELY(!b.flow))
		return balance_drop(skb, &b, verdict);
	return balance_go_on(skb, packet, &b);
}

/* Whatever is for a service, or of one of its flows: what becomes of it. NOT_BALANCED for all else.
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

	if (LIKELY(!state))
		return NOT_BALANCED;
	config = node_config();
	if (UNLIKELY(!config))
		return NOT_BALANCED;
	if (UNLIKELY(packet->ip->protocol == ICMP_PROTOCOL))
		return balance_error(skb, packet, hook, config);
	action = balance_packet(skb, packet, hook, client, state, config, &cause);
	return UNLIKELY(cause.type) ? icmp_answer(skb, packet, hook, &cause) : action;
}

enum answer {
	ANSWER_NONE,	   /* to nothing that was translated */
	ANSWER_TRANSLATED,
	ANSWER_DROPPED,
};

static __always_inline enum answer answer_drop(struct __sk_buff *skb, enum hook hook,
					       enum verdict reason)
{
	account(skb, hook, reason);
	return ANSWER_DROPPED;
}

/* An ICMP error that answers one. */
static __always_inline enum answer balance_answer_error(struct __sk_buff *skb,
							struct packet *packet, enum hook hook)
{
	struct nat_key key = {};
	struct nat_value *flow;
	struct l4 l4 = {};
	int found = quote_parse(skb, packet, &l4, &key);

	if (!found)
		return ANSWER_NONE;
	if (found < 0)
		return answer_drop(skb, hook, VERDICT_MALFORMED);
	flow = nat_lookup(&key);
	if (!flow)
		return ANSWER_NONE;
	if (!quote_translate(skb, packet, &l4, &key, flow))
		return answer_drop(skb, hook, VERDICT_MALFORMED);
	return ANSWER_TRANSLATED;
}

/* A packet of TCP or UDP that answers one. */
static __always_inline enum answer balance_answer_packet(struct __sk_buff *skb,
							 struct packet *packet, enum hook hook)
{
	struct nat_key key = {};
	struct nat_value *flow;
	struct l4 l4 = {};
	int found = l4_parse(skb, packet, &l4);

	if (!found)
		return ANSWER_NONE;
	if (found < 0)
		return answer_drop(skb, hook, VERDICT_MALFORMED);
	nat_key_of(&key, packet, &l4);
	flow = nat_lookup(&key);
	if (!flow || !(flow->flags & NAT_REVERSE)) {
		/* The pod says its peer itself, as one does whose socket was balanced. */
		if ((hook == HOOK_FROM_CONTAINER || hook == HOOK_GUARD) &&
		    (l4_opens(&l4) || key.protocol == IP_PROTOCOL_UDP))
			nat_end_other(&key);
		return ANSWER_NONE;
	}
	if (l4.fragment)
		return answer_drop(skb, hook, VERDICT_UNKNOWN_FRAGMENT);
	nat_use(&key, flow, l4_closes(&l4));
	if (!translate(skb, packet, &l4, &key, flow))
		return answer_drop(skb, hook, VERDICT_MALFORMED);
	return ANSWER_TRANSLATED;
}

/* An answer to a packet that was translated here, on its last step to who asked: give it back the
 * address that was asked, and point `packet` anew. `seen`: whether there was such a flow yet.
 */
static __always_inline enum answer balance_answer(struct __sk_buff *skb, struct packet *packet,
						  enum hook hook, __u32 seen)
{
	if (LIKELY(!seen))
		return ANSWER_NONE;
	if (UNLIKELY(packet->ip->protocol == ICMP_PROTOCOL))
		return balance_answer_error(skb, packet, hook);
	return balance_answer_packet(skb, packet, hook);
}

/* Whether packets of pods, or for processes of the node itself, were translated yet. */
static __always_inline __u32 balance_pod_flows(void)
{
	const struct service_state_value *state = service_state();

	return state ? state->pod_flows : 0;
}

static __always_inline __u32 balance_host_flows(void)
{
	const struct service_state_value *state = service_state();

	return state ? state->host_flows : 0;
}
