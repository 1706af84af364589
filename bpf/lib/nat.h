/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Flows that are translated, in pairs: one entry for each direction. */
#pragma once

#include "tcp.h"
#include "translate.h"

#define NAT_REFRESH_NSEC 1000000000LL
/* After this a flow that no packet has used is over: closed, of TCP that was answered, any other. */
#define NAT_CLOSED_NSEC (NAT_CLOSED_SECONDS * 1000000000LL)
#define NAT_TCP_NSEC (NAT_TCP_SECONDS * 1000000000LL)
#define NAT_OTHER_NSEC (NAT_OTHER_SECONDS * 1000000000LL)

/* The key of what answers, if nothing is translated. */
static __always_inline void nat_key_answer(struct nat_key *answer, const struct nat_key *key)
{
	answer->source = key->destination;
	answer->destination = key->source;
	answer->source_port = key->destination_port;
	answer->destination_port = key->source_port;
	answer->protocol = key->protocol;
}

/* What comes next is the same for every protocol: without this the verifier walks it for each. */
static __always_inline void nat_forget(struct packet *p)
{
	const __u32 unknown = p->skb->len;

	FORGET(p->tuple->protocol, (__u16)unknown);
	FORGET(p->tcp_flags, (__u8)unknown);
}

static __always_inline struct nat_value *nat_lookup(const struct nat_key *key)
{
	return map_lookup(MAP(nat), key);
}

/* How an answer to what goes on as `to` comes in. */
static __always_inline void nat_key_back(struct nat_key *back, const struct nat_key *key,
					 const struct nat_value *to)
{
	back->source = to->destination;
	back->destination = to->source;
	back->source_port = to->destination_port;
	back->destination_port = to->source_port;
	back->protocol = key->protocol;
}

/* Turn `value`, as what `key` goes on, into as what `back` goes on; with the two the other way round
 * this turns it back. */
static __always_inline void nat_value_of_other(struct nat_value *value, const struct nat_key *key)
{
	value->source = key->destination;
	value->destination = key->source;
	value->source_port = key->destination_port;
	value->destination_port = key->source_port;
	value->flags ^= NAT_REVERSE;
}

/* Say whether the entry is the other half of what comes in as `key`. */
static __always_inline int nat_is_back(const struct nat_value *is, const struct nat_key *key)
{
	return address_equal(&is->source, &key->destination) &&
	       address_equal(&is->destination, &key->source) &&
	       is->source_port == key->destination_port && is->destination_port == key->source_port;
}

/* Say whether the packet that answers makes a connection of an attempt. Strangers open some in anybody's name, and
 * hear nothing of the first answer: with the next one it is certain that who called is there. */
static __always_inline int nat_is_answer(const struct packet *p, __u16 flags)
{
	return !(flags & NAT_OUTSIDE && p->tcp_flags & (TCP_SYN | TCP_RST));
}

/* Note what a packet says of its flow, of which both halves are known: that it is in use, is answered,
 * or is closed, for which a reset is enough, but of FIN both ends have to send one. Made-up segments
 * say nothing. Who goes on sending after its peer's reset has not taken it (RFC 5961, 3.2); after its own,
 * that was sent earlier, unless the reset answers a segment, which may be made up. */
static __always_inline void nat_note(const struct packet *p, struct nat_value *value,
				     struct nat_value *other, __u64 now)
{
	const int closes = l4_closes(p);

	if (!tcp_is_expected(p, other->acked))
		return;
	value->used = now;
	other->used = now;
	if (value->flags & NAT_REVERSE && nat_is_answer(p, value->flags)) {
		value->flags |= NAT_ANSWERED;
		other->flags |= NAT_ANSWERED;
	}
	if (UNLIKELY(closes & TCP_FIN))
		value->flags |= NAT_FIN;
	if (UNLIKELY(tcp_gives_up(p))) {
		value->flags |= NAT_FIN;
		other->flags |= NAT_FIN;
	}
	if (UNLIKELY(closes & TCP_RST || value->flags & other->flags & NAT_FIN)) {
		value->flags |= NAT_CLOSING;
		other->flags |= NAT_CLOSING;
	} else if (UNLIKELY(value->flags & NAT_CLOSING) && !closes && !packet_is_from_network(p)) {
		value->flags &= ~NAT_CLOSING;
		other->flags &= ~NAT_CLOSING;
	}
}

/* Say whether a packet can change the state of its flow: it closes, is the first answer, or comes after
 * the end. */
static __always_inline int nat_says_more(const struct packet *p, const struct nat_value *value)
{
	return l4_closes(p) || value->flags & NAT_CLOSING ||
	       (value->flags & (NAT_REVERSE | NAT_ANSWERED)) == NAT_REVERSE;
}

/* Note that a packet uses its flow. What each segment acknowledges is kept; all else is looked at where it
 * says something new, and about once a second.
 *
 * Either entry of a pair may have been deleted by hand, or lost on the way from another version: about once a
 * second the other one is kept, or made again. Where another flow has taken its place by then, this one is
 * forgotten, too, and begins anew. */
static __always_inline void nat_use(const struct packet *p, struct nat_value *value)
{
	const struct nat_key *key = p->tuple;
	const __u64 now = ktime_get_coarse_ns();
	struct nat_value again, *other;
	struct nat_key back = {};

	tcp_keep(p, value);
	if (LIKELY(elapsed(now, value->used) < NAT_REFRESH_NSEC && !nat_says_more(p, value)))
		return;
	nat_key_back(&back, key, value);
	other = map_lookup(MAP(nat), &back);
	if (UNLIKELY(!other)) {
		value->used = now;
		again = *value;
		nat_value_of_other(&again, key);
		again.flags &= ~NAT_FIN;
		map_update(MAP(nat), &back, &again, BPF_NOEXIST);
	} else if (LIKELY(nat_is_back(other, key))) {
		nat_note(p, value, other, now);
	} else {
		map_delete(MAP(nat), key);
	}
}

/* Forget both entries, unless the other one's place is another flow's by now. */
static __always_inline void nat_remove(const struct nat_key *key, const struct nat_value *value)
{
	const struct nat_value *other;
	struct nat_key back = {};

	nat_key_back(&back, key, value);
	other = nat_lookup(&back);
	if (other && nat_is_back(other, key))
		map_delete(MAP(nat), &back);
	map_delete(MAP(nat), key);
}

/* Nanoseconds after which a flow that no packet has used is over. By sums instead of jumps: loops look at
 * flow after flow, and the verifier follows every jump. */
static __always_inline __s64 nat_lifetime(__u16 protocol, __u16 flags)
{
	__u64 closing = !!(flags & NAT_CLOSING);
	__u64 answered = !!(flags & NAT_ANSWERED);
	__u64 tcp = ((__u64)(protocol ^ IP_PROTOCOL_TCP) - 1) >> 63;
	__s64 lifetime;

	OPAQUE(closing);
	OPAQUE(answered);
	OPAQUE(tcp);
	lifetime = NAT_OTHER_NSEC + (__s64)(tcp * answered) * (NAT_TCP_NSEC - NAT_OTHER_NSEC);
	return lifetime - (__s64)closing * (lifetime - NAT_CLOSED_NSEC);
}

/* Say whether a flow is over. Those are there until their place, or their turn, is wanted; so are those
 * of pods after masquerading has been switched off, whose answers would go astray. */
static __always_inline int nat_is_over(const struct nat_key *key, const struct nat_value *value)
{
	const __s64 idle = elapsed(ktime_get_coarse_ns(), value->used);

	if (!MASQUERADES && value->flags & NAT_MASQUERADE)
		return 1;
	return idle > nat_lifetime(key->protocol, value->flags);
}

/* Say whether the flow is closed: what its client opens then is a new connection. While one end is open
 * it is not: whoever opens one there meets the end that is, and hears of it. */
static __always_inline int nat_closes(const struct nat_value *value)
{
	return value->flags & NAT_CLOSING;
}

/* What is sent as `key` is not translated: then what answers it is not either, whatever flow had its
 * ports before. */
static __always_inline void nat_end_other(const struct nat_key *key)
{
	const struct nat_value *other;
	struct nat_key back = {};

	nat_key_answer(&back, key);
	other = nat_lookup(&back);
	if (UNLIKELY(other && other->flags & NAT_REVERSE))
		nat_remove(&back, other);
}

/* Say whether what looks like an answer is one of another connection: the flow is over, or closed, and its client
 * has called the pod by its own address from the same port, past the service. One jump, and not one for each
 * reason: the verifier follows every one. */
static __always_inline int nat_is_anothers(const struct packet *p, const struct nat_value *to)
{
	__u32 anothers = nat_is_over(p->tuple, to) | (l4_answers(p) & !!nat_closes(to));

	OPAQUE(anothers);
	return anothers;
}

/* The entry of a packet where it comes in. What pods are masqueraded with is found where that goes
 * out, for then its device is known; answers come in for as long as the flow is not over. */
static __always_inline struct nat_value *nat_known(const struct packet *p)
{
	struct nat_value *to = nat_lookup(p->tuple);

	if (!to || !(to->flags & NAT_REVERSE))
		return to && to->flags & (NAT_MASQUERADE | NAT_INBOUND) ? 0 : to;
	if (LIKELY(!nat_is_anothers(p, to)))
		return to;
	/* The other half is its client's: by the service it makes this one again. */
	map_delete(MAP(nat), p->tuple);
	return 0;
}

/* Find the flow of the packet, or that of which an ICMP error tells. */
static __always_inline enum verdict nat_find(struct packet *p)
{
	enum verdict verdict = l4_read(p);

	if (verdict != VERDICT_NONE || !(p->layer4 == L4_PORTS || p->inner))
		return verdict;
	nat_forget(p);
	p->flow = nat_known(p);
	if (LIKELY(!p->inner) || p->flow || p->hook == HOOK_TO_NETDEV) /* there snat looks again */
		return VERDICT_NONE;
	p->inner = 0; /* an error about something else: it is a packet like any other */
	return packet_read(p);
}

/* Translate a packet of a flow that goes on with a verdict. An ICMP error does not keep its flow in use. */
static __always_inline enum verdict nat_apply(struct packet *p, enum verdict goes_on)
{
	enum verdict verdict;

	if (!p->flow || verdict_drops(goes_on))
		return goes_on;
	FORGET(goes_on, p->skb->len); /* translating is the same for every way on */
	FORGET(p->way.leave, p->skb->len);
	if (LIKELY(!p->inner))
		nat_use(p, p->flow);
	verdict = translate(p, p->flow);
	return verdict == VERDICT_NONE ? goes_on : verdict;
}
