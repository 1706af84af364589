/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Incremental collection: each new flow looks at up to four old ones in turn, removes one that is over and
 * takes its turn. So flows go at the pace at which others come, and nothing has to sweep. */
#pragma once

#include "nat.h"

#define GC_AT_ONCE 4

_Static_assert(sizeof(struct nat_flows_value) == sizeof(struct nat_key), "a turn holds a flow's key");

/* Give the flow a turn. Where all that are looked at are in use it gets none: then the map forgets it
 * one day, or another flow wants its port. */
static __always_inline void gc_take_turn(const struct nat_key *key)
{
	const __u32 zero = 0;
	struct nat_state_value *state = map_lookup(MAP(nat_state), &zero);
	struct nat_value *value;
	struct nat_key *held;
	__u32 turn;
	int i;

	if (!state)
		return;
	for (i = 0; i < GC_AT_ONCE; i++) {
		turn = state->turn++ % NAT_TURNS;
		held = map_lookup(MAP(nat_flows), &turn);
		if (!held)
			return;
		value = nat_lookup(held);
		if (value && !nat_is_over(held, value))
			continue;
		if (value)
			nat_remove(held, value);
		*held = *key;
		return;
	}
}
