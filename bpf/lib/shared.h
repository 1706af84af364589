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

#define FAMILY_IPV4 0
#define FAMILY_IPV6 1
#define ENDPOINT_CALLS 2
#define ENDPOINT_ISOLATED 4
#define IPCACHE_DIRECT 1
#define IPCACHE_TUNNEL 2
#define NODE_LOCAL 1
#define VERDICTS 64
#define SERVICE_NODE_PORT 2
#define SERVICE_EXTERNAL_IP 3
#define SERVICE_LOCAL_OUTSIDE 8
#define SERVICE_OUTSIDE 1
#define SERVICE_SOURCE_RANGES 2
#define SERVICE_MAGLEV 4
#define MAGLEV_POSITIONS 16381
#define NAT_REVERSE 1
#define NAT_CLOSING 2
#define NAT_MASQUERADE 4
#define NAT_INBOUND 8
#define NAT_HOST 16
#define NAT_FIN 32
#define NAT_ANSWERED 64
#define NAT_OUTSIDE 128
#define NAT_POLICY 256
#define NAT_FIN_REPLY 512
#define NAT_KINDS 408
#define NAT_MOST_FLOWS 57344
#define NAT_NODE_FLOWS 8192
#define MASQUERADE_NODES 1
#define NAT_FIRST_PORT 1024
#define NAT_CLOSED_SECONDS 10
#define NAT_TCP_SECONDS 21600
#define NAT_OTHER_SECONDS 60
#define NAT_WINDOW 65536
#define CALL_EXPECTED 1
#define CALL_ANSWERED 2
#define CALLS_OF_POD 256
#define POLICY_RULE 0
#define POLICY_SET 1
#define POLICY_AUDIT 2
#define POLICY_INGRESS 1
#define POLICY_EGRESS 2
#define POLICY_RULE_ALL_BITS 96
#define POLICY_CLASS_ALL_BITS 160

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

/* services: frontend of a service: its backends. With port and protocol 0: an address that services have, so that its other ports are known for what they are. */
struct services_key {
	struct address address; /* the service's address; :: for any address of the node's own */
	__be16 port; /* its port */
	__u8 protocol; /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 family; /* FAMILY_IPV4 or FAMILY_IPV6, of any address, too */
};
_Static_assert(sizeof(struct services_key) == 20, "services_key: 20 bytes, no hidden padding");
struct services_value {
	__u32 id; /* number of the frontend; 0 for an address alone */
	__u16 kind; /* SERVICE_CLUSTER_IP, ... */
	__u16 flags; /* SERVICE_OUTSIDE, ... */
	__u32 first; /* first slot of the backends for clients of the cluster */
	__u16 active; /* how many slots from there on take new connections */
	__u16 total; /* how many with those that only keep what they have */
	__u32 outside_first; /* first slot of the backends for clients from outside */
	__u16 outside_active; /* how many slots from there on take new connections */
	__u16 outside_total; /* how many with those that only keep what they have */
	__u32 affinity; /* seconds for which a client keeps its backend; 0: none */
};
_Static_assert(sizeof(struct services_value) == 28, "services_value: 28 bytes, no hidden padding");

/* backends: slot of a frontend's: a backend. */
struct backends_key {
	__u32 slot; /* number of the slot */
};
_Static_assert(sizeof(struct backends_key) == 4, "backends_key: 4 bytes, no hidden padding");
struct backends_value {
	struct address address; /* the backend's address */
	__be16 port; /* its port; 0 in a slot that nobody has used yet */
	__u16 reserved; /* 0 */
};
_Static_assert(sizeof(struct backends_value) == 20, "backends_value: 20 bytes, no hidden padding");

/* service_state: what programs ask before they look further; one entry. */
struct service_state_value {
	__u64 host_netns; /* cookie of the node's own network namespace */
	__u32 frontends; /* how many frontends there are */
	__u32 outside; /* how many of them are taken from outside */
	__u32 pod_flows; /* 1 where a version without nat_seen noted packets between pods */
	__u32 host_flows; /* 1 where it noted packets to the node's own processes */
	__u32 next_id; /* number of the next frontend */
	__u32 sweep; /* 1 until what is gone has been swept */
};
_Static_assert(sizeof(struct service_state_value) == 32, "service_state_value: 32 bytes, no hidden padding");

/* reverse_sockets: socket and the backend that it talks to: the service that it takes the backend for. */
struct reverse_sockets_key {
	__u64 cookie; /* the socket's cookie */
	struct address address; /* the backend's address */
	__be16 port; /* its port */
	__u16 protocol; /* IPPROTO_TCP or IPPROTO_UDP */
	__u32 reserved; /* 0 */
};
_Static_assert(sizeof(struct reverse_sockets_key) == 32, "reverse_sockets_key: 32 bytes, no hidden padding");
struct reverse_sockets_value {
	struct address address; /* the service's address */
	__be16 port; /* its port */
	__u16 reserved; /* 0 */
	__u32 id; /* number of the frontend */
};
_Static_assert(sizeof(struct reverse_sockets_value) == 24, "reverse_sockets_value: 24 bytes, no hidden padding");

/* affinity: client and frontend: the backend that it keeps. */
struct affinity_key {
	struct address client; /* the client's address; for sockets the cookie of their network namespace, and all ones */
	__u32 id; /* number of the frontend */
	__u32 reserved; /* 0 */
};
_Static_assert(sizeof(struct affinity_key) == 24, "affinity_key: 24 bytes, no hidden padding");
struct affinity_value {
	struct address address; /* the backend's address */
	__be16 port; /* its port */
	__u16 reserved; /* 0 */
	__u32 slot; /* the slot that the backend was in last */
	__u64 used; /* when it was last used, nanoseconds since boot (CLOCK_MONOTONIC) */
};
_Static_assert(sizeof(struct affinity_value) == 32, "affinity_value: 32 bytes, no hidden padding");

/* maglev: number of a frontend: its table of Maglev. */
struct maglev_key {
	__u32 id; /* number of the frontend */
};
_Static_assert(sizeof(struct maglev_key) == 4, "maglev_key: 4 bytes, no hidden padding");
struct maglev_value {
	__u16 positions[MAGLEV_POSITIONS]; /* for each hash: a position among the backends */
};
_Static_assert(sizeof(struct maglev_value) == 32762, "maglev_value: 32762 bytes, no hidden padding");

/* source_ranges: frontend and prefix of clients that it takes from outside. */
struct source_ranges_key {
	__u32 prefixlen; /* bits of id and prefix: 128 more than an IPv4 prefix has */
	__u32 id; /* number of the frontend */
	struct address address; /* first address of the prefix */
};
_Static_assert(sizeof(struct source_ranges_key) == 24, "source_ranges_key: 24 bytes, no hidden padding");
struct source_ranges_value {
	__u32 allowed; /* 1 */
};
_Static_assert(sizeof(struct source_ranges_value) == 4, "source_ranges_value: 4 bytes, no hidden padding");

/* nat: flow as a packet of it comes in: as it goes on. */
struct nat_key {
	struct address source; /* source address */
	struct address destination; /* destination address */
	__be16 source_port; /* source port */
	__be16 destination_port; /* destination port */
	__u16 protocol; /* IPPROTO_TCP, IPPROTO_UDP or IPPROTO_ICMP */
	__u16 reserved; /* 0; of a note of a policy POLICY_INGRESS or POLICY_EGRESS */
};
_Static_assert(sizeof(struct nat_key) == 40, "nat_key: 40 bytes, no hidden padding");
struct nat_value {
	struct address source; /* source address that it gets */
	struct address destination; /* destination address that it gets */
	__be16 source_port; /* source port that it gets */
	__be16 destination_port; /* destination port that it gets */
	__u16 flags; /* NAT_REVERSE, ... */
	__u16 reserved; /* 0 */
	__u32 id; /* number of the frontend; 0 where it is for no service */
	__u32 slot; /* slot of its backend when that was chosen */
	__u64 created; /* when it was made, nanoseconds since boot (CLOCK_MONOTONIC) */
	__u64 used; /* when a packet last used it, to about a second */
	__u32 acked; /* what this side acknowledged last, of TCP; in network order */
	__u32 unused; /* 0 */
};
_Static_assert(sizeof(struct nat_value) == 72, "nat_value: 72 bytes, no hidden padding");

/* nat_quota: account: the flows on it. A pod has one for those that it began, and one for each kind that strangers cause for it. */
struct nat_quota_key {
	struct address address; /* the pod, or the backend, or the device's where it is the node's */
	__u32 kind; /* those of NAT_KINDS that its flows have */
};
_Static_assert(sizeof(struct nat_quota_key) == 20, "nat_quota_key: 20 bytes, no hidden padding");
struct nat_quota_value {
	__u64 flows; /* those that are there, or over and not taken away yet */
	__u64 refused; /* those that were to begin, and did not for want of room */
};
_Static_assert(sizeof(struct nat_quota_value) == 16, "nat_quota_value: 16 bytes, no hidden padding");

/* nat_queue: flows in the order in which they are looked at, each once, with the account that it is on. A new one takes the first ones out, puts those that live behind the others, and itself. */
struct nat_queue_value {
	struct address source; /* source address */
	struct address destination; /* destination address */
	__be16 source_port; /* source port */
	__be16 destination_port; /* destination port */
	__u16 protocol; /* IPPROTO_TCP, IPPROTO_UDP or IPPROTO_ICMP */
	__u16 reserved; /* 0; of a note of a policy POLICY_INGRESS or POLICY_EGRESS */
	__u64 created; /* that of its entry: another flow may have its place */
	struct address address; /* the pod, or the backend, or the device's where it is the node's */
	__u32 kind; /* those of NAT_KINDS that its flows have */
	__u32 padding; /* 0 */
};
_Static_assert(sizeof(struct nat_queue_value) == 72, "nat_queue_value: 72 bytes, no hidden padding");

/* nat_scratch: an element of nat_queue, which does not fit on a program's stack. */
struct nat_scratch_value {
	struct address source; /* source address */
	struct address destination; /* destination address */
	__be16 source_port; /* source port */
	__be16 destination_port; /* destination port */
	__u16 protocol; /* IPPROTO_TCP, IPPROTO_UDP or IPPROTO_ICMP */
	__u16 reserved; /* 0; of a note of a policy POLICY_INGRESS or POLICY_EGRESS */
	__u64 created; /* that of its entry: another flow may have its place */
	struct address address; /* the pod, or the backend, or the device's where it is the node's */
	__u32 kind; /* those of NAT_KINDS that its flows have */
	__u32 padding; /* 0 */
};
_Static_assert(sizeof(struct nat_scratch_value) == 72, "nat_scratch_value: 72 bytes, no hidden padding");

/* nat_total: flows that are in nat_queue: 0 as programs counted, 1 those that runs put in or out. */
struct nat_total_key {
	__u32 by; /* 0 or 1 */
};
_Static_assert(sizeof(struct nat_total_key) == 4, "nat_total_key: 4 bytes, no hidden padding");
struct nat_total_value {
	__u64 flows; /* a number that may be below 0 */
};
_Static_assert(sizeof(struct nat_total_value) == 8, "nat_total_value: 8 bytes, no hidden padding");

/* nat_state: what programs note of translated flows; one entry. */
struct nat_state_value {
	__u32 reserved; /* of no use any more */
	__u32 host_ports; /* 1 once a flow of the node's own had to get another port */
};
_Static_assert(sizeof(struct nat_state_value) == 8, "nat_state_value: 8 bytes, no hidden padding");

/* nat_seen: which kinds of translated flows there are, so that no packet is looked up in vain. Programs note one after its entry is made; where nat is empty, a run forgets them. */
struct nat_seen_value {
	__u32 pod_flows; /* 1 once packets between pods were translated */
	__u32 host_flows; /* 1 once packets to the node's own processes were translated */
};
_Static_assert(sizeof(struct nat_seen_value) == 8, "nat_seen_value: 8 bytes, no hidden padding");

/* calls: place of a pod: who called it by its own address lately. Another call of the same pod may take the place; what the pod goes on answering gets an entry in nat. */
struct calls_key {
	struct address pod; /* the pod's address */
	__u32 place; /* made of all else, below CALLS_OF_POD */
};
_Static_assert(sizeof(struct calls_key) == 20, "calls_key: 20 bytes, no hidden padding");
struct calls_value {
	struct address address; /* who called */
	__be16 port; /* its port */
	__be16 pod_port; /* the pod's */
	__u16 protocol; /* IPPROTO_TCP, IPPROTO_UDP or IPPROTO_ICMP */
	__u16 flags; /* CALL_EXPECTED, ... */
	__u64 used; /* when it was last used, nanoseconds since boot (CLOCK_MONOTONIC) */
};
_Static_assert(sizeof(struct calls_value) == 32, "calls_value: 32 bytes, no hidden padding");

/* fragments: datagram that comes in fragments: the ports, which only the first one has. */
struct fragments_key {
	struct address source; /* source address */
	struct address destination; /* destination address */
	__be32 id; /* identification of the datagram, of which IPv4 has 16 bits */
	__u16 protocol; /* IPPROTO_TCP, IPPROTO_UDP or IPPROTO_ICMP */
	__u16 reserved; /* 0 */
};
_Static_assert(sizeof(struct fragments_key) == 40, "fragments_key: 40 bytes, no hidden padding");
struct fragments_value {
	__be16 source_port; /* source port */
	__be16 destination_port; /* destination port */
};
_Static_assert(sizeof(struct fragments_value) == 4, "fragments_value: 4 bytes, no hidden padding");

/* masquerade: device of the node that pods reach the outside by: the address that they get there. */
struct masquerade_key {
	__u32 ifindex; /* number of the device */
	__u32 family; /* FAMILY_IPV4 or FAMILY_IPV6: of the packets */
};
_Static_assert(sizeof(struct masquerade_key) == 8, "masquerade_key: 8 bytes, no hidden padding");
struct masquerade_value {
	struct address address; /* the device's address */
	__u32 flags; /* MASQUERADE_NODES */
};
_Static_assert(sizeof(struct masquerade_value) == 20, "masquerade_value: 20 bytes, no hidden padding");

/* non_masquerade: prefix that pods reach with their own addresses. */
struct non_masquerade_key {
	__u32 prefixlen; /* bits of the prefix, 96 more than IPv4 has */
	struct address address; /* first address */
};
_Static_assert(sizeof(struct non_masquerade_key) == 20, "non_masquerade_key: 20 bytes, no hidden padding");
struct non_masquerade_value {
	__u32 why; /* NON_MASQUERADE_PODS, ... */
};
_Static_assert(sizeof(struct non_masquerade_value) == 4, "non_masquerade_value: 4 bytes, no hidden padding");

/* policy_stage: the program that judges packets by policies; one entry. */
struct policy_stage_value {
	__u32 program; /* number of the program */
};
_Static_assert(sizeof(struct policy_stage_value) == 4, "policy_stage_value: 4 bytes, no hidden padding");

/* policy_scratch: what a program knows of a packet that it hands over to policy_stage. */
struct policy_scratch_value {
	struct address source; /* source address */
	struct address destination; /* destination address */
	__be16 source_port; /* source port */
	__be16 destination_port; /* destination port */
	__u16 protocol; /* IPPROTO_TCP, IPPROTO_UDP or IPPROTO_ICMP */
	__u16 reserved; /* 0; of a note of a policy POLICY_INGRESS or POLICY_EGRESS */
	__u32 hook; /* the program's */
	__u32 verdict; /* what becomes of the packet if it gets through */
	__u32 leave; /* how it leaves then */
	__u32 ifindex; /* by which device */
	__u8 neighbor[20]; /* to which neighbor: struct bpf_redir_neigh */
	__u32 inner; /* offset of the IP header that an ICMP error quotes; else 0 */
	__u8 layer4; /* what was read of the header behind that of IP */
	__u8 ports_unknown; /* 1: of a fragment whose first one was not seen */
	__u8 tcp_flags; /* flags of TCP */
	__u8 echo_reply; /* 1: an ICMP echo reply */
	__u8 egress; /* 1: of a pod that a policy selects */
	__u8 ingress; /* 1: for one */
	__u16 padding; /* 0 */
};
_Static_assert(sizeof(struct policy_scratch_value) == 88, "policy_scratch_value: 88 bytes, no hidden padding");

/* policy_pods: pod of this node that a policy selects: the sets of rules that it has, each 0 where it is not isolated. A pod with ENDPOINT_ISOLATED that is not here gets and sends nothing. */
struct policy_pods_key {
	struct address address; /* the pod's address */
};
_Static_assert(sizeof(struct policy_pods_key) == 16, "policy_pods_key: 16 bytes, no hidden padding");
struct policy_pods_value {
	__be32 partition; /* the partition of all addresses into classes */
	__be32 ingress; /* what it may get */
	__be32 egress; /* what it may send */
	__be32 audit_ingress; /* what it might get if audited policies counted */
	__be32 audit_egress; /* what it might send if audited policies counted */
};
_Static_assert(sizeof(struct policy_pods_value) == 20, "policy_pods_value: 20 bytes, no hidden padding");

/* policy_classes: prefix of addresses: the class that no rule tells apart. */
struct policy_classes_key {
	__u32 prefixlen; /* bits of partition and prefix: 128 more than IPv4 has */
	__be32 partition; /* the partition */
	struct address address; /* first address of the prefix */
};
_Static_assert(sizeof(struct policy_classes_key) == 24, "policy_classes_key: 24 bytes, no hidden padding");
struct policy_classes_value {
	__be32 peers; /* number of the class */
};
_Static_assert(sizeof(struct policy_classes_value) == 4, "policy_classes_value: 4 bytes, no hidden padding");

/* policy_rules: what a set lets through: the rule. */
struct policy_rules_key {
	__u32 prefixlen; /* bits of what follows: a prefix ends where its rule stops to care */
	__be32 set; /* the set */
	__be32 peers; /* class of the other side; 0: any that has no entry of its own */
	__u8 protocol; /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP or any other */
	__u8 reserved; /* 0 */
	__be16 port; /* port of the destination; 0 where there is none */
};
_Static_assert(sizeof(struct policy_rules_key) == 16, "policy_rules_key: 16 bytes, no hidden padding");
struct policy_rules_value {
	__u32 rule; /* number of the rule; 0: this does not pass */
};
_Static_assert(sizeof(struct policy_rules_value) == 4, "policy_rules_value: 4 bytes, no hidden padding");

/* policy_counters: rule or set: what was counted of it, for those that are here. */
struct policy_counters_key {
	__u32 number; /* of the rule or the set */
	__u32 kind; /* POLICY_RULE, ... */
};
_Static_assert(sizeof(struct policy_counters_key) == 8, "policy_counters_key: 8 bytes, no hidden padding");
struct policy_counters_value {
	__u64 packets; /* packets */
	__u64 bytes; /* their bytes, layer 2 included */
};
_Static_assert(sizeof(struct policy_counters_value) == 16, "policy_counters_value: 16 bytes, no hidden padding");
