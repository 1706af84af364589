/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The node that a program runs on, whose an address is, and the way to the node's own stack. */
#pragma once

#include "family.h"

/* What the node has for packets of a family. */
static __always_inline const struct config_value *node_config(__u32 family)
{
	const struct config_value *config = map_lookup(MAP(config), &family);

	return config && config->gateway_ifindex ? config : 0;
}

/* Look at the configuration, once. */
static __always_inline enum verdict node_configured(struct packet *p)
{
	if (!p->config)
		p->config = node_config(packet_family(p));
	return LIKELY(p->config) ? VERDICT_NONE : VERDICT_NOT_CONFIGURED;
}

static __always_inline int node_holds(const struct config_value *config, const struct address *a)
{
	return (a->words[3] & config->pod_cidr_mask.words[3]) == config->pod_cidr.words[3] &&
	       (a->words[2] & config->pod_cidr_mask.words[2]) == config->pod_cidr.words[2] &&
	       (a->words[1] & config->pod_cidr_mask.words[1]) == config->pod_cidr.words[1] &&
	       (a->words[0] & config->pod_cidr_mask.words[0]) == config->pod_cidr.words[0];
}

/* The node that has an address; 0 where none has. */
static __always_inline const struct node_addresses_value *node_of(const struct address *address)
{
	return map_lookup(MAP(node_addresses), address);
}

/* Flags of a node's address, -1 where it is no node's. */
static __always_inline int node_flags(const struct address *address)
{
	const struct node_addresses_value *node = node_of(address);

	return node ? (int)node->flags : -1;
}

/* Say whether an address is one of this very node. */
static __always_inline int node_is_own(const struct address *address)
{
	const int flags = node_flags(address);

	return flags >= 0 && flags & NODE_LOCAL;
}

static __always_inline const struct endpoints_value *endpoint_lookup(const struct address *address)
{
	return map_lookup(MAP(endpoints), address);
}

/* The node that holds an address: by the longest prefix of the plan's that it is in. */
static __always_inline const struct ipcache_value *ipcache_lookup(const struct address *address)
{
	struct ipcache_key key = { .prefixlen = 128, .address = *address };

	return map_lookup(MAP(ipcache), &key);
}

/* Find whose address of this node it is; OWNER_UNKNOWN for all others. */
static __always_inline enum owner owner_local(struct packet *p, const struct address *address)
{
	const struct endpoints_value *endpoint = endpoint_lookup(address);

	p->way.pod = endpoint && endpoint->ifindex ? endpoint : 0;
	p->way.owner = !endpoint ? OWNER_UNKNOWN : p->way.pod ? OWNER_POD : OWNER_NODE;
	return p->way.owner;
}

/* Find whose address it is. */
static __always_inline enum owner owner_find(struct packet *p, const struct address *address)
{
	if (owner_local(p, address) != OWNER_UNKNOWN)
		return p->way.owner;
	p->way.peer = ipcache_lookup(address);
	if (p->way.peer)
		p->way.owner = OWNER_PEER;
	return p->way.owner;
}

/* Let the node's stack have the packet, as if it came in through pn_host.
 *
 * The stack answers what is for the node itself, and does what a fast path should not: ICMP errors
 * with their rate limits, fragments, routes that say unreachable. Through pn_host its own
 * forwarding and rp_filter settings count, so that no setting of the host has to change.
 */
static __always_inline enum verdict to_stack(struct packet *p)
{
	mac_copy(p->eth->h_dest, p->config->gateway_mac);
	p->way.leave = LEAVE_INGRESS;
	p->way.ifindex = p->config->gateway_ifindex;
	return VERDICT_TO_STACK;
}
