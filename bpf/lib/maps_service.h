/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Made by `make header` from plugins/module_utils/datapath: change it there. */
#pragma once

#include "common.h"

/* services: frontend of a service: its backends. With port and protocol 0: an address that services have, so that its other ports are known for what they are. */
struct services_key {
	struct address address; /* the service's address; :: for any address of the node's own */
	__be16 port; /* its port */
	__u8 protocol; /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 family; /* FAMILY_IPV4 or FAMILY_IPV6, of any address, too */
};
_Static_assert(sizeof(struct services_key) == 20, "services_key: 20 bytes, no hidden padding");
struct services_value {
	__u32 id; /* number of the frontend; 0 for an address alone */
	__u16 kind; /* SERVICE_CLUSTER_IP, ... */
	__u16 flags; /* SERVICE_OUTSIDE, ... */
	__u32 first; /* first slot of the backends for clients of the cluster */
	__u16 active; /* how many slots from there on take new connections */
	__u16 total; /* how many with those that only keep what they have */
	__u32 outside_first; /* first slot of the backends for clients from outside */
	__u16 outside_active; /* how many slots from there on take new connections */
	__u16 outside_total; /* how many with those that only keep what they have */
	__u32 affinity; /* seconds for which a client keeps its backend; 0: none */
};
_Static_assert(sizeof(struct services_value) == 28, "services_value: 28 bytes, no hidden padding");

/* backends: slot of a frontend's: a backend. */
struct backends_key {
	__u32 slot; /* number of the slot */
};
_Static_assert(sizeof(struct backends_key) == 4, "backends_key: 4 bytes, no hidden padding");
struct backends_value {
	struct address address; /* the backend's address */
	__be16 port; /* its port; 0 in a slot that nobody has used yet */
	__u16 reserved; /* 0 */
};
_Static_assert(sizeof(struct backends_value) == 20, "backends_value: 20 bytes, no hidden padding");

/* service_state: what programs ask before they look further; one entry. */
struct service_state_value {
	__u64 host_netns; /* cookie of the node's own network namespace */
	__u32 frontends; /* how many frontends there are */
	__u32 outside; /* how many of them are taken from outside */
	__u32 pod_flows; /* 1 where a version without nat_seen noted packets between pods */
	__u32 host_flows; /* 1 where it noted packets to the node's own processes */
	__u32 next_id; /* number of the next frontend */
	__u32 sweep; /* 1 until what is gone has been swept */
};
_Static_assert(sizeof(struct service_state_value) == 32, "service_state_value: 32 bytes, no hidden padding");

/* reverse_sockets: socket and the backend that it talks to: the service that it takes the backend for. */
struct reverse_sockets_key {
	__u64 cookie; /* the socket's cookie */
	struct address address; /* the backend's address */
	__be16 port; /* its port */
	__u16 protocol; /* IPPROTO_TCP or IPPROTO_UDP */
	__u32 reserved; /* 0 */
};
_Static_assert(sizeof(struct reverse_sockets_key) == 32, "reverse_sockets_key: 32 bytes, no hidden padding");
struct reverse_sockets_value {
	struct address address; /* the service's address */
	__be16 port; /* its port */
	__u16 reserved; /* 0 */
	__u32 id; /* number of the frontend */
};
_Static_assert(sizeof(struct reverse_sockets_value) == 24, "reverse_sockets_value: 24 bytes, no hidden padding");

/* affinity: client and frontend: the backend that it keeps. */
struct affinity_key {
	struct address client; /* the client's address; for sockets the cookie of their network namespace, and all ones */
	__u32 id; /* number of the frontend */
	__u32 reserved; /* 0 */
};
_Static_assert(sizeof(struct affinity_key) == 24, "affinity_key: 24 bytes, no hidden padding");
struct affinity_value {
	struct address address; /* the backend's address */
	__be16 port; /* its port */
	__u16 reserved; /* 0 */
	__u32 slot; /* the slot that the backend was in last */
	__u64 used; /* when it was last used, nanoseconds since boot (CLOCK_MONOTONIC) */
};
_Static_assert(sizeof(struct affinity_value) == 32, "affinity_value: 32 bytes, no hidden padding");

/* maglev: number of a frontend: its table of Maglev. */
struct maglev_key {
	__u32 id; /* number of the frontend */
};
_Static_assert(sizeof(struct maglev_key) == 4, "maglev_key: 4 bytes, no hidden padding");
struct maglev_value {
	__u16 positions[MAGLEV_POSITIONS]; /* for each hash: a position among the backends */
};
_Static_assert(sizeof(struct maglev_value) == 32762, "maglev_value: 32762 bytes, no hidden padding");

/* source_ranges: frontend and prefix of clients that it takes from outside. */
struct source_ranges_key {
	__u32 prefixlen; /* bits of id and prefix: 128 more than an IPv4 prefix has */
	__u32 id; /* number of the frontend */
	struct address address; /* first address of the prefix */
};
_Static_assert(sizeof(struct source_ranges_key) == 24, "source_ranges_key: 24 bytes, no hidden padding");
struct source_ranges_value {
	__u32 allowed; /* 1 */
};
_Static_assert(sizeof(struct source_ranges_value) == 4, "source_ranges_value: 4 bytes, no hidden padding");
