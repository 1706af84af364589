/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A packet as aggregated flows have it: its real ends, whose it is, and which end is the server. */
#pragma once

#include "event.h"
#include "node.h"
#include "tcp.h"

#define FLOW_FLAGS (TCP_SYN | TCP_FIN | TCP_RST) /* what has them is always counted */

/* An address, in two registers. */
struct flow_end {
	__u64 high, low;
};

_Static_assert(__builtin_offsetof(struct flows_value, packets) == 40 &&
		       __builtin_offsetof(struct flows_value, account) == 36,
	       "a value of flows begins with two addresses and a word");

/* A packet as flows have it. */
struct flow_seen {
	struct __sk_buff *skb;
	struct flow_end client, server;
	__u32 account;
	__u32 l4; /* see struct packet */
	__u32 weight; /* for how many packets it stands */
	__u16 protocol;
	__be16 client_port, server_port;
	__u8 tcp_flags;
	__u8 back;  /* the server sends it */
	__u8 known; /* that is no guess */
};

static __always_inline void flow_tally(__u32 index, __u64 count)
{
	struct flow_counts_value *counts = map_lookup(MAP(flow_counts), &index);

	if (counts)
		counts->count += count;
}

/* Read a few bytes behind the header of IP; 0 where the packet is shorter. */
static __always_inline int flow_read(const struct flow_seen *seen, __u32 offset, void *to, __u32 len)
{
	return !load_bytes(seen->skb, seen->l4 + offset, to, len);
}

static __always_inline int flow_has_ports(__u16 protocol)
{
	return protocol == IP_PROTOCOL_TCP || protocol == IP_PROTOCOL_UDP || protocol == IP_PROTOCOL_SCTP ||
	       protocol == IP_PROTOCOL_UDPLITE;
}

/* Read the ports where the program before had no need to, and the flags of TCP. */
static __always_inline void flow_read_ports(struct flow_seen *seen)
{
	const __u8 *header = (const __u8 *)(long)seen->skb->data + seen->l4;
	struct ports ports = {};

	if (LIKELY(header + TCP_FLAGS < (const __u8 *)(long)seen->skb->data_end)) {
		ports = *(const struct ports *)header;
		seen->tcp_flags = header[TCP_FLAGS];
	} else if (header + sizeof(ports) <= (const __u8 *)(long)seen->skb->data_end) {
		ports = *(const struct ports *)header;
	} else {
		flow_read(seen, 0, &ports, sizeof(ports));
	}
	if (seen->client_port | seen->server_port)
		return;
	seen->client_port = ports.source;
	seen->server_port = ports.destination;
}

/* Take the other end for the server. */
static __always_inline void flow_turn(struct flow_seen *seen)
{
	const struct flow_end client = seen->client;
	const __be16 port = seen->client_port;

	seen->client = seen->server;
	seen->client_port = seen->server_port;
	seen->server = client;
	seen->server_port = port;
	seen->back ^= 1;
}

/* Of ICMP the type tells. An error is about a flow, and none: 0. */
static __always_inline int flow_see_icmp(struct flow_seen *seen)
{
	__u8 type = 0;

	if (!flow_read(seen, 0, &type, 1))
		return 0;
	flow_tally(FLOW_ICMP + type, seen->weight);
	seen->known = l4_is_echo(type);
	if (type == ICMP_ECHO_REPLY)
		flow_turn(seen);
	return !icmp_is_error(type);
}

/* Whose flow it is: the device of the pod that sends, else of the pod that gets the packet; 0: none's, or counted
 * elsewhere on this node, as what its own pods send is. */
static __always_inline __u32 flow_account(struct packet *p, const struct event_scratch_value *from)
{
	if (from->hook == HOOK_FROM_CONTAINER || from->hook == HOOK_GUARD)
		return from->ifindex;
	if (from->verdict != VERDICT_TO_ENDPOINT && from->verdict != VERDICT_INGRESS_DENIED)
		return 0;
	if (from->hook == HOOK_FROM_HOST || from->hook == HOOK_TO_CONTAINER)
		if (node_configured(p) != VERDICT_NONE || node_holds(p->config, &from->source))
			return 0;
	return from->hook == HOOK_TO_CONTAINER ? from->ifindex : from->towards;
}

static __always_inline int flow_is_denied(__u8 verdict)
{
	return verdict == VERDICT_INGRESS_DENIED || verdict == VERDICT_EGRESS_DENIED;
}

/* Say which end is the server: of TCP the one that is asked to open; else the smaller port tells. */
static __always_inline void flow_sides(struct flow_seen *seen)
{
	if (UNLIKELY(seen->tcp_flags & TCP_SYN)) {
		seen->known = 1;
		if (seen->tcp_flags & TCP_ACK)
			flow_turn(seen);
	} else if (NET16(seen->client_port) < NET16(seen->server_port)) {
		flow_turn(seen);
	}
}

/* Say whether the packet is one of those that others are counted for: any but what begins or ends a connection. By
 * a row of numbers of the CPU's own, since the kernel's costs a call (Knuth, MMIX). */
static __always_inline int flow_leaves_out(const struct packet *p, struct flow_seen *seen)
{
	const __u32 zero = 0, index = FLOW_SEED;
	const struct flow_sample_value *sample = map_lookup(MAP(flow_sample), &zero);
	struct flow_counts_value *seed;
	const __u8 *flags;

	seen->weight = 1;
	if (LIKELY(!sample || sample->weight < 2))
		return 0;
	seen->weight = sample->weight;
	seed = map_lookup(MAP(flow_counts), &index);
	if (!seed)
		return 0;
	seed->count = seed->count * 6364136223846793005ULL + 1442695040888963407ULL;
	if (seed->count >> 32 <= sample->most)
		return 0;
	flags = (const __u8 *)(long)p->skb->data + p->l4 + TCP_FLAGS;
	return p->tuple->protocol != IP_PROTOCOL_TCP || packet_is_later_fragment(p) ||
	       (flags + 1 <= (const __u8 *)(long)p->skb->data_end && !(*flags & FLOW_FLAGS));
}

/* Read what is to be counted; 0: nothing. Of what is dropped, that is what policies keep out: nothing else has ends
 * that are proven, and a way. */
static __always_inline int flow_see(struct packet *p, const struct event_scratch_value *from, struct flow_seen *seen)
{
	const int translated = from->kinds & EVENT_TRANSLATED;
	__u16 protocol;

	if (verdict_drops((enum verdict)from->verdict) && !flow_is_denied(from->verdict))
		return 0;
	if (packet_read(p) != VERDICT_NONE)
		return 0;
	seen->account = flow_account(p, from);
	if (!seen->account || flow_leaves_out(p, seen))
		return 0;
	seen->skb = p->skb;
	seen->l4 = p->l4;
	seen->protocol = protocol = p->tuple->protocol;
	seen->client = *(const struct flow_end *)&from->source;
	seen->server = *(const struct flow_end *)&from->destination;
	if (UNLIKELY(translated))
		seen->server = *(const struct flow_end *)&from->to_destination;
	if (LIKELY(flow_has_ports(protocol))) {
		seen->client_port = from->source_port;
		seen->server_port = translated ? from->to_destination_port : from->destination_port;
		if (LIKELY(!packet_is_later_fragment(p)))
			flow_read_ports(seen);
		if (protocol != IP_PROTOCOL_TCP)
			seen->tcp_flags = 0;
		flow_sides(seen);
	} else if (protocol == IP_PROTOCOL_ICMP && !packet_is_later_fragment(p) && !flow_see_icmp(seen)) {
		return 0;
	}
	return 1;
}
