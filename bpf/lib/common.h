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
#define NAT_IDLE_FLOWS 3584
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
#define DROP_PLACES 64
#define DROP_BUDGETS 256
#define DROP_BUDGET 256
#define DROP_WINDOW_BITS 8
#define DROP_HEAD 96
#define EVENT_DROPPED 2
#define EVENT_TRANSLATED 4
#define EVENT_SOCKET 8
#define EVENT_JUDGED_EGRESS 3
#define EVENT_JUDGED_ALLOWED 1
#define EVENT_JUDGED_DENIED 2
#define EVENT_JUDGED_AUDITED 4
#define FLOW_PLACE_BITS 13
#define FLOW_IDLE_SECONDS 60
#define FLOW_SETTLED_PACKETS 8
#define FLOW_OPENING_PLACES 64
#define FLOW_MADE 0
#define FLOW_GIVEN_UP 1
#define FLOW_LOST_PACKETS 2
#define FLOW_LOST_BYTES 3
#define FLOW_NO_ROOM 4
#define FLOW_SEED 5
#define FLOW_TCP_SYN 8
#define FLOW_TCP_SYN_ACK 9
#define FLOW_TCP_FIN 10
#define FLOW_TCP_RST 11
#define FLOW_ICMP 256
