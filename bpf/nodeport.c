/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the network and the tunnel send, where the kernel carries packets: tc ingress of the node's
 * devices and of pn_vxlan. What is for a service, or answers a pod by the node's address, never gets
 * as far as the kernel; nor does what has a source that it cannot have. */
#include "lib/antispoof.h"
#include "lib/finish.h"
#include "lib/forward.h"
#include "lib/inbound.h"
#include "lib/lb.h"
#include "lib/network.h"
#include "lib/tunnel.h"

static __always_inline enum verdict walk(struct packet *p)
{
	enum verdict verdict;

	if (!network_read(p))
		return VERDICT_NONE;
	verdict = antispoof_network(p);
	if (verdict == VERDICT_NONE)
		verdict = tunnel_inspect(p);
	if (verdict != VERDICT_NONE || (!MASQUERADES && !service_state()))
		return verdict;

	owner_local(p, &p->tuple->destination);
	verdict = p->way.pod ? inbound(p) : VERDICT_NONE;
	if (verdict == VERDICT_NONE)
		verdict = reverse_nat(p);
	if (verdict == VERDICT_NONE && !p->way.pod)
		verdict = lb(p);
	return verdict == VERDICT_NONE && p->flow ? forward_flow(p) : verdict;
}

PROGRAM(nodeport, HOOK_NODEPORT, VERDICT_NONE)
