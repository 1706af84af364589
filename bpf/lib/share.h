/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The ports to one destination, shared: most are whoever's comes first, some are a pod's own, some the
 * node's. So who takes all that he can get leaves each of the others a few.
 *
 * Of eight ports in a row five are common, the sixth and the eighth a pod's, the seventh the node's. A
 * pod's are those whose row has the last byte of its address, or that with the byte before laid over it, for
 * a number: no other pod of up to 65,536 has both of them.
 */
#pragma once

#include "bpf.h"
#include "shared.h"

/* Source ports that this node gives with its own address start at NAT_FIRST_PORT: none is a node
 * port's, and at first none that the kernel gives to the node's own sockets. */
#define SHARE_PORTS (30000 - NAT_FIRST_PORT)
#define SHARE_NODE_PORTS 2768
#define SHARE_ALL_PORTS (65536 - NAT_FIRST_PORT - SHARE_NODE_PORTS)

#define SHARE_ROW 8
#define SHARE_COMMON 5
#define SHARE_POD 5 /* and two behind that */
#define SHARE_NODE 6

/* Runs of 256 rows that lie within the first ports, and how many more there are behind node ports. */
#define SHARE_RUNS 13
#define SHARE_ALL_RUNS 29

_Static_assert(NAT_FIRST_PORT % SHARE_ROW == 0 && SHARE_PORTS % SHARE_ROW == 0 &&
		       SHARE_NODE_PORTS % SHARE_ROW == 0,
	       "ports begin and end with a row");

/* Whose ports beside the common ones. */
struct share {
	__u32 rows; /* numbers of the pod's two, a byte each */
	__u32 node; /* 1: the node's */
};

/* `flags`: those of the flow. */
static __always_inline struct share share_of(const struct address *from, __u16 flags)
{
	const __u8 *last = &from->bytes[14];

	return (struct share){
		.rows = last[1] | (__u32)(last[0] ^ last[1]) << 8,
		.node = !!(flags & NAT_HOST),
	};
}

/* Strangers have none. */
static __always_inline int share_has_own(__u16 flags)
{
	return !(flags & (NAT_KINDS & ~NAT_HOST));
}

/* The port itself, or where that is another's, a common one of its row. */
static __always_inline __u16 share_near(const struct address *from, __u16 flags, __u16 port)
{
	const struct share share = share_of(from, flags);
	const __u32 row = port / SHARE_ROW % 256, place = port % SHARE_ROW;

	if (place < SHARE_COMMON || share.node)
		return port;
	if (share_has_own(flags) && ((place == SHARE_POD && row == (share.rows & 0xff)) ||
				     (place == SHARE_POD + 2 && row == share.rows >> 8)))
		return port;
	return port - SHARE_COMMON;
}

/* Any of the common ports among the first so many. By sums, as it is asked for in a loop. */
static __always_inline __u16 share_common(__u32 ports)
{
	const __u32 random = get_prandom_u32();
	__u32 row = (__u32)(((__u64)random * (ports / SHARE_ROW)) >> 32);
	__u32 left = SHARE_PORTS / SHARE_ROW - 1 - row;

	OPAQUE(left); /* or clang makes a jump of its sign */
	return (__u16)(NAT_FIRST_PORT + row * SHARE_ROW +
		       ((random & 0xffff) * SHARE_COMMON >> 16) + (left >> 31) * SHARE_NODE_PORTS);
}

/* Any of one's own in the first so many runs. By products: with a mask of all bits or none the verifier of newer
 * kernels goes on once for each of the two. */
static __always_inline __u16 share_own(const struct share *share, __u32 runs)
{
	const __u32 random = get_prandom_u32();
	const __u32 second = random & 1;
	__u32 run = (random >> 16) * runs >> 16;
	__u32 left = SHARE_RUNS - 1 - run, node = share->node, pod;
	__u32 row, place;

	OPAQUE(left);
	OPAQUE(node);
	pod = 1 - node;
	OPAQUE(pod);
	row = (share->rows >> (8 * second) & 0xff) * pod + (random >> 1 & 0xff) * node;
	place = (SHARE_POD + 2 * second) * pod + SHARE_NODE * node;
	return (__u16)(((run + 1 + 2 * (left >> 31)) * 256 + row) * SHARE_ROW + place);
}
