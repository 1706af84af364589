/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ARP from a pod: whatever it asks for, its gateway is the answer (RFC 826, RFC 1027). */
#pragma once

#include "endpoint.h"
#include "verdict.h"

/* linux/if_arp.h has half of this, and the C library behind it. */
#define ARP_REQUEST 1
#define ARP_REPLY 2

struct arp_v4 {
	__be16 hardware, protocol;
	__u8 hardware_length, protocol_length;
	__be16 operation;
	__u8 sender_mac[6];
	__u8 sender_ip[4];
	__u8 target_mac[6];
	__u8 target_ip[4];
} __attribute__((packed));

static __always_inline int arp_answer(struct __sk_buff *skb, enum hook hook)
{
	struct ethhdr *eth = packet_reach(skb, sizeof(*eth) + sizeof(struct arp_v4));
	const struct endpoints_value *endpoint;
	struct arp_v4 *arp;
	__be32 sender, target;

	if (!eth)
		return drop(skb, hook, VERDICT_MALFORMED);
	arp = (void *)(eth + 1);
	if (arp->operation != NET16(ARP_REQUEST) || arp->protocol != NET16(ETH_P_IP) ||
	    arp->hardware_length != 6 || arp->protocol_length != 4)
		return drop(skb, hook, VERDICT_UNANSWERED_ARP);
	__builtin_memcpy(&sender, arp->sender_ip, 4);
	__builtin_memcpy(&target, arp->target_ip, 4);
	endpoint = endpoint_lookup_v4(sender);
	/* A probe for a duplicate (RFC 5227) has no sender: silence tells it that there is none. */
	if (!sender || sender == target)
		return drop(skb, hook, VERDICT_UNANSWERED_ARP);
	if (!endpoint || endpoint->ifindex != skb->ifindex ||
	    !mac_equal(arp->sender_mac, endpoint->mac) || !mac_equal(eth->h_source, endpoint->mac))
		return drop(skb, hook, VERDICT_SPOOFED_SOURCE);

	arp->operation = NET16(ARP_REPLY);
	mac_copy(arp->target_mac, endpoint->mac);
	mac_copy(arp->sender_mac, endpoint->gateway_mac);
	__builtin_memcpy(arp->target_ip, &sender, 4);
	__builtin_memcpy(arp->sender_ip, &target, 4);
	endpoint_address_frame(&(struct packet){ .eth = eth }, endpoint);
	account(skb, hook, VERDICT_ARP_REPLY);
	return (int)redirect(skb->ifindex, 0);
}
