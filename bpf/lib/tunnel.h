/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tunnel packets: they come from nodes alone, and in each is what its node may send. */
#pragma once

#include "family.h"
#include "node.h"

/* What stands before the payload of an inner packet, from the outer UDP header on (RFC 7348). */
struct tunnel_headers {
	__be16 source_port, port, length, check;
	__be32 flags, vni; /* the lowest byte of the latter is reserved */
	struct ethhdr eth;
	struct iphdr ip;
} __attribute__((packed));

/* Say whether the source of an inner packet may come from a tunnel endpoint: a pod's address from its
 * node's, a node's from that node's, and this node's and its pods' from none. All other addresses
 * nodes may forward for. While a cluster moves to the tunnel, a node may hear of a peer's endpoint a
 * moment after the peer has begun to use it. */
static __always_inline int tunnel_may_bring(const struct config_value *config,
					    const struct address *source,
					    const struct address *endpoint)
{
	const struct node_addresses_value *node, *owner;
	const struct ipcache_value *peer;

	if (node_holds(config, source))
		return 0;
	peer = ipcache_lookup(source);
	if (peer && peer->tunnel_endpoint.words[3])
		return address_equal(&peer->tunnel_endpoint, endpoint);
	node = node_of(endpoint);
	if (!node || node->flags & NODE_LOCAL)
		return 0;
	if (peer)
		return address_equal(&peer->node, &node->node);
	owner = node_of(source);
	return !owner || address_equal(&owner->node, &node->node);
}

/* Say whether it is a datagram for the tunnel's port. Of one in fragments the first is. */
static __always_inline int tunnel_is_asked(const struct packet *p)
{
	__be16 port = 0;

	if (LIKELY(p->tuple->protocol != IP_PROTOCOL_UDP) || !p->config->tunnel_port ||
	    packet_is_later_fragment(p))
		return 0;
	return !load_bytes(p->skb, p->l4 + 2, &port, sizeof(port)) && port == p->config->tunnel_port;
}

/* Say whether an address is a pod's, of this node or another one: what goes there does not end in the
 * stack of this node, and the other one looks itself. */
static __always_inline int tunnel_is_a_pods(const struct config_value *config,
					    const struct address *address)
{
	const struct endpoints_value *pod = endpoint_lookup(address);

	if (pod)
		return pod->ifindex != 0;
	return !node_holds(config, address) && ipcache_lookup(address);
}

/* Say whether a pod's datagram claims to be a node's: it is for the tunnel's port, and for no pod. Any
 * other address may be a node's, whether or not the plan knows it. */
static __always_inline int tunnel_is_claimed(const struct packet *p)
{
	return UNLIKELY(tunnel_is_asked(p)) && !tunnel_is_a_pods(p->config, &p->tuple->destination);
}

/* The same of a backend, to which a service would lead such a datagram. */
static __always_inline int tunnel_is_backend(const struct config_value *config, __u16 protocol,
					     const struct address *address, __be16 port)
{
	return UNLIKELY(protocol == IP_PROTOCOL_UDP && port == config->tunnel_port) &&
	       !tunnel_is_a_pods(config, address);
}

/* Look into what comes in for the kernel's own tunnel, which takes it from anybody and does not tell
 * afterwards from whom. Other networks' tunnels may have the same port. */
static __always_inline enum verdict tunnel_inspect(const struct packet *p)
{
	struct tunnel_headers headers;
	struct address source;

	if (LIKELY(!tunnel_is_claimed(p)))
		return VERDICT_NONE;
	if (load_bytes(p->skb, p->l4, &headers, sizeof(headers)))
		return p->fragment & FRAGMENT_MORE ? VERDICT_FOREIGN_TUNNEL_ENDPOINT : VERDICT_NONE;
	if (NET32(headers.vni) >> 8 != p->config->vni)
		return VERDICT_NONE;
	if (headers.eth.h_proto != NET16(ETH_P_IP))
		return VERDICT_UNSUPPORTED_L3;
	address_from_v4(&source, headers.ip.saddr);
	if (!tunnel_may_bring(p->config, &source, &p->tuple->source))
		return VERDICT_FOREIGN_TUNNEL_ENDPOINT;
	return VERDICT_NONE;
}
