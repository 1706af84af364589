/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Accounts of flows: whoever begins them as fast as possible leaves the others theirs.
 *
 * An account may have as many flows as there is still room for (the dynamic threshold of Choudhury and
 * Hahne): of the table one gets half, two get a third each, and always as much is left for who comes
 * next. What strangers cause for a pod is on accounts of its own, and counts for more. The last part of
 * the table is the node's.
 *
 * A flow is on its account for as long as it is in the queue (gc.h), whoever removes its entries.
 */
#pragma once

#include "address.h"
#include "verdict.h"

/* What a flow that a stranger caused counts for: a client of a service, a note of what came in. */
#define QUOTA_OUTSIDE_WEIGHT 4
#define QUOTA_INBOUND_WEIGHT 8

/* `nat_total`: who counted. */
enum quota_by {
	QUOTA_PROGRAMS,
	QUOTA_RUNS, /* of Ansible: what they took away */
};

_Static_assert(__builtin_offsetof(struct nat_scratch_value, kind) -
			       __builtin_offsetof(struct nat_scratch_value, address) ==
		       __builtin_offsetof(struct nat_quota_key, kind),
	       "the key of an account is a part of what is in the queue");

/* This CPU's; nothing else runs on it meanwhile that would use it. */
static __always_inline struct nat_scratch_value *quota_scratch(void)
{
	const __u32 zero = 0;

	return map_lookup(MAP(nat_scratch), &zero);
}

static __always_inline const struct nat_quota_key *quota_account(const struct nat_scratch_value *flow)
{
	return (const struct nat_quota_key *)&flow->address;
}

/* Say whether a flow is on an account, without a jump. */
static __always_inline __u32 quota_is(const struct nat_scratch_value *flow, const struct address *account,
				      __u32 kind)
{
	__u64 differs = address_differs(&flow->address, account) | (flow->kind ^ kind);

	differs -= 1;
	OPAQUE(differs); /* or clang makes a jump of its sign */
	return (__u32)(differs >> 63);
}

static __always_inline struct nat_total_value *quota_total(__u32 by)
{
	return map_lookup(MAP(nat_total), &by);
}

/* An account, which is made where there is none; 0 where there is no room for that. */
static __always_inline struct nat_quota_value *quota_find(struct nat_scratch_value *flow)
{
	const struct nat_quota_key *account = quota_account(flow);
	struct nat_quota_value *quota = map_lookup(MAP(nat_quota), account);
	struct nat_quota_value *none = (struct nat_quota_value *)flow; /* what is in front of the account */

	if (LIKELY(quota))
		return quota;
	*none = (struct nat_quota_value){};
	map_update(MAP(nat_quota), account, none, BPF_NOEXIST);
	return map_lookup(MAP(nat_quota), account);
}

/* How many flows there are. */
static __always_inline __s64 quota_flows(void)
{
	const struct nat_total_value *programs = quota_total(QUOTA_PROGRAMS);
	const struct nat_total_value *runs = quota_total(QUOTA_RUNS);

	return programs && runs ? (__s64)(programs->flows + runs->flows) : 0;
}

/* How many flows there is room for, for those who are not the node. */
static __always_inline __s64 quota_room(void)
{
	return NAT_MOST_FLOWS - NAT_NODE_FLOWS - quota_flows();
}

static __always_inline int quota_allows(__u32 kind, __s64 flows, __s64 room)
{
	if (kind == NAT_HOST)
		return room + NAT_NODE_FLOWS > 0;
	if (kind & NAT_OUTSIDE)
		flows *= QUOTA_OUTSIDE_WEIGHT;
	else if (kind == NAT_INBOUND)
		flows *= QUOTA_INBOUND_WEIGHT;
	return flows < room;
}

/* Let a flow be on its account, as far as `flow` says which that is; 0 where it may not, which is counted. `instead`:
 * of another one on it, which is gone. */
static __always_inline int quota_take(struct nat_scratch_value *flow, __u32 instead)
{
	struct nat_total_value *programs = quota_total(QUOTA_PROGRAMS);
	struct nat_quota_value *quota = quota_find(flow);

	if (!programs || !quota)
		return 0;
	if (UNLIKELY(!instead && !quota_allows(flow->kind, (__s64)quota->flows, quota_room()))) {
		__sync_fetch_and_add(&quota->refused, 1);
		return 0;
	}
	__sync_fetch_and_add(&quota->flows, 1);
	__sync_fetch_and_add(&programs->flows, 1);
	return 1;
}

/* What is in the queue for an earlier version, or for a pod that is gone, is on no account. */
static __always_inline void quota_give_back(const struct nat_scratch_value *flow)
{
	struct nat_quota_value *quota = map_lookup(MAP(nat_quota), quota_account(flow));
	struct nat_total_value *programs = quota_total(QUOTA_PROGRAMS);

	if (quota)
		__sync_fetch_and_add(&quota->flows, -1);
	if (programs)
		__sync_fetch_and_add(&programs->flows, -1);
}
