/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the node's stack sends to pods: tc egress of pn_host, where their route points. The stack has done
 * a router's work already (TTL, MTU). */
#include "lib/finish.h"
#include "lib/deliver.h"
#include "lib/overlay.h"
#include "lib/reverse_nat.h"

static __always_inline enum verdict walk(struct packet *p)
{
	enum verdict verdict = packet_read(p);

	if (verdict != VERDICT_NONE)
		return verdict;
	if (owner_find(p, &p->tuple->destination) == OWNER_POD) {
		verdict = reverse_nat(p);
		return verdict == VERDICT_NONE ? nat_apply(p, deliver(p)) : verdict;
	}
	if (!p->way.peer || !(p->way.peer->flags & IPCACHE_TUNNEL))
		return VERDICT_NO_ENDPOINT;
	verdict = node_configured(p);
	return verdict == VERDICT_NONE ? to_overlay(p, p->way.peer) : verdict;
}

PROGRAM(from_host, HOOK_FROM_HOST, VERDICT_NONE)
