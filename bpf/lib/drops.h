/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The recorder of drops: what was dropped is known later, though nobody watched.
 *
 * Packets between the same ends, to the same port, that the same program drops for the same reason are one
 * record; a client's port is not asked for. A record is on the account of the pod that it concerns, and an
 * account has its own places and, on each CPU, its own budget: a flood of a pod's costs no more than counting
 * what is not recorded, and takes places from that pod's records alone.
 */
#pragma once

#include "packet.h"

_Static_assert(!(DROP_PLACES & (DROP_PLACES - 1)) && !(DROP_BUDGETS & (DROP_BUDGETS - 1)),
	       "a hash is cut to them by its bits");
_Static_assert(sizeof(struct drop_scratch_value) == sizeof(struct drops_value), "the one is written as the other");

/* Whom the drop concerns: who sends as he likes, else who gets it. What leaves the node has a source that was
 * looked at when it came in. */
static __always_inline __u32 drop_account(const struct packet *p)
{
	const struct endpoints_value *pod = p->way.pod;
	__u32 here = p->skb->ifindex;

	OPAQUE(here); /* or clang chooses where to read, of which the verifier refuses one */
	if (p->hook == HOOK_TO_NETDEV)
		return address_fold(&p->tuple->source); /* hardly ever a device's number: those are small */
	if (packet_is_from_pod(p) || p->hook == HOOK_TO_CONTAINER)
		return here;
	OPAQUE(pod); /* see deliver_fits */
	if (pod)
		return pod->ifindex;
	return p->way.isolated ? p->way.ifindex : here; /* the former in the program of policies */
}

/* The budget of an account, where that has something left; what it has not is counted. */
static __always_inline struct drop_budget_value *drop_budget(__u32 account)
{
	const __u64 window = jiffies64() >> DROP_WINDOW_BITS;
	const __u32 index = (account ^ account >> 16 ^ account >> 24) & (DROP_BUDGETS - 1);
	struct drop_budget_value *budget = map_lookup(MAP(drop_budget), &index);

	if (!budget)
		return 0;
	if (budget->window != window) {
		budget->window = window;
		budget->written = 0;
	}
	if (budget->written >= DROP_BUDGET) {
		budget->unrecorded++;
		return 0;
	}
	budget->written++;
	return budget;
}

static __always_inline void drop_describe(const struct packet *p, enum verdict verdict, struct drops_value *drop)
{
	struct __sk_buff *skb = p->skb;
	__u64 head = skb->len;

	*(struct nat_key *)drop = *p->tuple;
	drop->reserved = 0;
	drop->hook = (__u8)p->hook;
	drop->reason = (__u8)verdict;
	drop->ethertype = (__be16)skb->protocol;
	drop->ifindex = skb->ifindex;
	drop->policy_set = p->policy_set;
	drop->length = skb->len;
	drop->packets = 1;
	drop->bytes = skb->len;
	drop->first = drop->last = ktime_get_coarse_ns();
	drop->captured = 0;
	if (head > DROP_HEAD)
		head = DROP_HEAD;
	OPAQUE(head); /* or clang makes one comparison of both, by which the verifier learns nothing */
	if (head < sizeof(struct ethhdr))
		return;
	OPAQUE(head);
	if (!load_bytes(skb, 0, drop->head, (__u32)head))
		drop->captured = (__u32)head;
}

/* The numbers by which records of one kind are the same: both ends but for the client's port, hook and reason. */
#define DROP_WORDS 6
static __always_inline __u64 drop_word(const struct drops_value *drop, int word)
{
	const __u64 *ends = (const __u64 *)drop; /* both addresses */

	if (word < 4)
		return ends[word];
	if (word == 4)
		return (__u64)drop->destination_port << 32 | (__u64)drop->protocol << 16 | drop->ethertype;
	return (__u64)drop->policy_set << 32 | (__u64)drop->hook << 16 | drop->reason;
}

static __always_inline __u64 drop_hash(const struct drops_value *drop)
{
	__u64 hash = 0;

#pragma clang loop unroll(full)
	for (int word = 0; word < DROP_WORDS; word++) {
		hash = (hash ^ drop_word(drop, word)) * 0x9e3779b97f4a7c15ULL;
		hash ^= hash >> 29;
	}
	return hash;
}

static __always_inline int drop_same(const struct drops_value *drop, const struct drops_value *other)
{
	__u64 differs = 0;

#pragma clang loop unroll(full)
	for (int word = 0; word < DROP_WORDS; word++)
		differs |= drop_word(drop, word) ^ drop_word(other, word);
	return !differs;
}

/* Add one packet to a record. Another CPU may do the same. */
static __always_inline void drop_add(struct drops_value *known, const struct drops_value *drop)
{
	__sync_fetch_and_add(&known->packets, 1);
	__sync_fetch_and_add(&known->bytes, drop->bytes);
	known->source_port = drop->source_port;
	known->last = drop->last;
}

/* Keep a record in one of its two places: that of its kind, else an empty one, else what was idle for longer. */
static __always_inline void drop_keep(__u32 account, const struct drops_value *drop,
				      struct drop_budget_value *budget)
{
	const __u64 hash = drop_hash(drop);
	struct drops_key key = { .account = account, .place = (__u32)(hash >> 32) & (DROP_PLACES - 1) };
	struct drops_value *known = map_lookup(MAP(drops), &key), *other;
	const __u32 place = key.place;

	if (known && drop_same(known, drop)) {
		drop_add(known, drop);
		return;
	}
	key.place = (__u32)(hash >> 48) & (DROP_PLACES - 1);
	other = map_lookup(MAP(drops), &key);
	if (other && drop_same(other, drop)) {
		drop_add(other, drop);
		return;
	}
	if (known && other)
		budget->overwritten++;
	if (!known || (other && elapsed(other->last, known->last) > 0))
		key.place = place;
	map_update(MAP(drops), &key, drop, BPF_ANY);
}

static __always_inline void drop_record(const struct packet *p, enum verdict verdict)
{
	const __u32 zero = 0, unknown = p->skb->len;
	__u32 account = drop_account(p);
	struct drop_budget_value *budget;
	struct drops_value *drop;

	FORGET(account, unknown);
	FORGET(verdict, unknown);
	budget = drop_budget(account);
	if (LIKELY(!budget)) /* who drops much, drops fast */
		return;
	drop = map_lookup(MAP(drop_scratch), &zero);
	if (!drop)
		return;
	drop_describe(p, verdict, drop);
	drop_keep(account, drop, budget);
}
