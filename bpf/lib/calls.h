/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who calls a pod by its own address: what the pod answers goes out by that, too.
 *
 * A call is kept in `calls` first. There each pod has its places, and strangers, who call as often and in
 * whose name they like, take them from each other alone. Of what it has answered already the pod sends
 * more only to who is there: then the call gets an entry in `nat`, and lasts as a flow does. */
#pragma once

#include "gc.h"

/* The place of a call among those of its pod, which `key` is sent by. */
static __always_inline void calls_place(struct calls_key *place, const struct nat_key *key)
{
	__u32 hash = address_fold(&key->destination);

	hash ^= ((__u32)key->source_port << 16 | key->destination_port) ^ key->protocol * 0x9e3779b9;
	hash = (hash ^ hash >> 16) * 0x85ebca6b; /* of the finalizer of MurmurHash3 */
	place->pod = key->source;
	place->place = (hash ^ hash >> 13) % CALLS_OF_POD;
}

/* Say whether a call is the one that is answered by what is sent as `key`. One jump, and not one for each
 * field: the verifier follows every one. */
static __always_inline int calls_is(const struct calls_value *call, const struct nat_key *key, __u64 now)
{
	__u32 differs = (call->port ^ key->destination_port) | (call->pod_port ^ key->source_port) |
			(call->protocol ^ key->protocol);

	differs |= address_differs(&call->address, &key->destination);
	OPAQUE(differs);
	return !differs && elapsed(now, call->used) <= NAT_OTHER_NSEC;
}

/* Find the call that is answered so; 0 for what answers none. */
static __always_inline struct calls_value *calls_find(const struct nat_key *answer)
{
	struct calls_value *call;
	struct calls_key place;

	calls_place(&place, answer);
	call = map_lookup(MAP(calls), &place);
	return call && calls_is(call, answer, ktime_get_coarse_ns()) ? call : 0;
}

/* Say whether an answer of the pod's is one. Nothing tells a datagram that answers from one that begins
 * something: the pod must have a socket that waits for this one. */
static __always_inline __u16 calls_flags(const struct packet *p)
{
	const struct endpoints_value *pod = p->way.pod;

	if (p->tuple->protocol != IP_PROTOCOL_UDP || !pod || !pod->netns)
		return CALL_EXPECTED;
	return packet_has_socket(p, p->tuple, pod->netns - 1) ? CALL_EXPECTED : 0;
}

/* Write a call into its place. */
static __always_inline void calls_write(const struct calls_key *place, struct calls_value *call,
					const struct nat_key *answer, __u16 flags, __u64 now)
{
	const struct calls_value note = {
		.address = answer->destination,
		.port = answer->destination_port,
		.pod_port = answer->source_port,
		.protocol = answer->protocol,
		.flags = flags,
		.used = now,
	};

	if (call)
		*call = note;
	else
		map_update(MAP(calls), place, &note, BPF_ANY);
}

/* Keep in mind a call that is answered so. */
static __always_inline void calls_note(const struct packet *p, const struct nat_key *answer)
{
	const __u64 now = ktime_get_coarse_ns();
	struct calls_value *call;
	struct calls_key place;

	calls_place(&place, answer);
	call = map_lookup(MAP(calls), &place);
	if (call && calls_is(call, answer, now))
		call->used = now;
	else
		calls_write(&place, call, answer, calls_flags(p), now);
}

/* Let what the pod sends so go out by its own address from now on. */
static __always_inline void calls_last(const struct packet *p)
{
	const struct nat_key *key = p->tuple;
	const __u64 now = ktime_get_coarse_ns();
	struct nat_value same = {
		.source = key->source,
		.destination = key->destination,
		.source_port = key->source_port,
		.destination_port = key->destination_port,
		.flags = NAT_INBOUND | NAT_ANSWERED,
		.created = now,
		.used = now,
	};
	struct nat_scratch_value *flow = gc_begin(&key->source, same.flags);

	if (!flow)
		return;
	tcp_keep(p, &same);
	if (!map_update(MAP(nat), key, &same, BPF_NOEXIST))
		gc_made(flow, key, &same);
	else
		quota_give_back(flow);
}

enum calls_answers {
	CALLS_NONE,
	CALLS_FIRST, /* the first answer, or one that is given to whoever opens: with SYN or RST */
	CALLS_MORE,  /* a further one: who called is there */
};

/* Say whether the packet answers a call. What opens a connection never does. */
static __always_inline enum calls_answers calls_answer(const struct packet *p)
{
	struct calls_value *call = l4_opens(p) ? 0 : calls_find(p->tuple);
	enum calls_answers answers = CALLS_FIRST;

	if (!call || !(call->flags & CALL_EXPECTED))
		return CALLS_NONE;
	if (call->flags & CALL_ANSWERED && !(p->tcp_flags & (TCP_SYN | TCP_RST)))
		answers = CALLS_MORE;
	call->used = ktime_get_coarse_ns();
	call->flags |= CALL_ANSWERED;
	return answers;
}

/* Note what a pod sends to who has called. That it closes the connection, for its peer cannot: that has
 * to be answered. Who goes on sending has not closed, but for what a reset has overtaken. */
static __always_inline void calls_use(const struct packet *p, struct nat_value *call)
{
	tcp_keep(p, call);
	call->used = ktime_get_coarse_ns();
	if (UNLIKELY(l4_closes(p)))
		call->flags |= p->tcp_flags & TCP_FIN || tcp_gives_up(p) ? NAT_CLOSING | NAT_FIN : NAT_CLOSING;
	else if (UNLIKELY(call->flags & NAT_CLOSING) &&
		 (p->tcp_flags & TCP_SYN || !(call->flags & NAT_FIN)))
		call->flags &= ~(NAT_CLOSING | NAT_FIN);
}

/* Note what comes in for a pod from who has called it. */
static __always_inline void calls_again(const struct packet *p, struct nat_value *call)
{
	const __u64 now = ktime_get_coarse_ns();

	if (LIKELY(elapsed(now, call->used) < NAT_REFRESH_NSEC) && !(p->tcp_flags & TCP_RST))
		return;
	if (!tcp_is_expected(p, call->acked))
		return;
	call->used = now;
	if (p->tcp_flags & TCP_RST)
		call->flags |= NAT_CLOSING;
}
