/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tunnel brings: tc ingress of pn_vxlan, which has taken the outer headers off. */
#include "lib/finish.h"
#include "lib/forward.h"
#include "lib/frame.h"
#include "lib/inbound.h"
#include "lib/tunnel.h"

static __always_inline enum verdict walk(struct packet *p)
{
	enum verdict verdict = node_configured(p);
	struct address endpoint;
	struct tunnel_key key;

	if (verdict != VERDICT_NONE)
		return verdict;
	/* The device takes every network identifier. */
	if (get_tunnel_key(p->skb, &key, TUNNEL_KEY_SHORT, 0) || key.vni != p->config->vni)
		return VERDICT_UNKNOWN_VNI;
	if (UNLIKELY(frame_is_tagged(p->skb)))
		return VERDICT_VLAN_TAGGED;
	verdict = packet_read(p);
	if (verdict != VERDICT_NONE)
		return verdict;
	address_from_v4(&endpoint, NET32(key.remote));
	if (!tunnel_may_bring(p->config, &p->tuple->source, &endpoint))
		return VERDICT_FOREIGN_TUNNEL_ENDPOINT;

	if (owner_local(p, &p->tuple->destination) == OWNER_UNKNOWN)
		return VERDICT_NO_ENDPOINT;
	if (!p->way.pod)
		return to_stack(p);
	verdict = inbound(p);
	if (verdict == VERDICT_NONE)
		verdict = reverse_nat(p);
	if (verdict != VERDICT_NONE)
		return verdict;
	if (p->flow)
		return forward_flow(p);
	return deliver_fits(p) ? deliver(p) : to_stack(p);
}

PROGRAM(from_overlay, HOOK_FROM_OVERLAY, VERDICT_NONE)
