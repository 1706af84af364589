/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Accounts of flows: whoever begins them as fast as possible leaves the others theirs.
 *
 * An account may have as many flows as there is still room for (the dynamic threshold of Choudhury and
 * Hahne): of the table one gets half, two get a third each, and always as much is left for who comes
 * next. What strangers cause for a pod is on accounts of its own, and counts for more. The last part of
 * the table is the node's.
 *
 *	quota_account(&account, key, value);	of either entry of a flow
 *	quota_take(&account)			before the flow begins; 0 where it may not, which is counted
 *	quota_give_back(&account)		once: by whoever took it, and made no flow, or removed the flow
 */
#pragma once

#include "verdict.h"

/* `nat_total`: who counted. */
enum quota_by {
	QUOTA_PROGRAMS,
	QUOTA_RUNS, /* of Ansible: what they took away */
};

/* By sums instead of jumps, as is needed where the verifier comes by often. */
static __always_inline void quota_account(struct nat_quota_key *account, const struct nat_key *key,
					  const struct nat_value *value)
{
	/* Who began it sends what comes in, and gets the replies; what came from outside is for the
	 * backend, the other end. */
	__u32 far = -(__u32)(!(value->flags & NAT_REVERSE) != !(value->flags & NAT_OUTSIDE));
	int i;

	OPAQUE(far);
#pragma unroll
	for (i = 0; i < 4; i++)
		account->address.words[i] = (key->source.words[i] & ~far) |
					    (value->destination.words[i] & far);
	account->kind = value->flags & NAT_KINDS;
}

static __always_inline struct nat_total_value *quota_total(__u32 by)
{
	return map_lookup(MAP(nat_total), &by);
}

static __always_inline struct nat_quota_value *quota_find(const struct nat_quota_key *account)
{
	const struct nat_quota_value none = {};
	struct nat_quota_value *quota = map_lookup(MAP(nat_quota), account);

	if (LIKELY(quota))
		return quota;
	map_update(MAP(nat_quota), account, &none, BPF_NOEXIST);
	return map_lookup(MAP(nat_quota), account);
}

/* How many flows there is room for, for those who are not the node. */
static __always_inline __s64 quota_room(const struct nat_total_value *programs,
					const struct nat_total_value *runs)
{
	return NAT_MOST_FLOWS - NAT_NODE_FLOWS - (__s64)(programs->flows + runs->flows);
}

static __always_inline int quota_allows(__u32 kind, __s64 flows, __s64 room)
{
	if (kind == NAT_HOST)
		return room + NAT_NODE_FLOWS > 0;
	if (kind == NAT_OUTSIDE)
		flows *= NAT_OUTSIDE_WEIGHT;
	else if (kind == NAT_INBOUND)
		flows *= NAT_INBOUND_WEIGHT;
	return flows < room;
}

static __always_inline int quota_take(const struct nat_quota_key *account)
{
	struct nat_total_value *programs = quota_total(QUOTA_PROGRAMS);
	const struct nat_total_value *runs = quota_total(QUOTA_RUNS);
	struct nat_quota_value *quota = quota_find(account);

	if (!programs || !runs || !quota)
		return 0;
	if (UNLIKELY(!quota_allows(account->kind, (__s64)quota->flows, quota_room(programs, runs)))) {
		__sync_fetch_and_add(&quota->refused, 1);
		return 0;
	}
	__sync_fetch_and_add(&quota->flows, 1);
	__sync_fetch_and_add(&programs->flows, 1);
	return 1;
}

/* An account that a run has taken away, with its flows, is off the total already. */
static __always_inline void quota_give_back(const struct nat_quota_key *account)
{
	struct nat_quota_value *quota = map_lookup(MAP(nat_quota), account);
	struct nat_total_value *programs = quota_total(QUOTA_PROGRAMS);

	if (!quota || !programs)
		return;
	__sync_fetch_and_add(&quota->flows, -1);
	__sync_fetch_and_add(&programs->flows, -1);
}
