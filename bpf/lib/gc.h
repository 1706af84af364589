/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Incremental collection: each flow that is to begin looks at two others, those that were not looked at for
 * longest, and removes what is over. So flows go at the pace at which others come, and nothing has to
 * sweep. A third as many as there are alive wait for that at most, on the average. */
#pragma once

#include "nat.h"

#define GC_AT_ONCE 2

_Static_assert(sizeof(struct nat_queue_value) == sizeof(struct nat_scratch_value) &&
		       sizeof(struct nat_queue_value) == sizeof(struct nat_key) + sizeof(__u64),
	       "what is in the queue begins with a flow's key");

/* The stack is too small for it. */
static __always_inline struct nat_scratch_value *gc_scratch(void)
{
	const __u32 zero = 0;

	return map_lookup(MAP(nat_scratch), &zero);
}

/* Put a flow behind all others. It is in the queue once, whatever became of what had its key before. */
static __always_inline void gc_queue(const struct nat_key *key, __u64 created)
{
	struct nat_scratch_value *last = gc_scratch();

	if (!last)
		return;
	*(struct nat_key *)last = *key;
	last->created = created;
	map_push(MAP(nat_queue), last, 0);
}

/* Look at the first flows. */
static __always_inline void gc_collect(void)
{
	struct nat_scratch_value *first = gc_scratch();
	const struct nat_key *key = (const struct nat_key *)first;
	const struct nat_value *value;
	int i;

	if (!first)
		return;
	for (i = 0; i < GC_AT_ONCE; i++) {
		if (map_pop(MAP(nat_queue), first))
			return;
		value = nat_lookup(key);
		if (!value || value->created != first->created)
			continue;
		if (nat_is_over(key, value))
			nat_remove(key, value);
		else
			map_push(MAP(nat_queue), first, 0);
	}
}
