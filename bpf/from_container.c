/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a pod sends: tc ingress of its host-side device. All pods of a node share this program. */
#include "lib/arp.h"
#include "lib/finish.h"
#include "lib/forward.h"
#include "lib/frame.h"
#include "lib/lb.h"
#include "lib/tunnel.h"

static __always_inline enum verdict walk(struct packet *p)
{
	enum verdict verdict;

	if (UNLIKELY(frame_is_tagged(p->skb)))
		return VERDICT_VLAN_TAGGED;
	if (p->skb->protocol == NET16(ETH_P_ARP))
		return arp_reply(p);
	verdict = packet_read(p);
	if (verdict != VERDICT_NONE)
		return verdict;
	packet_allow_snat(p);
	verdict = antispoof(p);
	if (verdict != VERDICT_NONE)
		return verdict;

	owner_find(p, &p->tuple->destination);
	verdict = reverse_nat(p);
	if (verdict != VERDICT_NONE)
		return verdict;
	if (!p->flow && p->way.owner == OWNER_POD && deliver_fits(p))
		return deliver(p);
	verdict = node_configured(p);
	if (verdict == VERDICT_NONE && !p->way.peer && tunnel_is_claimed(p))
		return VERDICT_ENCAPSULATION_PROHIBITED;
	if (verdict == VERDICT_NONE && !reverse_nat_direct(p))
		verdict = lb(p);
	if (verdict != VERDICT_NONE)
		return verdict;
	return p->flow ? forward_flow(p) : forward(p);
}

PROGRAM(from_container, HOOK_FROM_CONTAINER, VERDICT_NONE)
