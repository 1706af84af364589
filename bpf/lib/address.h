/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Addresses as the maps hold them: 16 bytes, IPv4 a.b.c.d is ::ffff:a.b.c.d. */
#pragma once

#include "shared.h"

static __always_inline void address_from_v4(struct address *to, __be32 v4)
{
	to->words[0] = 0;
	to->words[1] = 0;
	to->words[2] = NET32(0xffff);
	to->words[3] = v4;
}

static __always_inline int address_is_v4(const struct address *a)
{
	return !a->words[0] && !a->words[1] && a->words[2] == NET32(0xffff);
}

/* FAMILY_IPV4 or FAMILY_IPV6, without a jump. The loopback of either stands for the same ports of the node,
 * IPv4's today. */
static __always_inline __u8 address_family(const struct address *a)
{
	__u64 others = a->words[0] | a->words[1] |
		       (__u64)a->words[2] * (a->words[2] ^ NET32(0xffff));

	others = (others | (0 - others)) >> 63;
	OPAQUE(others); /* or clang makes a jump of it */
	return (__u8)others;
}

/* 64 bits of an address, the first or the last of them, as a number. */
static __always_inline __u64 address_half(const struct address *a, int half)
{
	return (__u64)NET32(a->words[2 * half]) << 32 | NET32(a->words[2 * half + 1]);
}

/* All words of an address in one, for a hash. */
static __always_inline __u32 address_fold(const struct address *a)
{
	return a->words[0] ^ a->words[1] ^ a->words[2] ^ a->words[3];
}

/* 0 where two addresses are the same. Without a jump for each word: in a loop the verifier follows every one of
 * them. */
static __always_inline __u32 address_differs(const struct address *a, const struct address *b)
{
	return (a->words[3] ^ b->words[3]) | (a->words[2] ^ b->words[2]) |
	       (a->words[1] ^ b->words[1]) | (a->words[0] ^ b->words[0]);
}

static __always_inline int address_equal(const struct address *a, const struct address *b)
{
	return !address_differs(a, b);
}

/* 127.0.0.0/8 and ::1; and the unspecified addresses, by which who connects means them. */
static __always_inline int address_is_loopback(const struct address *a)
{
	if (a->words[0] || a->words[1])
		return 0;
	if (a->words[2] == NET32(0xffff))
		return (a->words[3] & NET32(0xff000000)) == NET32(0x7f000000) || !a->words[3];
	return !a->words[2] && (a->words[3] & ~NET32(1)) == 0;
}

/* Say whether a router may forward to the address; the stack knows what to do with the others: this
 * network, multicast, broadcast (RFC 1812, 5.3.7; RFC 4291, 2.4). */
static __always_inline int address_is_unicast(const struct address *a)
{
	const __be32 v4 = a->words[3];

	if (UNLIKELY(!address_is_v4(a)))
		return a->bytes[0] != 0xff && (a->words[0] | a->words[1] | a->words[2] | v4);
	return v4 && v4 != NET32(0xffffffff) && (v4 & NET32(0xf0000000)) != NET32(0xe0000000);
}
