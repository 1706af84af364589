/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ICMP errors about packets that were translated: who sent one is told of what it sent. Without
 * these the path's MTU is never found (RFC 1191, RFC 5508). */
#pragma once

#include "l4.h"

/* The checksum of the quoted packet, where it has one and that is quoted: what it becomes adds to
 * `change`. */
static __always_inline int icmp_inner_checksum(const struct packet *p, __u32 sum, __u64 *change)
{
	const __u16 protocol = p->tuple->protocol;
	const __u32 at = p->l4 + l4_check(protocol);
	__u16 check = 0, changed;

	if (load_bytes(p->skb, at, &check, sizeof(check)) ||
	    (protocol == IP_PROTOCOL_UDP && !check))
		return 1;
	changed = checksum_after(check, sum);
	if (protocol == IP_PROTOCOL_UDP && !changed)
		changed = 0xffff;
	*change += checksum_change(check, changed);
	return !store_bytes(p->skb, at, &changed, sizeof(changed), 0);
}

/* Rewrite the quoted packet to what it was when it came in, and the error to come from where that
 * went to. */
static __always_inline enum verdict icmp_inner_translate(struct packet *p, const struct nat_value *to)
{
	const struct nat_key *from = p->tuple;
	const struct ports ports = { to->destination_port, to->source_port }; /* those that it had */
	const __u32 addresses = checksum_fold32(packet_address_change(p, to));
	__u64 change = checksum_change(from->source_port, to->source_port) +
		       checksum_change(from->destination_port, to->destination_port);
	__u32 sum = checksum_fold32(change);

	/* ICMP's covers no addresses. */
	if (!MASQUERADES || from->protocol != IP_PROTOCOL_ICMP)
		sum = checksum_fold32((__u64)addresses + sum);
	packet_readdress(p, address_equal(&from->source, &to->source) ? 0 : &to->source,
			 &to->destination);
	if (!packet_inner_readdress(p, to) || !l4_write_ports(p, ports) ||
	    !icmp_inner_checksum(p, sum, &change) ||
	    l4_csum_replace(p->skb, p->inner - ICMP_HEADER + ICMP_CHECK, 0, checksum_fold32(change),
			    0) ||
	    !packet_point(p))
		return VERDICT_MALFORMED;
	return VERDICT_NONE;
}
