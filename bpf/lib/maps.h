/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Made by `make header` from plugins/module_utils/datapath: change it there. */
#pragma once

#include "common.h"

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
	__u16 flags; /* ENDPOINT_HOST: the node itself; ENDPOINT_CALLS, ...: a pod */
	__u32 netns; /* 1 more than the node's number for its namespace; 0: not known */
};
_Static_assert(sizeof(struct endpoints_value) == 24, "endpoints_value: 24 bytes, no hidden padding");

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

/* config: what the programs know of their node, for packets of each family. */
struct config_key {
	__u32 family; /* FAMILY_IPV4 or FAMILY_IPV6 */
};
_Static_assert(sizeof(struct config_key) == 4, "config_key: 4 bytes, no hidden padding");
struct config_value {
	struct address pod_cidr; /* first address of the node's pod CIDR */
	struct address pod_cidr_mask; /* its mask: an address is inside where (address & mask) is the first */
	__u32 gateway_ifindex; /* pn_host: the door between pods and the node's stack */
	__u8 gateway_mac[6]; /* its MAC address */
	__be16 tunnel_port; /* UDP port of the overlay; 0 without one */
	__u32 netdev_ifindex; /* the node's device */
	__u32 netdev_mtu; /* its MTU, bytes */
	struct address vtep; /* the node's own tunnel endpoint; :: without an overlay */
	__u32 overlay_ifindex; /* pn_vxlan; 0 without an overlay */
	__u32 overlay_mtu; /* its MTU, bytes */
	__u32 vni; /* the VXLAN network identifier of the overlay */
	struct address node_ip; /* the node's own address */
	struct address gateway_ip; /* the address that its pods have for a gateway */
};
_Static_assert(sizeof(struct config_value) == 112, "config_value: 112 bytes, no hidden padding");

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

/* node_addresses: address of a node of the cluster. */
struct node_addresses_key {
	struct address address; /* the address */
};
_Static_assert(sizeof(struct node_addresses_key) == 16, "node_addresses_key: 16 bytes, no hidden padding");
struct node_addresses_value {
	__u32 flags; /* NODE_LOCAL: one of this very node */
	struct address node; /* the address by which the node is known */
};
_Static_assert(sizeof(struct node_addresses_value) == 20, "node_addresses_value: 20 bytes, no hidden padding");
