/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the node sends to the network: tc egress of its devices. Processes of the node itself answer
 * here as the services that they were asked for, and pods go out with the device's address. */
#include "lib/finish.h"
#include "lib/reverse_nat.h"
#include "lib/snat.h"

static __always_inline enum verdict walk(struct packet *p)
{
	const struct masquerade_value *device;
	enum verdict verdict;

	if (packet_skips_snat(p))
		return VERDICT_NONE;
	device = egress_device(p, p->skb->ifindex);
	if ((!device && !service_state()) || packet_read(p) != VERDICT_NONE)
		return VERDICT_NONE;
	verdict = reverse_nat(p);
	if (verdict != VERDICT_NONE)
		return verdict;
	if (p->flow)
		return nat_apply(p, VERDICT_TO_NETWORK);
	return device ? snat(p, device) : VERDICT_NONE;
}

PROGRAM(to_netdev, HOOK_TO_NETDEV, VERDICT_NONE)
