/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether the policies of a pod let a packet through.
 *
 * A rule lets through what begins a connection, and all that goes on in that direction: taking it away ends
 * what it had let through. A note (`nat`) says who began it: what comes back passes by that, and begins
 * nothing. */
#pragma once

#include "gc.h"
#include "node.h"

/* The other side's class; 0 where the pod's partition is not there, which lets nothing through. */
static __always_inline __be32 judge_class(const struct policy_pods_value *pod, const struct address *other)
{
	const struct policy_classes_key key = {
		.prefixlen = POLICY_CLASS_ALL_BITS,
		.partition = pod->partition,
		.address = *other,
	};
	const struct policy_classes_value *found = map_lookup(MAP(policy_classes), &key);

	return found ? found->peers : 0;
}

/* The rule of a set that lets the packet through; 0 where none does. */
static __always_inline __u32 judge_rule(__be32 set, __be32 peers, const struct nat_key *packet)
{
	const __u16 protocol = packet->protocol;
	struct policy_rules_key key = {
		.prefixlen = POLICY_RULE_ALL_BITS,
		.set = set,
		.peers = peers,
		.protocol = (__u8)protocol,
	};
	const struct policy_rules_value *found;

	if (!peers)
		return 0;
	if (protocol == IP_PROTOCOL_TCP || protocol == IP_PROTOCOL_UDP || protocol == IP_PROTOCOL_SCTP)
		key.port = packet->destination_port;
	found = map_lookup(MAP(policy_rules), &key);
	if (!found) {
		key.peers = 0; /* what is let through of all that have no entry of their own */
		found = map_lookup(MAP(policy_rules), &key);
	}
	return found ? found->rule : 0;
}

static __always_inline void judge_count(const struct packet *p, __u32 number, __u32 kind)
{
	const struct policy_counters_key key = { .number = number, .kind = kind };
	struct policy_counters_value *counter = map_lookup(MAP(policy_counters), &key);

	if (counter) {
		counter->packets++;
		counter->bytes += p->skb->len;
	}
}

/* Say whether the packet can be no answer: ICMP echo says so itself, and who asks for it has no other port. */
static __always_inline int judge_asks(const struct packet *p)
{
	if (p->tuple->protocol != IP_PROTOCOL_ICMP || p->inner)
		return l4_opens(p);
	return packet_is_later_fragment(p) ? !p->tuple->destination_port : !p->echo_reply;
}

/* Note what a packet says of its connection: see nat_note. `reply`: 1 where it answers. */
static __always_inline void judge_use(const struct packet *p, struct nat_value *note, __u32 way, __u32 reply)
{
	const __u16 ends = NAT_FIN | NAT_FIN_REPLY;
	const int closes = l4_closes(p);
	__u16 flags = note->flags;

	if (p->inner)
		return;
	if (p->tuple->protocol == IP_PROTOCOL_TCP) {
		if (way == POLICY_EGRESS)
			tcp_keep(p, note);
		else if (!tcp_is_expected(p, note->acked))
			return;
	}
	note->used = ktime_get_coarse_ns();
	if (reply && nat_is_answer(p, flags))
		flags |= NAT_ANSWERED;
	if (UNLIKELY(closes | (flags & NAT_CLOSING))) {
		if (closes & TCP_FIN)
			flags |= reply ? NAT_FIN_REPLY : NAT_FIN;
		if (tcp_gives_up(p))
			flags |= ends;
		if (closes & TCP_RST || (flags & ends) == ends)
			flags |= NAT_CLOSING;
		else if (way == POLICY_EGRESS)
			flags &= ~NAT_CLOSING;
	}
	if (flags != note->flags)
		note->flags = flags;
}

/* The key of the note by which the answer to a packet is known, or the packet itself as an answer. */
static __always_inline void judge_note_key(struct nat_key *note, const struct nat_key *key, __u32 way,
					    __u32 reply)
{
	if (reply) {
		*note = *key;
		note->reserved = (__u16)way;
	} else {
		nat_key_answer(note, key);
		note->reserved = (__u16)(way ^ POLICY_INGRESS ^ POLICY_EGRESS);
	}
}

/* The note of the packet's connection, as one that `answers` or as one that is answered; 0 where none is. */
static __always_inline struct nat_value *judge_find(const struct packet *p, const struct nat_key *key, __u32 way,
						    __u32 answers, struct nat_key *note)
{
	struct nat_value *known;

	if (answers && judge_asks(p))
		return 0;
	judge_note_key(note, key, way, answers);
	known = nat_lookup(note);
	return known && answers && nat_is_over(note, known) ? 0 : known;
}

/* Make it that what answers the packet passes. A pod has it on its account, whether it begins or is called by
 * another one; strangers have none, and share that of whom they call. */
static __always_inline enum verdict judge_note(const struct packet *p, const struct nat_key *answer,
						const struct address *own, const struct address *other,
						__u32 way)
{
	const int calls = way == POLICY_INGRESS;
	const int pod = calls && ipcache_lookup(other);
	const struct address *account = pod ? other : own;
	const __u64 now = ktime_get_coarse_ns();
	struct nat_value value = {
		.flags = calls && !pod ? NAT_POLICY | NAT_OUTSIDE : NAT_POLICY,
		.created = now,
		.used = now,
	};
	struct nat_scratch_value *flow = gc_begin(account, value.flags);

	if (!flow)
		return VERDICT_NAT_QUOTA;
	tcp_keep(p, &value);
	if (map_update(MAP(nat), answer, &value, BPF_NOEXIST))
		quota_give_back(flow); /* another CPU was first */
	else
		gc_made(flow, answer, &value);
	return VERDICT_NONE;
}

/* Say whether this node itself sends it: a node reaches its own pods. */
static __always_inline int judge_is_from_node(const struct packet *p, const struct nat_key *key)
{
	return (p->hook == HOOK_FROM_HOST || p->hook == HOOK_TO_CONTAINER) && node_is_own(&key->source);
}

/* Keep for who looks by what the packet was judged: a rule, or a set none of whose rules let it through. */
static __always_inline void judge_tell(struct packet *p, const __u32 way, __u32 number, __u8 judged)
{
	if (way == POLICY_EGRESS) {
		p->egress = number;
		p->judged = judged << EVENT_JUDGED_EGRESS; /* the first of the two */
	} else {
		p->ingress = number;
		p->judged = (p->judged & -(1 << EVENT_JUDGED_EGRESS)) | judged;
	}
}

/* Judge a packet at one of its ends: `way` is POLICY_EGRESS where that sends it, else POLICY_INGRESS. */
static __always_inline enum verdict judge(struct packet *p, const struct nat_key *key, const __u32 way)
{
	const struct address *own = way == POLICY_EGRESS ? &key->source : &key->destination;
	const struct address *other = way == POLICY_EGRESS ? &key->destination : &key->source;
	const struct policy_pods_value *pod = map_lookup(MAP(policy_pods), own);
	__u32 set, audit, back, rule, would, denied, unheard, answers;
	const __u32 unknown = p->skb->len;
	struct nat_value *known;
	struct nat_key note;
	__be32 peers;
	enum verdict noted;
	const __u32 tcp = key->protocol == IP_PROTOCOL_TCP;
	const enum verdict refused = way == POLICY_EGRESS ? VERDICT_EGRESS_DENIED : VERDICT_INGRESS_DENIED;

	if (!pod)
		return refused;
	set = way == POLICY_EGRESS ? pod->egress : pod->ingress;
	audit = way == POLICY_EGRESS ? pod->audit_egress : pod->audit_ingress;
	back = way == POLICY_EGRESS ? pod->ingress | pod->audit_ingress : pod->egress | pod->audit_egress;
	peers = judge_class(pod, other);
	FORGET(peers, unknown);
	rule = set ? judge_rule(set, peers, key) : 0;
	FORGET(rule, unknown);
	would = audit ? judge_rule(audit, peers, key) : 0;
	FORGET(would, unknown);
	denied = set && !rule;
	unheard = audit && !would;
	if (rule | would)
		judge_count(p, rule ? rule : would, POLICY_RULE);
	judge_tell(p, way, rule ? rule : would, EVENT_JUDGED_ALLOWED);
	if (way == POLICY_INGRESS && (denied | unheard) && judge_is_from_node(p, key))
		denied = unheard = 0;

	/* TCP says itself what begins. So a pod that is isolated in one direction alone has no notes of what comes by
	 * its rules, however many call it. */
	if (tcp && !back && !(denied | unheard))
		return VERDICT_NONE;
	/* Who began it is known by its note, whatever rules say of the other direction: else an answer that they
	 * let through would look like a beginning, and keep alive what it answers. */
	answers = denied | unheard | !(set | audit) | l4_answers(p);
	known = judge_find(p, key, way, answers, &note);
	if (!known && !(denied | unheard)) {
		answers ^= 1;
		known = judge_find(p, key, way, answers, &note);
	}
	if (known) {
		if (!answers && UNLIKELY(l4_opens(p) || nat_is_over(&note, known)))
			known->flags &= NAT_KINDS;
		judge_use(p, known, way, answers);
		return VERDICT_NONE;
	}
	if (unheard) {
		judge_count(p, NET32(audit), POLICY_AUDIT);
		judge_tell(p, way, NET32(audit), EVENT_JUDGED_AUDITED);
	}
	if (denied) {
		p->policy_set = NET32(set);
		judge_tell(p, way, p->policy_set, EVENT_JUDGED_DENIED);
		judge_count(p, p->policy_set, POLICY_SET);
		return refused;
	}
	if (p->inner || (tcp && !(set | audit) && !l4_opens(p)))
		return VERDICT_NONE;
	judge_note_key(&note, key, way, 0);
	noted = judge_note(p, &note, own, other, way);
	return pod->ingress | pod->egress ? noted : VERDICT_NONE; /* audit keeps nothing out */
}
