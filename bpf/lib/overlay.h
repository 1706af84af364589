/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tunnel to other nodes' pods: pn_vxlan takes a packet and, beside it, where it goes. */
#pragma once

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
static __always_inline enum verdict to_overlay(struct packet *p, const struct ipcache_value *peer)
{
	const struct config_value *config = p->config;
	struct tunnel_key key = {
		.vni = config->vni,
		.remote = NET32(peer->tunnel_endpoint.words[3]),
		.local = NET32(config->vtep.words[3]),
	};

	if (UNLIKELY(!config->overlay_ifindex))
		return VERDICT_NOT_CONFIGURED;
	packet_skip_snat(p); /* within the tunnel's headers */
	mac_copy(p->eth->h_dest, peer->vtep_mac);
	mac_copy(p->eth->h_source, config->gateway_mac);
	/* Where the kernel takes no local address, the route to the peer chooses it. */
	if (UNLIKELY(set_tunnel_key(p->skb, &key, sizeof(key), BPF_F_ZERO_CSUM_TX)))
		set_tunnel_key(p->skb, &key, TUNNEL_KEY_SHORT, BPF_F_ZERO_CSUM_TX);
	p->way.leave = LEAVE_DEVICE;
	p->way.ifindex = config->overlay_ifindex;
	return VERDICT_TO_OVERLAY;
}
