/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the network sends: tc ingress of the node's devices. What is neither for a pod nor for a service
 * is left alone. */
#include "lib/antispoof.h"
#include "lib/finish.h"
#include "lib/forward.h"
#include "lib/inbound.h"
#include "lib/lb.h"
#include "lib/network.h"

static __always_inline enum verdict walk(struct packet *p)
{
	enum verdict verdict;

	if (!network_read(p))
		return VERDICT_NONE;
	verdict = antispoof_network(p);
	if (verdict != VERDICT_NONE)
		return verdict;
	if (node_holds(p->config, &p->tuple->destination) &&
	    owner_local(p, &p->tuple->destination) == OWNER_UNKNOWN)
		return VERDICT_NO_ENDPOINT;

	verdict = p->way.pod ? inbound(p) : VERDICT_NONE;
	if (verdict == VERDICT_NONE)
		verdict = reverse_nat(p);
	if (verdict == VERDICT_NONE && !p->way.pod)
		verdict = lb(p);
	if (verdict != VERDICT_NONE)
		return verdict;
	if (p->flow)
		return forward_flow(p);
	if (!p->way.pod) /* another's, or the gateway address: the node itself */
		return VERDICT_NONE;
	return deliver_fits(p) ? deliver(p) : to_stack(p);
}

PROGRAM(from_netdev, HOOK_FROM_NETDEV, VERDICT_NONE)
