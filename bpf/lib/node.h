/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The node that a program runs on, and the way to its own stack. */
#pragma once

#include "packet.h"
#include "verdict.h"

static __always_inline const struct config_value *node_config(void)
{
	__u32 zero = 0;
	const struct config_value *config = map_lookup(MAP(config), &zero);

	return config && config->gateway_ifindex ? config : 0;
}

/* Who holds an address: the longest prefix of the plan's that it is in. */
static __always_inline const struct ipcache_value *ipcache_lookup_v4(__be32 v4)
{
	struct ipcache_key key = { .prefixlen = 128 };

	address_from_v4(&key.address, v4);
	return map_lookup(MAP(ipcache), &key);
}

static __always_inline int node_holds(const struct config_value *config, const struct address *a)
{
	return (a->words[3] & config->pod_cidr_mask.words[3]) == config->pod_cidr.words[3] &&
	       (a->words[2] & config->pod_cidr_mask.words[2]) == config->pod_cidr.words[2] &&
	       (a->words[1] & config->pod_cidr_mask.words[1]) == config->pod_cidr.words[1] &&
	       (a->words[0] & config->pod_cidr_mask.words[0]) == config->pod_cidr.words[0];
}

/* Let the node's stack have the packet, as if it came in through pn_host.
 *
 * The stack answers what is for the node itself, and does what a fast path should not: ICMP errors
 * with their rate limits, fragments, routes that say unreachable. Through pn_host its own
 * forwarding and rp_filter settings count, so that no setting of the host has to change.
 */
static __always_inline int to_stack(struct __sk_buff *skb, struct packet *packet, enum hook hook,
				    const struct config_value *config)
{
	mac_copy(packet->eth->h_dest, config->gateway_mac);
	account(skb, hook, VERDICT_TO_STACK);
	return (int)redirect(config->gateway_ifindex, BPF_F_INGRESS);
}
