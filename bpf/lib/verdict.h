/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What becomes of a packet is a verdict, and every verdict but VERDICT_NONE is counted. */
#pragma once

#include "reasons.h"
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

static __always_inline int verdict_drops(enum verdict verdict)
{
	return (int)verdict >= VERDICT_UNSUPPORTED_L3; /* the first that does */
}
