/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pods of this node: find one by its address, hand it a packet. */
#pragma once

#include "packet.h"

static __always_inline const struct endpoints_value *endpoint_lookup(const struct address *address)
{
	return map_lookup(MAP(endpoints), address);
}

static __always_inline const struct endpoints_value *endpoint_lookup_v4(__be32 v4)
{
	struct address address;

	address_from_v4(&address, v4);
	return endpoint_lookup(&address);
}

/* Say whether the frame is the endpoint's own: from its very device, and from its MAC. */
static __always_inline int endpoint_sent(struct __sk_buff *skb, const struct ethhdr *eth,
					 const struct endpoints_value *endpoint)
{
	return endpoint && endpoint->ifindex == skb->ifindex &&
	       mac_equal(eth->h_source, endpoint->mac);
}

/* Say whether the pod's device takes the packet as it is; the stack answers for the others. */
static __always_inline int endpoint_takes(struct __sk_buff *skb, const struct packet *packet,
					  const struct endpoints_value *endpoint)
{
	return packet->ip->ttl > 1 && packet_wire_length(skb, packet) <= endpoint->mtu;
}

static __always_inline void endpoint_address_frame(struct packet *packet,
						   const struct endpoints_value *endpoint)
{
	mac_copy(packet->eth->h_dest, endpoint->mac);
	mac_copy(packet->eth->h_source, endpoint->gateway_mac);
}

/* A router's hop straight into the pod's namespace: no queue, no second pass through the stack.
 * Not for what the node itself sends (see from_host.c). */
static __always_inline int endpoint_deliver(struct packet *packet,
					    const struct endpoints_value *endpoint)
{
	endpoint_address_frame(packet, endpoint);
	packet_decrement_ttl(packet);
	return (int)redirect_peer(endpoint->ifindex, 0);
}
