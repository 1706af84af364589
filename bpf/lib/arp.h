/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ARP from a pod (RFC 826). */
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

struct arp_frame {
	struct ethhdr *eth;
	struct arp_v4 *arp;
	__be32 sender, target;
};

/* Point `frame` at the headers; 0 where the packet is shorter than them. */
static __always_inline int arp_parse(struct __sk_buff *skb, struct arp_frame *frame)
{
	frame->eth = packet_reach(skb, sizeof(struct ethhdr) + sizeof(struct arp_v4));
	if (!frame->eth)
		return 0;
	frame->arp = (void *)(frame->eth + 1);
	__builtin_memcpy(&frame->sender, frame->arp->sender_ip, 4);
	__builtin_memcpy(&frame->target, frame->arp->target_ip, 4);
	return 1;
}

static __always_inline int arp_is_v4(const struct arp_frame *frame)
{
	return frame->arp->protocol == NET16(ETH_P_IP) && frame->arp->hardware_length == 6 &&
	       frame->arp->protocol_length == 4;
}

/* Say whether the endpoint's own device and MAC are behind the frame and what it claims. */
static __always_inline int arp_sent_by(struct __sk_buff *skb, const struct arp_frame *frame,
				       const struct endpoints_value *endpoint)
{
	return endpoint_sent(skb, frame->eth, endpoint) &&
	       mac_equal(frame->arp->sender_mac, endpoint->mac);
}

/* Whatever the pod asks for, its gateway is the answer (RFC 1027). */
static __always_inline int arp_answer(struct __sk_buff *skb, enum hook hook)
{
	const struct endpoints_value *endpoint;
	struct arp_frame frame;
	struct arp_v4 *arp;

	if (!arp_parse(skb, &frame))
		return drop(skb, hook, VERDICT_MALFORMED);
	arp = frame.arp;
	if (arp->operation != NET16(ARP_REQUEST) || !arp_is_v4(&frame))
		return drop(skb, hook, VERDICT_UNANSWERED_ARP);
	/* A probe for a duplicate (RFC 5227) has no sender: silence tells it that there is none. */
	if (!frame.sender || frame.sender == frame.target)
		return drop(skb, hook, VERDICT_UNANSWERED_ARP);
	endpoint = endpoint_lookup_v4(frame.sender);
	if (!arp_sent_by(skb, &frame, endpoint))
		return drop(skb, hook, VERDICT_SPOOFED_SOURCE);

	arp->operation = NET16(ARP_REPLY);
	mac_copy(arp->target_mac, endpoint->mac);
	mac_copy(arp->sender_mac, endpoint->gateway_mac);
	__builtin_memcpy(arp->target_ip, &frame.sender, 4);
	__builtin_memcpy(arp->sender_ip, &frame.target, 4);
	endpoint_address_frame(&(struct packet){ .eth = frame.eth }, endpoint);
	account(skb, hook, VERDICT_ARP_REPLY);
	return (int)redirect(skb->ifindex, 0);
}
