/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The places of flows: a CPU's own, each flow in one of two. Where there is no room, the account that holds more
 * places gives way. */
#pragma once

#include "flow_seen.h"

/* What else makes a flow, as it stands behind the addresses. */
static __always_inline __u64 flow_service(const struct flow_seen *seen)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return seen->server_port | (__u64)seen->protocol << 16 | (__u64)seen->account << 32;
#else
	return (__u64)seen->server_port << 48 | (__u64)seen->protocol << 32 | seen->account;
#endif
}

/* In sums of products, which do not wait for each other. */
static __always_inline __u64 flow_hash(const struct flow_seen *seen)
{
	__u64 hash = seen->client.high * 0x9e3779b97f4a7c15ULL + seen->client.low * 0xbf58476d1ce4e5b9ULL +
		     seen->server.high * 0x94d049bb133111ebULL + seen->server.low * 0xd6e8feb86659fd93ULL +
		     flow_service(seen) * 0xa0761d6478bd642fULL;

	hash ^= hash >> 32;
	return hash * 0xe7037ed1a0b428dbULL;
}

/* A place that is empty has no account. */
static __always_inline int flow_same(const struct flows_value *flow, const struct flow_seen *seen)
{
	const __u64 *half = (const __u64 *)flow;

	return !((half[3] ^ seen->server.low) | (half[1] ^ seen->client.low) | (half[4] ^ flow_service(seen)) |
		 (half[2] ^ seen->server.high) | (half[0] ^ seen->client.high));
}

static __always_inline struct flows_value *flow_at(__u64 hash, int second)
{
	const __u32 place = (__u32)(hash >> (second ? 64 - 2 * FLOW_PLACE_BITS : 64 - FLOW_PLACE_BITS)) &
			    ((1 << FLOW_PLACE_BITS) - 1);

	return map_lookup(MAP(flows), &place);
}

/* The flow as this CPU has it, in one of its two places. */
static __always_inline struct flows_value *flow_find(const struct flow_seen *seen)
{
	const __u64 hash = flow_hash(seen);
	struct flows_value *flow = flow_at(hash, 0);

	if (LIKELY(flow && flow_same(flow, seen)))
		return flow;
	flow = flow_at(hash, 1);
	return flow && flow_same(flow, seen) ? flow : 0;
}

/* How many places an account holds; 0 where there is no room for it. */
static __always_inline struct flow_held_value *flow_held(__u32 account)
{
	const struct flow_held_value none = {};
	struct flow_held_value *held = map_lookup(MAP(flow_held), &account);

	if (held)
		return held;
	map_update(MAP(flow_held), &account, &none, BPF_NOEXIST);
	return map_lookup(MAP(flow_held), &account);
}

/* How much there is to be said for giving up a flow: nothing, or more the more places its account holds, and more for
 * one of few packets than for any other. */
static __always_inline __u64 flow_burden(const struct flows_value *flow, const struct flow_seen *seen, __u64 mine,
					 __u64 now)
{
	const __u64 fresh = flow->packets + flow->back_packets < FLOW_SETTLED_PACKETS ? 1ULL << 32 : 0;
	const __u32 account = flow->account;
	const struct flow_held_value *held;

	if (elapsed(now, flow->last) > FLOW_IDLE_SECONDS * 1000000000LL)
		return ~1ULL;
	if (account == seen->account)
		return fresh ? fresh | mine : 0;
	held = map_lookup(MAP(flow_held), &account);
	return held && held->places >= mine ? fresh | held->places : 0;
}

/* Give up what is in a place. */
static __always_inline void flow_give_up(const struct flows_value *flow)
{
	const __u32 account = flow->account;
	struct flow_held_value *held = map_lookup(MAP(flow_held), &account);

	if (held && held->places)
		held->places--;
	flow_tally(FLOW_GIVEN_UP, 1);
	flow_tally(FLOW_LOST_PACKETS, flow->packets + flow->back_packets + flow->dropped);
	flow_tally(FLOW_LOST_BYTES, flow->bytes + flow->back_bytes);
}

/* Where an end is kept as a server of TCP. */
static __always_inline void flow_services_key(struct flow_services_key *key, __u32 account, const struct flow_end *end,
					      __be16 port)
{
	const __u64 hash = end->high * 0x9e3779b97f4a7c15ULL + end->low * 0xbf58476d1ce4e5b9ULL +
			   port * 0x94d049bb133111ebULL;

	key->account = account;
	key->place = (__u32)(hash >> 40) & (FLOW_OPENING_PLACES - 1);
}

static __always_inline int flow_serves(const struct flow_seen *seen, const struct flow_end *end, __be16 port)
{
	const struct flow_services_value *known;
	struct flow_services_key key;

	flow_services_key(&key, seen->account, end, port);
	known = map_lookup(MAP(flow_services), &key);
	return known && known->port == port && ((const struct flow_end *)known)->low == end->low &&
	       ((const struct flow_end *)known)->high == end->high;
}

/* Let other CPUs know of a server. */
static __always_inline void flow_note_server(const struct flow_seen *seen)
{
	struct flow_services_value value = { .port = seen->server_port };
	struct flow_services_key key;

	*(struct flow_end *)&value.address = seen->server;
	flow_services_key(&key, seen->account, &seen->server, seen->server_port);
	map_update(MAP(flow_services), &key, &value, BPF_ANY);
}

/* Begin a flow in one of its two places: an empty one, else that which there is more to be said for giving up.
 * 0: there is no room. */
static __always_inline struct flows_value *flow_begin(const struct flow_seen *seen, __u64 now)
{
	const __u64 hash = flow_hash(seen);
	struct flows_value *flow = flow_at(hash, 0), *other = flow_at(hash, 1);
	struct flow_held_value *held = flow_held(seen->account);
	__u64 mine, burden;

	if (!flow || !other || !held)
		return 0;
	mine = held->places + 1;
	if (flow->first && !other->first)
		flow = other;
	if (flow->first) {
		burden = flow_burden(flow, seen, mine, now);
		if (flow_burden(other, seen, mine, now) > burden) {
			burden = ~0ULL;
			flow = other;
		}
		if (!burden)
			return 0;
		flow_give_up(flow);
	}
	flow_tally(FLOW_MADE, 1);
	held->places++;
	__builtin_memset(flow, 0, sizeof(*flow));
	*(struct flow_end *)&flow->client = seen->client;
	*(struct flow_end *)&flow->server = seen->server;
	flow->port = seen->server_port;
	flow->protocol = seen->protocol;
	flow->account = seen->account;
	flow->first = flow->last = now;
	return flow;
}
