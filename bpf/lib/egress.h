/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The devices that pods reach the outside by, and what is masqueraded there. */
#pragma once

#include "node.h"

/* 0 where nothing is masqueraded on the device. */
static __always_inline const struct masquerade_value *egress_device(__u32 ifindex)
{
	return MASQUERADES ? map_lookup(MAP(masquerade), &ifindex) : 0;
}

/* Say whether pods talk to the address with the node's, instead of their own. The node's addresses
 * are what stands in a list, before they are nodes'. */
static __always_inline int egress_masquerades(const struct masquerade_value *device,
					      const struct address *address)
{
	struct non_masquerade_key key = { .prefixlen = 128, .address = *address };

	if (!address_is_unicast(address) || map_lookup(MAP(non_masquerade), &key))
		return 0;
	return device->flags & MASQUERADE_NODES || node_flags(address) < 0;
}
