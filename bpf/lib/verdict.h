/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every packet leaves a program through account(): nothing is lost, or passed, without a count. */
#pragma once

#include "shared.h"

static __always_inline void count(enum hook hook, enum verdict verdict, __u32 bytes)
{
	__u32 index = (__u32)hook * VERDICTS + (__u32)verdict;
	struct metrics_value *metrics = map_lookup(MAP(metrics), &index);

	if (metrics) { /* a CPU's own copy: no atomics */
		metrics->packets++;
		metrics->bytes += bytes;
	}
}

static __always_inline void account(struct __sk_buff *skb, enum hook hook, enum verdict verdict)
{
	count(hook, verdict, skb->len);
}

static __always_inline int verdict_drops(int verdict)
{
	return verdict >= VERDICT_UNSUPPORTED_L3; /* the first that does */
}

static __always_inline int drop(struct __sk_buff *skb, enum hook hook, enum verdict reason)
{
	account(skb, hook, reason);
	return TC_ACT_SHOT;
}
