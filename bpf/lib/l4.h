/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TCP, UDP, ICMP echo, and what ICMP errors quote: ports, and where a connection stands. */
#pragma once

#include "fragment.h"

/* linux/tcp.h and linux/icmp.h bring more than what is wanted of them. */
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10
#define TCP_HEADER 20 /* bytes without options */
#define TCP_SEQUENCE 4 /* offset of the sequence number, bytes; of others: */
#define TCP_ACKNOWLEDGED 8
#define TCP_FLAGS 13
#define TCP_CHECK 16 /* offset of the checksum, bytes */
#define UDP_CHECK 6
#define ICMP_HEADER 8
#define ICMP_CHECK 2
#define ICMP_ECHO_ID 4
#define ICMP_ECHO_REPLY 0
#define ICMP_ECHO_REQUEST 8
#define ICMP_UNREACHABLE 3
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETER_PROBLEM 12

/* Who asks whether ICMP echo is of a flow, or answers one. */
#define L4_ECHO (MASQUERADES || POLICIES)

static __always_inline int icmp_is_error(__u8 type)
{
	return type == ICMP_UNREACHABLE || type == ICMP_TIME_EXCEEDED ||
	       type == ICMP_PARAMETER_PROBLEM;
}

static __always_inline int l4_is_echo(__u8 type)
{
	return type == ICMP_ECHO_REQUEST || type == ICMP_ECHO_REPLY;
}

/* The ports of ICMP echo: the identifier is that of who asks, who answers has port 0. */
static __always_inline struct ports l4_echo_ports(const __u8 *icmp)
{
	const __be16 id = *(const __be16 *)(icmp + ICMP_ECHO_ID);
	struct ports ports = { 0, id };

	if (icmp[0] == ICMP_ECHO_REQUEST)
		ports = (struct ports){ id, 0 };
	return ports;
}

static __always_inline int l4_is_known(__u16 protocol)
{
	return protocol == IP_PROTOCOL_TCP || protocol == IP_PROTOCOL_UDP ||
	       (L4_ECHO && protocol == IP_PROTOCOL_ICMP);
}

/* Point at `len` bytes of the header behind that of IP, and `eth` at the frame anew, since more of the
 * packet may have to be made readable; 0 where the packet is shorter. */
static __always_inline void *l4_reach(struct packet *p, __u32 len)
{
	struct __sk_buff *skb = p->skb;
	void *header = (void *)(long)skb->data + p->l4;

	if (UNLIKELY(header + len > (void *)(long)skb->data_end))
		if (pull_data(skb, p->l4 + len))
			return 0;
	if (!packet_point(p))
		return 0;
	header = (void *)(long)skb->data + p->l4;
	return header + len > (void *)(long)skb->data_end ? 0 : header;
}

/* Read what an ICMP error quotes. Where that may be about a flow, `tuple` is turned into the flow of
 * which the error is a part, that which would answer the quoted packet, and `inner` says so. */
static __always_inline enum verdict l4_read_inner(struct packet *p)
{
	enum verdict verdict = packet_inner_read(p, p->l4 + ICMP_HEADER);
	__u8 header[8];
	struct ports ports;

	if (verdict != VERDICT_NONE || !p->inner)
		return verdict;
	if (!l4_is_known(p->tuple->protocol)) {
		p->tuple->protocol = 0; /* of no flow */
		return VERDICT_NONE;
	}
	if (load_bytes(p->skb, p->l4, header, sizeof(header)))
		return VERDICT_MALFORMED;
	__builtin_memcpy(&ports, header, sizeof(ports));
	if (L4_ECHO && p->tuple->protocol == IP_PROTOCOL_ICMP) {
		if (!l4_is_echo(header[0]))
			p->tuple->protocol = 0;
		ports = l4_echo_ports(header);
	}
	p->tuple->source_port = ports.destination;
	p->tuple->destination_port = ports.source;
	return VERDICT_NONE;
}

static __always_inline enum verdict l4_read_icmp(struct packet *p, const __u8 *header)
{
	struct ports ports;

	if (icmp_is_error(header[0])) {
		p->layer4 = L4_ERROR;
		return p->fragment ? VERDICT_NONE : l4_read_inner(p);
	}
	if (!L4_ECHO || !l4_is_echo(header[0]))
		return VERDICT_NONE;
	p->layer4 = L4_PORTS;
	p->echo_reply = header[0] == ICMP_ECHO_REPLY;
	ports = l4_echo_ports(header);
	p->tuple->source_port = ports.source;
	p->tuple->destination_port = ports.destination;
	return VERDICT_NONE;
}

/* Say whether the packet opens a connection. */
static __always_inline int l4_opens(const struct packet *p)
{
	return (p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

/* Say whether the packet answers one that opens a connection. */
static __always_inline int l4_answers(const struct packet *p)
{
	return (p->tcp_flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK);
}

/* Read the header behind that of IP, once; `layer4` says what it is. */
static __always_inline enum verdict l4_read(struct packet *p)
{
	const __u16 protocol = p->tuple->protocol;
	enum verdict verdict = VERDICT_NONE;
	const __u8 *header;

	if (p->layer4 != L4_UNREAD)
		return VERDICT_NONE;
	p->layer4 = L4_OTHER;
	if (protocol != IP_PROTOCOL_TCP && protocol != IP_PROTOCOL_UDP &&
	    protocol != IP_PROTOCOL_ICMP)
		return VERDICT_NONE;
	if (UNLIKELY(packet_is_later_fragment(p))) {
		if (l4_is_known(protocol)) {
			p->layer4 = L4_PORTS;
			fragment_find_ports(p);
		}
		return VERDICT_NONE;
	}
	if (protocol == IP_PROTOCOL_TCP) {
		header = l4_reach(p, TCP_HEADER);
		if (!header)
			return VERDICT_MALFORMED;
		p->tcp_flags = header[TCP_FLAGS];
	} else {
		header = l4_reach(p, 8);
		if (!header)
			return VERDICT_MALFORMED;
	}
	if (UNLIKELY(protocol == IP_PROTOCOL_ICMP)) {
		verdict = l4_read_icmp(p, header);
	} else {
		p->layer4 = L4_PORTS;
		p->tuple->source_port = ((const struct ports *)header)->source;
		p->tuple->destination_port = ((const struct ports *)header)->destination;
	}
	if (UNLIKELY(p->fragment) && p->layer4 == L4_PORTS)
		fragment_note(p);
	return verdict;
}

static __always_inline int l4_closes(const struct packet *p)
{
	return p->tcp_flags & (TCP_FIN | TCP_RST);
}

/* Bytes from the header to its checksum. */
static __always_inline __u32 l4_check(__u16 protocol)
{
	if (MASQUERADES && protocol == IP_PROTOCOL_ICMP)
		return ICMP_CHECK;
	return protocol == IP_PROTOCOL_TCP ? TCP_CHECK : UDP_CHECK;
}

/* Write ports, or the identifier of ICMP echo: the one of the two that is not 0. 0 where that cannot be. */
static __always_inline int l4_write_ports(const struct packet *p, struct ports ports)
{
	const __be16 id = ports.source | ports.destination;

	if (MASQUERADES && p->tuple->protocol == IP_PROTOCOL_ICMP)
		return !store_bytes(p->skb, p->l4 + ICMP_ECHO_ID, &id, sizeof(id), 0);
	return !store_bytes(p->skb, p->l4, &ports, sizeof(ports), 0);
}
