/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Other addresses and ports for a packet, and the checksums that go with them. */
#pragma once

#include "icmp_inner.h"

/* Rewrite a packet to what `to` says.
 *
 * The sum over ports and payload is the kernel's to correct: it may not have been computed yet
 * (CHECKSUM_PARTIAL, which covers the addresses alone), or the device may have it (CHECKSUM_COMPLETE).
 * A UDP checksum of 0 says that there is none, and stays. ICMP's covers no addresses. A fragment but
 * the first has nothing but addresses.
 */
static __always_inline enum verdict translate(struct packet *p, const struct nat_value *to)
{
	const struct nat_key *from = p->tuple;
	const __u32 addresses = checksum_fold32(packet_address_change(p, to));
	const struct ports ports = { to->source_port, to->destination_port };
	const __u64 change = checksum_change(from->source_port, ports.source) +
			     checksum_change(from->destination_port, ports.destination);
	const int echo = MASQUERADES && from->protocol == IP_PROTOCOL_ICMP;
	const __u32 check = p->l4 + l4_check(from->protocol);
	const __u64 flags = from->protocol == IP_PROTOCOL_UDP ? BPF_F_MARK_MANGLED_0 : 0;

	if (UNLIKELY(p->inner))
		return icmp_inner_translate(p, to);
	packet_readdress(p, &to->source, &to->destination);
	if (UNLIKELY(packet_is_later_fragment(p)))
		return VERDICT_NONE;
	if (!echo && l4_csum_replace(p->skb, check, 0, addresses, flags | BPF_F_PSEUDO_HDR))
		return VERDICT_MALFORMED;
	if (ports.source != from->source_port || ports.destination != from->destination_port)
		if (l4_csum_replace(p->skb, check, 0, checksum_fold32(change), flags) ||
		    !l4_write_ports(p, ports))
			return VERDICT_MALFORMED;
	return packet_point(p) ? VERDICT_NONE : VERDICT_MALFORMED;
}
