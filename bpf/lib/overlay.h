/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tunnel to other nodes' pods: pn_vxlan takes a packet and, beside it, where it goes. */
#pragma once

#include "endpoint.h"
#include "node.h"

/* Beginning of struct bpf_tunnel_key, which grew at its end: the first half is what every kernel
 * knows. Addresses are in host byte order. */
struct tunnel_key {
	__u32 vni;
	__u32 remote;
	__u32 remote_v6[3];
	__u8 tos, ttl; /* 0: the device's default */
	__u16 flags;
	__u32 label;
	__u32 local; /* Linux 5.19 */
	__u32 local_v6[3];
};
#define TUNNEL_KEY_SHORT __builtin_offsetof(struct tunnel_key, remote_v6)

/* To the node that holds the address, through the tunnel. The inner frame is addressed from gateway
 * to tunnel endpoint, as a router's is. */
static __always_inline int overlay_send(struct __sk_buff *skb, struct packet *packet,
					enum hook hook, const struct config_value *config,
					const struct ipcache_value *peer)
{
	struct tunnel_key key = {
		.vni = config->vni,
		.remote = NET32(peer->tunnel_endpoint.words[3]),
		.local = NET32(config->vtep.words[3]),
	};

	if (UNLIKELY(!config->overlay_ifindex))
		return drop(skb, hook, VERDICT_NOT_CONFIGURED);
	packet_settle(skb); /* within the tunnel's headers */
	mac_copy(packet->eth->h_dest, peer->vtep_mac);
	mac_copy(packet->eth->h_source, config->gateway_mac);
	/* Where the kernel takes no local address, the route to the peer chooses it. */
	if (UNLIKELY(set_tunnel_key(skb, &key, sizeof(key), BPF_F_ZERO_CSUM_TX)))
		set_tunnel_key(skb, &key, TUNNEL_KEY_SHORT, BPF_F_ZERO_CSUM_TX);
	account(skb, hook, VERDICT_TO_OVERLAY);
	return (int)redirect(config->overlay_ifindex, 0);
}

/* The same for a pod, for which this node is a router. */
static __always_inline int overlay_route(struct __sk_buff *skb, struct packet *packet,
					 enum hook hook, const struct config_value *config,
					 const struct ipcache_value *peer)
{
	if (packet->ip->ttl <= 1 || packet_wire_length(skb, packet) > config->overlay_mtu)
		return to_stack(skb, packet, hook, config);
	packet_decrement_ttl(packet);
	return overlay_send(skb, packet, hook, config, peer);
}
