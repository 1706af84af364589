/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Incremental collection: once there are more than a few, each flow that is to begin looks at another one, that
 * which was not looked at for longest, and where that is over and removed, at one more. So flows go at the pace at
 * which others come, and nothing has to sweep; half as many as there are alive wait for that at most, on the
 * average.
 *
 *	flow = gc_begin(account, flags);	before the entry is made; 0 where there is no room for it
 *	gc_made(flow, key, value);	once it is made: it has its turns from now on
 *	quota_give_back(flow);		or, where it was not made
 */
#pragma once

#include "nat.h"
#include "quota.h"

#define GC_AT_ONCE 2

_Static_assert(__builtin_offsetof(struct nat_scratch_value, created) == sizeof(struct nat_key) &&
		       sizeof(struct nat_scratch_value) == sizeof(struct nat_queue_value),
	       "what is in the queue begins with a flow's key");

/* Look at the first flows. Say whether one that is over was on the account that asks. */
static __always_inline __u32 gc_collect(struct nat_scratch_value *flow, const struct address *account, __u32 kind)
{
	const struct nat_key *key = (const struct nat_key *)flow;
	const struct nat_value *value;
	__u32 own = 0;
	int i;

	for (i = 0; i < GC_AT_ONCE; i++) {
		if (map_pop(MAP(nat_queue), flow))
			break;
		value = nat_lookup(key);
		if (value && value->created == flow->created) {
			if (!nat_is_over(key, value)) {
				map_push(MAP(nat_queue), flow, 0);
				break;
			}
			nat_remove(key, value);
		}
		quota_give_back(flow);
		own |= quota_is(flow, account, kind);
	}
	return own;
}

/* Who is to have the flow on his account: who begins it, or where that is a stranger, whom it is for. */
static __always_inline const struct address *gc_account(const struct nat_key *key,
							const struct nat_value *value)
{
	return value->flags & NAT_OUTSIDE ? &value->destination : &key->source;
}

/* Make room for a flow, and take it on an account; 0 where it may not begin. It may in the place of one on the same
 * account that is over: who has had many would be refused more until each of them was looked at. */
static __always_inline struct nat_scratch_value *gc_begin(const struct address *account, __u16 flags)
{
	struct nat_scratch_value *flow = quota_scratch();
	const __u32 kind = flags & NAT_KINDS;
	__u32 own = 0;

	if (!flow)
		return 0;
	if (UNLIKELY(quota_flows() > NAT_IDLE_FLOWS))
		own = gc_collect(flow, account, kind);
	flow->address = *account;
	flow->kind = kind;
	return quota_take(flow, own) ? flow : 0;
}

/* As many are never in the queue as it has room for: see NAT_MOST_FLOWS. */
static __always_inline void gc_made(struct nat_scratch_value *flow, const struct nat_key *key,
				    const struct nat_value *value)
{
	*(struct nat_key *)flow = *key;
	flow->created = value->created;
	map_push(MAP(nat_queue), flow, 0);
}
