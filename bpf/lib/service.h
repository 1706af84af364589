/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Services, for sockets and packets alike: is this one, and which backend gets it. Map lookups and
 * nothing else, so that programs of every type take it. */
#pragma once

#include "node.h"

#define SERVICE_NSEC_PER_SEC 1000000000LL
#define SERVICE_NOWHERE 0xffffffff
#define SERVICE_COUNT_BITS 16 /* of how many backends a frontend has */

/* Who asks; it decides which frontends there are. */
enum service_client {
	SERVICE_CLIENT_POD,     /* a pod, or a process in any namespace but the node's own */
	SERVICE_CLIENT_HOST,    /* a process of the node's own: its loopback is the node's */
	SERVICE_CLIENT_OUTSIDE, /* the network; the caller asks for SERVICE_OUTSIDE */
};

/* The slots of a frontend's backends: `active` take new connections, those up to `total` keep what
 * they have. */
struct service_run {
	__u32 first;
	__u32 active;
	__u32 total;
};

/* What is asked before all else; 0 where there is no service to look for. A cluster without any has
 * programs that are made without what is behind the question. */
static __always_inline const struct service_state_value *service_state(void)
{
#ifdef NO_SERVICES
	return 0;
#endif
	__u32 zero = 0;
	const struct service_state_value *state = map_lookup(MAP(service_state), &zero);

	return state && state->frontends ? state : 0;
}

static __always_inline const struct services_value *service_exact(const struct services_key *key)
{
	return map_lookup(MAP(services), key);
}

/* The frontend of an address, port and protocol, as this client sees it; 0 where there is none.
 *
 * Exact first, then what listens on a port of nodes. An external IP may be anybody's address, and
 * who may write services could have what is sent there (CVE-2020-8554): clients of the cluster are
 * led to the service only where the address is this node's own. What comes in from outside was sent
 * to this node, whatever the address.
 */
static __always_inline const struct services_value *
service_lookup(const struct service_state_value *state, const struct services_key *key,
	       enum service_client client)
{
	struct services_key any = {
		.port = key->port,
		.protocol = key->protocol,
		.family = key->family,
	};
	const struct services_value *frontend;
	int node = NODE_LOCAL;

	if (address_is_loopback(&key->address)) {
		if (client != SERVICE_CLIENT_HOST)
			return 0; /* a pod's loopback is the pod's own */
		frontend = service_exact(key);
		if (frontend)
			return frontend;
	} else {
		frontend = service_exact(key);
		if (frontend && (frontend->kind != SERVICE_EXTERNAL_IP || client == SERVICE_CLIENT_OUTSIDE))
			return frontend;
		if (!state->outside) /* external IPs and ports of nodes are taken from outside, too */
			return 0;
		node = node_flags(&key->address);
		if (node < 0)
			return 0;
		if (frontend && node & NODE_LOCAL)
			return frontend;
	}
	if (!state->outside)
		return 0;
	frontend = service_exact(&any);
	if (!frontend || node & NODE_LOCAL)
		return frontend;
	/* Another node's address: its node ports are ours as well, its host ports are its own. What
	 * comes in from outside for it goes on to it. */
	if (frontend->kind != SERVICE_NODE_PORT || client == SERVICE_CLIENT_OUTSIDE)
		return 0;
	return frontend;
}

static __always_inline struct service_run service_inside(const struct services_value *frontend)
{
	struct service_run run = {
		.first = frontend->first,
		.active = frontend->active,
		.total = frontend->total,
	};

	return run;
}

static __always_inline struct service_run service_outside(const struct services_value *frontend)
{
	struct service_run run = {
		.first = frontend->outside_first,
		.active = frontend->outside_active,
		.total = frontend->outside_total,
	};

	return run;
}

/* From 32 bits that are random, or a good hash, to a position below `count`, without a division. */
static __always_inline __u32 service_position(__u32 number, __u32 count)
{
	return (__u32)(((__u64)number * count) >> 32);
}

/* The backend in a slot; 0 for one that nobody uses. */
static __always_inline const struct backends_value *service_slot(__u32 slot)
{
	const struct backends_value *backend = map_lookup(MAP(backends), &slot);

	return backend && backend->port ? backend : 0;
}

static __always_inline int service_slot_holds(__u32 slot, const struct address *address, __be16 port)
{
	const struct backends_value *backend = map_lookup(MAP(backends), &slot);

	return backend && !((backend->port ^ port) | address_differs(&backend->address, address));
}

/* Whether the backend in a slot stands before another place, 1, behind it, -1, or is there, 0: by the bytes of
 * address and port, as planner and modules sort them. */
static __always_inline int service_order(const struct backends_value *backend,
					 const struct address *address, __be16 port)
{
	__u64 high = address_half(address, 0), low = address_half(address, 1);
	__u64 its_high = address_half(&backend->address, 0);
	__u64 its_low = address_half(&backend->address, 1);
	__u32 number = NET16(port), its_number = NET16(backend->port);

	if (its_high != high)
		return its_high < high ? 1 : -1;
	if (its_low != low)
		return its_low < low ? 1 : -1;
	if (its_number != number)
		return its_number < number ? 1 : -1;
	return 0;
}

/* The slot of a backend among `count` from `first` on, which are sorted; SERVICE_NOWHERE where it is in none.
 * Takes `hint`, the slot that it was seen in last, for the first try. */
static __always_inline __u32 service_find(__u32 first, __u32 count, __u32 hint,
					  const struct address *address, __be16 port)
{
	const struct backends_value *backend;
	__u32 from = first, to = first + count;
	__u32 slot;
	int order, i;

	if (hint - first < count && service_slot_holds(hint, address, port))
		return hint;
	for (i = 0; i <= SERVICE_COUNT_BITS && from < to; i++) {
		slot = (from + to) / 2;
		backend = map_lookup(MAP(backends), &slot);
		if (!backend)
			break;
		order = service_order(backend, address, port);
		if (!order)
			return slot;
		if (order > 0)
			from = slot + 1;
		else
			to = slot;
	}
	return SERVICE_NOWHERE;
}

/* The slot of the backend that a client keeps; SERVICE_NOWHERE where it has none, no longer, or one
 * that is not active. */
static __always_inline __u32 service_kept(const struct services_value *frontend,
					  const struct service_run *run,
					  const struct affinity_key *key, __u64 now)
{
	struct affinity_value *kept = map_lookup(MAP(affinity), key);
	__u32 slot;

	if (!kept || elapsed(now, kept->used) >= frontend->affinity * SERVICE_NSEC_PER_SEC)
		return SERVICE_NOWHERE;
	slot = service_find(run->first, run->active, kept->slot, &kept->address, kept->port);
	if (slot == SERVICE_NOWHERE)
		return SERVICE_NOWHERE;
	kept->slot = slot;
	kept->used = now;
	return slot;
}

/* The slot of the backend for a new connection; SERVICE_NOWHERE where none takes one.
 *
 * `position`: which of the active ones, unless the client keeps one. `client`: by what a client is
 * known, where the frontend has an affinity.
 */
static __always_inline __u32 service_choose_slot(const struct services_value *frontend,
						 const struct service_run *run, __u32 position,
						 const struct address *client)
{
	struct affinity_key key = { .client = *client, .id = frontend->id };
	struct affinity_value kept = {};
	const struct backends_value *backend;
	__u32 slot;

	if (!run->active)
		return SERVICE_NOWHERE;
	if (LIKELY(!frontend->affinity))
		return run->first + position;
	kept.used = ktime_get_ns();
	slot = service_kept(frontend, run, &key, kept.used);
	if (slot != SERVICE_NOWHERE)
		return slot;
	kept.slot = run->first + position;
	backend = service_slot(kept.slot);
	if (!backend)
		return SERVICE_NOWHERE;
	kept.address = backend->address;
	kept.port = backend->port;
	map_update(MAP(affinity), &key, &kept, BPF_ANY);
	return kept.slot;
}
