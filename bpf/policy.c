/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The stage of policies: other programs end here with a packet of, or for, a pod that a policy selects. What
 * they know of it is in `policy_scratch`; it is counted as theirs. */
#include "lib/finish.h"
#include "lib/judge.h"

/* An ICMP error is judged as an answer to the packet that it quotes. */
static __always_inline enum verdict read_more(struct packet *p)
{
	struct ports ports;

	if (p->layer4 == L4_ERROR && !p->inner && !p->fragment)
		return l4_read_inner(p);
	if (p->layer4 == L4_PORTS && p->ports_unknown)
		return VERDICT_UNKNOWN_FRAGMENT;
	if (LIKELY(p->tuple->protocol != IP_PROTOCOL_SCTP))
		return VERDICT_NONE;
	if (packet_is_later_fragment(p))
		return VERDICT_UNKNOWN_FRAGMENT;
	if (load_bytes(p->skb, p->l4, &ports, sizeof(ports)))
		return VERDICT_MALFORMED;
	p->tuple->source_port = ports.source;
	p->tuple->destination_port = ports.destination;
	return VERDICT_NONE;
}

/* The packet between its two ends as they are; what the program before has not read is not translated. */
static __always_inline enum verdict read(struct packet *p, const struct policy_scratch_value *stage)
{
	enum verdict verdict = packet_read(p);

	if (verdict != VERDICT_NONE)
		return verdict;
	if (stage->layer4 == L4_UNREAD) {
		verdict = l4_read(p);
	} else {
		*p->tuple = *(const struct nat_key *)stage;
		p->layer4 = stage->layer4;
		p->inner = stage->inner;
		p->ports_unknown = stage->ports_unknown;
		p->tcp_flags = stage->tcp_flags;
		p->echo_reply = stage->echo_reply;
	}
	return verdict == VERDICT_NONE ? read_more(p) : verdict;
}

static __always_inline enum verdict walk(struct packet *p, const struct policy_scratch_value *stage)
{
	enum verdict verdict = read(p, stage);

	if (verdict != VERDICT_NONE)
		return verdict;
	if (address_equal(&p->tuple->source, &p->tuple->destination)) /* a pod reaches itself */
		return VERDICT_NONE;
	nat_forget(p);
	if (stage->egress)
		verdict = judge(p, p->tuple, POLICY_EGRESS);
	if (verdict == VERDICT_NONE && stage->ingress)
		verdict = judge(p, p->tuple, POLICY_INGRESS);
	return verdict;
}

int policy(struct __sk_buff *skb)
{
	const __u32 zero = 0;
	struct policy_scratch_value *stage = map_lookup(MAP(policy_scratch), &zero);
	struct nat_key tuple = {};
	struct packet packet;
	enum verdict verdict;

	if (!stage)
		return TC_ACT_SHOT;
	packet_begin(&packet, skb, stage->hook, &tuple, (struct bpf_redir_neigh *)stage->neighbor);
	packet.way.leave = stage->leave;
	packet.way.ifindex = stage->ifindex;
	packet.way.isolated = stage->ingress;
	packet.described = stage->described;
	verdict = walk(&packet, stage);
	return finish(&packet, verdict == VERDICT_NONE ? (enum verdict)stage->verdict : verdict);
}
