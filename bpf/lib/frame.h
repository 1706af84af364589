/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ethernet frames: VLAN tags, and frames that are not for this host. */
#pragma once

#include "verdict.h"

#include <linux/if_ether.h>

#define VLAN_ID 0xfff

/* Say whether a frame has a tag (802.1Q, 802.1ad). The kernel takes the outer one out of the frame
 * before any program sees it; a second one stays. */
static __always_inline int frame_is_tagged(const struct __sk_buff *skb)
{
	return skb->vlan_present || skb->protocol == NET16(ETH_P_8021Q) ||
	       skb->protocol == NET16(ETH_P_8021AD);
}

/* Say whether a frame from the network is for this very device: not for another MAC, which it hears of
 * in promiscuous mode, not for many, and in no VLAN, whose devices are the host's own. VLAN 0 is none:
 * such a tag says no more than a priority. */
static __always_inline int frame_is_ours(const struct __sk_buff *skb)
{
	return LIKELY(skb->pkt_type == PACKET_HOST) &&
	       LIKELY(!skb->vlan_present || !(skb->vlan_tci & VLAN_ID));
}
