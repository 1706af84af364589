/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The devices that pods reach the outside by, and what is masqueraded there. */
#pragma once

#include "node.h"

/* What packets of this one's family get on a device; 0 where none is masqueraded there. */
static __always_inline const struct masquerade_value *egress_device(const struct packet *p,
								    __u32 ifindex)
{
	const struct masquerade_key key = { .ifindex = ifindex, .family = packet_family(p) };

	return MASQUERADES ? map_lookup(MAP(masquerade), &key) : 0;
}

/* Say whether the address is in a list of what pods talk to with their own. */
static __always_inline int egress_excepts(const struct address *address)
{
	struct non_masquerade_key key = { .prefixlen = 128, .address = *address };

	return map_lookup(MAP(non_masquerade), &key) != 0;
}

/* Say whether pods talk to an address that is in no list with the node's, instead of their own. */
static __always_inline int egress_covers(const struct masquerade_value *device,
					 const struct address *address)
{
	if (!address_is_unicast(address))
		return 0;
	return device->flags & MASQUERADE_NODES || node_flags(address) < 0;
}

/* The same of any address. The node's addresses are what stands in a list, before they are nodes'. */
static __always_inline int egress_masquerades(const struct masquerade_value *device,
					      const struct address *address)
{
	return !egress_excepts(address) && egress_covers(device, address);
}
