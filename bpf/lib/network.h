/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the node's devices receive. */
#pragma once

#include "family.h"
#include "frame.h"
#include "node.h"

/* Read a packet from the network; 0 for one that is left alone: it is not for this host, or cannot be
 * read, which the stack counts among its own header errors, or the node is not configured yet. */
static __always_inline int network_read(struct packet *p)
{
	return frame_is_ours(p->skb) && packet_read(p) == VERDICT_NONE &&
	       node_configured(p) == VERDICT_NONE;
}
