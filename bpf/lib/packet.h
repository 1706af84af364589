/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A packet on its way through a program: what its headers say, read once, and where it goes.
 *
 * Addresses have 16 bytes, whatever the family. A reader and a writer for each family (family.h) stand
 * at the two ends; nothing between them knows one.
 */
#pragma once

#include "address.h"
#include "verdict.h"

#include <linux/if_ether.h>

/* In tc_index of a packet, which the kernel leaves alone and nobody else of today uses: it goes out
 * as it is. */
#define PACKET_SNAT_DONE 0x706e

/* `fragment` of a packet: its offset in units of 8 bytes, and whether more follow. */
#define FRAGMENT_OFFSET 0x1fff
#define FRAGMENT_MORE 0x2000

/* How a packet leaves a program that does not drop it. */
enum leave {
	LEAVE_PASS,	/* to the next program, then the kernel */
	LEAVE_DEVICE,	/* out of a device */
	LEAVE_INGRESS,	/* into a device, as if it came in there */
	LEAVE_PEER,	/* into the namespace of a device's peer, a pod's */
	LEAVE_NEIGHBOR,	/* out of a device, to a neighbor */
};

/* Whose an address is. */
enum owner {
	OWNER_UNKNOWN,	/* nobody's of whom the maps know */
	OWNER_POD,	/* a pod of this node */
	OWNER_NODE,	/* this node */
	OWNER_PEER,	/* a pod of another node */
};

/* Where a packet goes. */
struct way {
	enum owner owner;
	const struct endpoints_value *pod;  /* OWNER_POD */
	const struct ipcache_value *peer;   /* OWNER_PEER */
	__u32 mtu;	     /* bytes */
	enum leave leave;
	__u32 ifindex;	     /* of the device that LEAVE_... names */
	__u8 isolated;	     /* it goes into a pod that a policy selects */
};

/* What was read of the header behind that of IP. */
enum layer4 {
	L4_UNREAD,
	L4_OTHER,	/* nothing that is translated */
	L4_PORTS,	/* TCP, UDP, ICMP echo: `tuple` has the ports, unless `ports_unknown` */
	L4_ERROR,	/* an ICMP error; `inner`, where it is about a packet that may be translated */
};

/* The ICMP error that the sender of a dropped packet gets, in one number; 0: none. `mtu`: bytes, 0 where
 * that is not the matter. */
#define ICMP_CAUSE(type, code, mtu) ((__u32)(type) << 24 | (__u32)(code) << 16 | (__u16)(mtu))

struct packet {
	struct __sk_buff *skb;
	enum hook hook;
	/* Addresses, protocol and ports as they came in; of an ICMP error about a flow, those of what
	 * would answer the packet that it quotes. Apart from the rest, as is the next: helpers get its
	 * address, and what lies beside it the compiler would load anew after each call. */
	struct nat_key *tuple;
	struct bpf_redir_neigh *neighbor; /* LEAVE_NEIGHBOR */
	const struct config_value *config; /* 0 before it was asked for */
	const struct service_state_value *state; /* 0 before it was asked for, and where there is no service */
	struct ethhdr *eth;		   /* until a helper moves the packet; see packet_point */
	__u32 l4;			   /* offset of the header behind that of IP, bytes */
	__u32 inner;			   /* offset of the IP header that an ICMP error quotes; else 0 */
	enum layer4 layer4;
	__u16 fragment;			   /* FRAGMENT_...; 0: all of a datagram */
	__u8 ports_unknown;		   /* of a fragment whose first one was not seen */
	__u8 hop_limit;
	__u8 tcp_flags;			   /* 0 in a fragment but the first */
	__u8 echo_reply;		   /* the same; where the identifier is 0, ports do not tell */
	__u8 isolated;			   /* a policy selects the pod that sent it */
	struct nat_value *flow;		   /* as it is to go on: with the addresses and ports of this entry */
	__u32 icmp;			   /* ICMP_CAUSE(...) */
	__u32 policy_set;		   /* number of the set of policies by which it is denied; else 0 */
	__u32 egress, ingress;		   /* rule or set by which its ends judged it; 0 for none */
	__u8 judged;			   /* EVENT_JUDGED_... */
	__u8 described;			   /* its ends are in event_scratch already */
	struct way way;
};

/* Begin a walk. Every field has a value from here on: what the compiler takes to be undefined, one of its
 * versions stores all the same, and the verifier refuses that. */
static __always_inline void packet_begin(struct packet *p, struct __sk_buff *skb, enum hook hook,
					 struct nat_key *tuple, struct bpf_redir_neigh *neighbor)
{
	*p = (struct packet){ .skb = skb, .hook = hook, .tuple = tuple, .neighbor = neighbor };
}

static __always_inline int mac_equal(const __u8 *a, const __u8 *b)
{
	return *(__u32 *)a == *(__u32 *)b && *(__u16 *)(a + 4) == *(__u16 *)(b + 4);
}

static __always_inline void mac_copy(__u8 *to, const __u8 *from)
{
	*(__u16 *)to = *(__u16 *)from;
	*(__u16 *)(to + 2) = *(__u16 *)(from + 2);
	*(__u16 *)(to + 4) = *(__u16 *)(from + 4);
}

/* Note that no address of the packet is to be changed any more: between pods, or translated. It may
 * pass more programs, also within other headers. */
static __always_inline void packet_skip_snat(const struct packet *p)
{
	if (MASQUERADES)
		p->skb->tc_index = PACKET_SNAT_DONE;
}

/* A pod is not to say so. */
static __always_inline void packet_allow_snat(const struct packet *p)
{
	if (MASQUERADES)
		p->skb->tc_index = 0;
}

static __always_inline int packet_skips_snat(const struct packet *p)
{
	return MASQUERADES && p->skb->tc_index == PACKET_SNAT_DONE;
}

/* Say whether a pod of this node sent the packet. */
static __always_inline int packet_is_from_pod(const struct packet *p)
{
	return p->hook == HOOK_FROM_CONTAINER || p->hook == HOOK_GUARD;
}

/* Say whether the network sent the packet, where anybody may have made it up. */
static __always_inline int packet_is_from_network(const struct packet *p)
{
	return p->hook == HOOK_FROM_NETDEV || p->hook == HOOK_NODEPORT || p->hook == HOOK_FROM_OVERLAY;
}

/* Say whether it is a fragment but the first, which has no header behind that of IP. */
static __always_inline int packet_is_later_fragment(const struct packet *p)
{
	return p->fragment & FRAGMENT_OFFSET;
}

/* Make the first `len` bytes readable; they mostly are, and then this costs one comparison. */
static __always_inline void *packet_reach(struct __sk_buff *skb, __u32 len)
{
	OPAQUE(skb); /* or clang adds up an offset in it for several reads, which the verifier refuses */
	if (UNLIKELY((void *)(long)skb->data + len > (void *)(long)skb->data_end))
		if (pull_data(skb, len))
			return 0;
	if ((void *)(long)skb->data + len > (void *)(long)skb->data_end)
		return 0;
	return (void *)(long)skb->data;
}

/* Bytes of the largest layer-3 packet that this becomes on a wire: a segment, where the kernel
 * carries many as one. */
static __always_inline __u32 packet_wire_length(const struct packet *p)
{
	const __u8 *l4 = (const __u8 *)p->eth + p->l4;
	__u32 l4_header = 8; /* UDP */

	if (LIKELY(!p->skb->gso_size))
		return p->skb->len - sizeof(struct ethhdr);
	if (p->tuple->protocol == IP_PROTOCOL_TCP) {
		if ((const void *)(l4 + 20) > (const void *)(long)p->skb->data_end)
			return 0; /* cannot be: a GSO packet has its headers in front */
		l4_header = (l4[12] >> 4) * 4;
	}
	return p->l4 - sizeof(struct ethhdr) + l4_header + p->skb->gso_size;
}
