/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Made by `make header` from plugins/module_utils/datapath: change it there. */
#pragma once

enum verdict {
	VERDICT_NONE = -1, /* undecided, or left as it is */
	VERDICT_TO_ENDPOINT = 0, /* delivered into a pod of this node */
	VERDICT_TO_NETWORK = 1, /* sent out of the node's device */
	VERDICT_TO_STACK = 2, /* given to the node's own stack */
	VERDICT_ARP_REPLY = 3, /* ARP answered */
	VERDICT_TO_OVERLAY = 4, /* sent through the tunnel */
	VERDICT_MASQUERADED = 5, /* sent out of a device of the node with that device's address */
	VERDICT_UNSUPPORTED_L3 = 16, /* neither IPv4 nor ARP */
	VERDICT_MALFORMED = 17, /* shorter than its headers say, or headers that contradict each other */
	VERDICT_SPOOFED_SOURCE = 18, /* a source address or MAC that is not the sender's own */
	VERDICT_UNANSWERED_ARP = 19, /* ARP that is no request, or one for the pod's own address */
	VERDICT_NO_ENDPOINT = 20, /* an address of the pods' that no pod has */
	VERDICT_BLACKHOLE_ROUTE = 21, /* the node's routing table says blackhole */
	VERDICT_FIB_FAILED = 22, /* the node's routing table gave no usable answer */
	VERDICT_NOT_CONFIGURED = 23, /* the program runs, the node's configuration is not there yet */
	VERDICT_UNKNOWN_VNI = 24, /* from the tunnel, with a network identifier that is not the overlay's */
	VERDICT_FOREIGN_TUNNEL_ENDPOINT = 25, /* from the tunnel of no node, or of one whose address or pod's the source is not */
	VERDICT_NO_BACKEND = 26, /* for a service without backends; answered: port unreachable */
	VERDICT_NO_LOCAL_BACKEND = 27, /* for a service that takes backends of this node alone */
	VERDICT_UNKNOWN_SERVICE_PORT = 28, /* a service's address, and a port that it does not have */
	VERDICT_NOT_FROM_OUTSIDE = 29, /* from outside, for a service that is for the cluster alone */
	VERDICT_SOURCE_NOT_ALLOWED = 30, /* from outside the source ranges of a service */
	VERDICT_UNKNOWN_FRAGMENT = 31, /* a fragment whose first one, which says the ports, was not seen */
	VERDICT_NAT_EXHAUSTED = 32, /* every port that was tried for a translation was taken */
	VERDICT_TTL_EXCEEDED = 33, /* its last hop was this node; answered: time exceeded */
	VERDICT_TOO_BIG = 34, /* larger than the way on takes; answered: fragmentation needed */
	VERDICT_HOST_BACKEND = 35, /* for a backend whose replies would pass by no program */
	VERDICT_NAT_UNSUPPORTED = 36, /* to be masqueraded, and neither TCP, UDP nor ICMP echo */
	VERDICT_UNKNOWN_CONNECTION = 37, /* of a connection that nobody saw begin, or an answer to nothing */
	VERDICT_VLAN_TAGGED = 38, /* with a VLAN tag, which no frame of a pod has */
	VERDICT_ENCAPSULATION_PROHIBITED = 39, /* a pod's, or a service's, for the tunnel's port of a node */
	VERDICT_NAT_QUOTA = 40, /* to be translated, of a pod that has its share of flows already */
	VERDICT_INGRESS_DENIED = 41, /* for a pod that a policy isolates, and no rule lets it in */
	VERDICT_EGRESS_DENIED = 42, /* of a pod that a policy isolates, and no rule lets it out */
};

enum hook {
	HOOK_FROM_CONTAINER = 0, /* what a pod sends: at its host-side device */
	HOOK_FROM_NETDEV = 1, /* what the network sends: at the node's device */
	HOOK_FROM_HOST = 2, /* what the node sends to pods: at pn_host */
	HOOK_FROM_OVERLAY = 3, /* what the tunnel brings: at pn_vxlan */
	HOOK_GUARD = 4, /* what a pod sends, where no eBPF carries it on */
	HOOK_NODEPORT = 5, /* what the network sends, where no eBPF carries it on */
	HOOK_TO_NETDEV = 6, /* what the node sends: at its devices */
	HOOK_SOCKET = 7, /* what a process connects or sends to: at the node's cgroup */
	HOOK_TO_CONTAINER = 8, /* what the kernel gives a pod */
};
