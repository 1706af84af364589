/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Packets from elsewhere that say they come from here. */
#pragma once

#include "node.h"

/* Say whether the source is this node's or its pods', whom nobody else speaks for. What these send to
 * each other passes no device of the network. */
static __always_inline int source_is_own(const struct config_value *config,
					 const struct packet *packet)
{
	struct address source;

	address_from_v4(&source, packet->ip->saddr);
	return node_holds(config, &source) || address_equal(&source, &config->node_ip);
}
