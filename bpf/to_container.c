/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a pod gets where the kernel's own bridge or routes carry packets: tc egress of its host-side device.
 * What eBPF hands over goes past it, and has passed the same door. */
#include "lib/deliver.h"
#include "lib/finish.h"

static __always_inline enum verdict walk(struct packet *p)
{
	enum verdict verdict;

	if (p->skb->protocol == NET16(ETH_P_ARP))
		return VERDICT_NONE;
	verdict = packet_read(p);
	if (verdict != VERDICT_NONE)
		return verdict;
	/* A bridge gives all its ports what is for everybody, and what it does not know the port of. */
	owner_local(p, &p->tuple->destination);
	if (!p->way.pod || p->way.pod->ifindex != p->skb->ifindex)
		return VERDICT_NONE;
	return deliver_at(p, p->way.pod);
}

PROGRAM(to_container, HOOK_TO_CONTAINER, VERDICT_NONE)
