/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Aggregated flows: who talks to whom at which service, how much, and how soon it is answered.
 *
 * Packets between a client and a server's port are one flow, whatever ports the client has; both directions are
 * counted apart. Both ends are the real ones, behind services and masquerading. A flow is on the account of the pod
 * that sent the packet, or that it is for, and where there is no room, the account that holds more places gives way,
 * with flows of few packets first: whoever makes up ends takes places that nobody else needs. Values are a CPU's own,
 * so that no two CPUs wait for each other, and a packet of a flow that is there is counted without a call of the
 * kernel's. */
#pragma once

#include "flow_places.h"

/* Where a connection that begins is kept: on the account of the pod here that begins it, else of whom it is for. */
static __always_inline void flow_opening_key(struct flow_opening_key *key, const struct flow_opening_value *opening,
					     const struct flow_seen *seen)
{
	const __u64 *half = (const __u64 *)opening;
	__u64 hash = half[1] * 0x9e3779b97f4a7c15ULL + half[0] * 0xbf58476d1ce4e5b9ULL +
		     half[3] * 0x94d049bb133111ebULL + half[2] * 0xd6e8feb86659fd93ULL +
		     half[4] * 0xa0761d6478bd642fULL;
	const struct endpoints_value *client;

	key->account = seen->account;
	key->place = (__u32)(hash >> 32) & (FLOW_OPENING_PLACES - 1);
	if (!seen->back)
		return;
	client = endpoint_lookup(&opening->client);
	if (client && client->ifindex)
		key->account = client->ifindex;
}

/* Say whether two are the same but for the time. */
static __always_inline int flow_opening_is(const struct flow_opening_value *known,
					   const struct flow_opening_value *opening)
{
	const __u64 *half = (const __u64 *)known, *others = (const __u64 *)opening;

	return !((half[0] ^ others[0]) | (half[1] ^ others[1]) | (half[2] ^ others[2]) | (half[3] ^ others[3]) |
		 (half[4] ^ others[4]));
}

/* A handshake: its first two segments, and how long the second one took. Where one was sent again, nobody knows
 * which of the two was answered (Karn). */
static __always_inline void flow_opens(const struct flow_seen *seen,
				       struct flows_value *flow)
{
	struct flow_opening_value opening = {
		.client_port = seen->client_port,
		.server_port = seen->server_port,
	};
	struct flow_opening_value *known;
	struct flow_opening_key key;
	struct tcp_numbers numbers;
	__u64 now, took;

	*(struct flow_end *)&opening.client = seen->client;
	*(struct flow_end *)&opening.server = seen->server;
	if (!seen->back)
		flow->syns++;
	if (!flow_read(seen, TCP_SEQUENCE, &numbers, sizeof(numbers)))
		return;
	opening.sequence = seen->back ? numbers.acknowledged : NET32(NET32(numbers.sequence) + 1);
	flow_opening_key(&key, &opening, seen);
	known = map_lookup(MAP(flow_opening), &key);
	now = ktime_get_ns();
	if (known && flow_opening_is(known, &opening)) {
		took = now - known->time;
		if (!known->time || !seen->back) {
			flow->retries++;
		} else {
			flow->rtt_sum += took;
			flow->rtts++;
			flow->rtt_last = took;
			if (!flow->rtt_min || took < flow->rtt_min)
				flow->rtt_min = took;
		}
		known->time = 0;
	} else if (!seen->back) {
		opening.time = now;
		map_update(MAP(flow_opening), &key, &opening, BPF_ANY);
	}
}

static __always_inline void flow_flags(const struct flow_seen *seen,
				       struct flows_value *flow)
{
	if (seen->tcp_flags & TCP_SYN) {
		flow_tally(seen->back ? FLOW_TCP_SYN_ACK : FLOW_TCP_SYN, 1);
		flow_opens(seen, flow);
	}
	if (seen->tcp_flags & TCP_FIN)
		flow_tally(FLOW_TCP_FIN, 1);
	if (seen->tcp_flags & TCP_RST) {
		flow_tally(FLOW_TCP_RST, 1);
		flow->resets++;
	}
}

/* Find the flow; where nobody said which end is the server, an entry tells, or what another CPU saw begin. */
static __always_inline struct flows_value *flow_of(struct flow_seen *seen)
{
	struct flows_value *flow = flow_find(seen);

	if (LIKELY(flow))
		return flow;
	if (!seen->known) {
		flow_turn(seen);
		flow = flow_find(seen);
		if (flow)
			return flow;
		flow_turn(seen);
		if (seen->protocol == IP_PROTOCOL_TCP && flow_serves(seen, &seen->client, seen->client_port) &&
		    !flow_serves(seen, &seen->server, seen->server_port))
			flow_turn(seen);
	} else if (seen->protocol == IP_PROTOCOL_TCP) {
		flow_note_server(seen);
	}
	return flow_begin(seen, ktime_get_coarse_ns());
}

static __always_inline void flow_add(const struct flow_seen *seen, struct flows_value *flow, __u8 verdict)
{
	const __u64 weight = seen->tcp_flags & FLOW_FLAGS ? 1 : seen->weight;
	const __u64 bytes = weight * seen->skb->len;

	flow->verdict = verdict;
	if (UNLIKELY(flow_is_denied(verdict))) {
		flow->dropped += weight;
	} else if (seen->back) {
		flow->back_packets += weight;
		flow->back_bytes += bytes;
	} else {
		flow->packets += weight;
		flow->bytes += bytes;
	}
	if (UNLIKELY(seen->tcp_flags & FLOW_FLAGS))
		flow_flags(seen, flow);
}

/* Count a packet on its flow. */
static __always_inline void flow_count(struct packet *p, const struct event_scratch_value *from)
{
	const __u32 tick = (__u32)jiffies64();
	struct flow_seen seen = {};
	struct flows_value *flow;

	if (!flow_see(p, from, &seen))
		return;
	flow = flow_of(&seen);
	if (UNLIKELY(!flow)) {
		flow_tally(FLOW_NO_ROOM, 1);
		return;
	}
	if (UNLIKELY(flow->tick != tick)) { /* a clock costs a call */
		flow->tick = tick;
		flow->last = ktime_get_coarse_ns();
	}
	flow_add(&seen, flow, from->verdict);
}
