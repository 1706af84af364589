/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One's complement sums, and what changes in them (RFC 1071, RFC 1624). */
#pragma once

#include "bpf.h"

/* What a word that changes adds to a sum. */
static __always_inline __u64 checksum_change(__u32 from, __u32 to)
{
	return (__u64)~from + to;
}

static __always_inline __u32 checksum_fold32(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	return (__u32)((sum & 0xffffffff) + (sum >> 32));
}

static __always_inline __u16 checksum_fold16(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)((sum & 0xffff) + (sum >> 16));
}

/* A checksum after words that it covers have changed. */
static __always_inline __u16 checksum_after(__u16 check, __u32 change)
{
	return (__u16)~checksum_fold16(checksum_fold32((__u64)(__u16)~check + change));
}
