/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ARP from a pod (RFC 826). */
#pragma once

#include "antispoof.h"

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
static __always_inline int arp_read(struct __sk_buff *skb, struct arp_frame *frame)
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

/* The endpoint that has the address, if its own device and MAC are behind the frame and what it claims;
 * else 0. */
static __always_inline const struct endpoints_value *arp_sender(struct __sk_buff *skb,
								 const struct arp_frame *frame,
								 __be32 v4)
{
	const struct endpoints_value *endpoint;
	struct address address;

	address_from_v4(&address, v4);
	endpoint = endpoint_lookup(&address);
	if (!endpoint_sent(skb, frame->eth, endpoint) ||
	    !mac_equal(frame->arp->sender_mac, endpoint->mac))
		return 0;
	return endpoint;
}

/* Whatever the pod asks for, its gateway is the answer (RFC 1027). */
static __always_inline enum verdict arp_reply(struct packet *p)
{
	const struct endpoints_value *endpoint;
	struct arp_frame frame;
	struct arp_v4 *arp;

	if (!arp_read(p->skb, &frame))
		return VERDICT_MALFORMED;
	arp = frame.arp;
	if (arp->operation != NET16(ARP_REQUEST) || !arp_is_v4(&frame))
		return VERDICT_UNANSWERED_ARP;
	/* A probe for a duplicate (RFC 5227) has no sender: silence tells it that there is none. */
	if (!frame.sender || frame.sender == frame.target)
		return VERDICT_UNANSWERED_ARP;
	endpoint = arp_sender(p->skb, &frame, frame.sender);
	if (!endpoint)
		return VERDICT_SPOOFED_SOURCE;

	arp->operation = NET16(ARP_REPLY);
	mac_copy(arp->target_mac, endpoint->mac);
	mac_copy(arp->sender_mac, endpoint->gateway_mac);
	__builtin_memcpy(arp->target_ip, &frame.sender, 4);
	__builtin_memcpy(arp->sender_ip, &frame.target, 4);
	mac_copy(frame.eth->h_dest, endpoint->mac);
	mac_copy(frame.eth->h_source, endpoint->gateway_mac);
	p->way.leave = LEAVE_DEVICE;
	p->way.ifindex = p->skb->ifindex;
	return VERDICT_ARP_REPLY;
}
