/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Made by `make header` from plugins/module_utils/datapath: change it there. */
#pragma once

#include "bpf.h"

/* IPv4 a.b.c.d is ::ffff:a.b.c.d: one path for both families. */
struct address {
	union {
		__u8 bytes[16];
		__u32 words[4];
	};
};

/* endpoints: address of a pod of this node, or of the node itself: where its packets go. */
struct endpoints_key {
	struct address address; /* the endpoint's address */
};
_Static_assert(sizeof(struct endpoints_key) == 16, "endpoints_key: 16 bytes, no hidden padding");
struct endpoints_value {
	__u32 ifindex; /* host-side device; 0 for the node itself */
	__u8 mac[6]; /* the pod's own device */
	__u8 gateway_mac[6]; /* what the pod takes for its gateway */
	__u16 mtu; /* largest packet that the pod's device takes, bytes */
	__u16 flags; /* ENDPOINT_HOST: the node itself */
};
_Static_assert(sizeof(struct endpoints_value) == 20, "endpoints_value: 20 bytes, no hidden padding");

/* ipcache: pod CIDR: the node that holds it. */
struct ipcache_key {
	__u32 prefixlen; /* bits of the prefix, 96 more than IPv4 has */
	struct address address; /* first address */
};
_Static_assert(sizeof(struct ipcache_key) == 20, "ipcache_key: 20 bytes, no hidden padding");
struct ipcache_value {
	struct address node; /* the node's address */
	__u32 flags; /* IPCACHE_DIRECT: a neighbor on this node's device; or IPCACHE_TUNNEL */
	struct address tunnel_endpoint; /* where the tunnel to its pods ends; :: without one */
	__u8 vtep_mac[6]; /* MAC address of the node's end of the tunnel */
	__u16 reserved; /* 0 until it has a use */
};
_Static_assert(sizeof(struct ipcache_value) == 44, "ipcache_value: 44 bytes, no hidden padding");

/* config: what the programs know of their node; one entry. */
struct config_key {
	__u32 zero; /* always 0 */
};
_Static_assert(sizeof(struct config_key) == 4, "config_key: 4 bytes, no hidden padding");
struct config_value {
	struct address pod_cidr; /* first address of the node's pod CIDR */
	struct address pod_cidr_mask; /* its mask: an address is inside where (address & mask) is the first */
	__u32 gateway_ifindex; /* pn_host: the door between pods and the node's stack */
	__u8 gateway_mac[6]; /* its MAC address */
	__u16 reserved; /* 0 */
	__u32 netdev_ifindex; /* the node's device */
	__u32 netdev_mtu; /* its MTU, bytes */
	struct address vtep; /* the node's own tunnel endpoint; :: without an overlay */
	__u32 overlay_ifindex; /* pn_vxlan; 0 without an overlay */
	__u32 overlay_mtu; /* its MTU, bytes */
	__u32 vni; /* the VXLAN network identifier of the overlay */
};
_Static_assert(sizeof(struct config_value) == 80, "config_value: 80 bytes, no hidden padding");

/* metrics: packets and bytes by hook and verdict; the index is hook * VERDICTS + verdict. */
struct metrics_key {
	__u32 index; /* hook * VERDICTS + verdict */
};
_Static_assert(sizeof(struct metrics_key) == 4, "metrics_key: 4 bytes, no hidden padding");
struct metrics_value {
	__u64 packets; /* packets */
	__u64 bytes; /* their bytes, layer 2 included */
};
_Static_assert(sizeof(struct metrics_value) == 16, "metrics_value: 16 bytes, no hidden padding");

/* allocations: endpoint of this node: its address. No program reads it: by it a plan knows who holds which address, even when a device was lost. */
struct allocations_key {
	char name[256]; /* the endpoint's name, zero bytes after it */
};
_Static_assert(sizeof(struct allocations_key) == 256, "allocations_key: 256 bytes, no hidden padding");
struct allocations_value {
	struct address address; /* the endpoint's address */
};
_Static_assert(sizeof(struct allocations_value) == 16, "allocations_value: 16 bytes, no hidden padding");

#define ENDPOINT_HOST 1
#define IPCACHE_DIRECT 1
#define IPCACHE_TUNNEL 2
#define VERDICTS 64

enum verdict {
	VERDICT_TO_ENDPOINT = 0, /* delivered into a pod of this node */
	VERDICT_TO_NETWORK = 1, /* sent out of the node's device */
	VERDICT_TO_STACK = 2, /* given to the node's own stack */
	VERDICT_ARP_REPLY = 3, /* ARP answered */
	VERDICT_TO_OVERLAY = 4, /* sent through the tunnel */
	VERDICT_UNSUPPORTED_L3 = 16, /* neither IPv4 nor ARP */
	VERDICT_MALFORMED = 17, /* shorter than its headers say, or headers that contradict each other */
	VERDICT_SPOOFED_SOURCE = 18, /* a source address or MAC that is not the pod's own */
	VERDICT_UNANSWERED_ARP = 19, /* ARP that is no request, or one for the pod's own address */
	VERDICT_NO_ENDPOINT = 20, /* an address of the pods' that no pod has */
	VERDICT_BLACKHOLE_ROUTE = 21, /* the node's routing table says blackhole */
	VERDICT_FIB_FAILED = 22, /* the node's routing table gave no usable answer */
	VERDICT_NOT_CONFIGURED = 23, /* the program runs, the node's configuration is not there yet */
	VERDICT_UNKNOWN_VNI = 24, /* from the tunnel, with a network identifier that is not the overlay's */
	VERDICT_FOREIGN_TUNNEL_ENDPOINT = 25, /* a pod's address as source, from a tunnel endpoint that is not its node's */
};

enum hook {
	HOOK_FROM_CONTAINER = 0, /* what a pod sends: at its host-side device */
	HOOK_FROM_NETDEV = 1, /* what the network sends: at the node's device */
	HOOK_FROM_HOST = 2, /* what the node sends to pods: at pn_host */
	HOOK_FROM_OVERLAY = 3, /* what the tunnel brings: at pn_vxlan */
	HOOK_GUARD = 4, /* what a pod sends, where no eBPF carries it on */
};
