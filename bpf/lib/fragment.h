/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Datagrams in fragments: only the first one says the ports, the others get them from here. */
#pragma once

#include "packet.h"

struct ports {
	__be16 source, destination;
};

enum fragment {
	FRAGMENT_NONE,	  /* all of a datagram */
	FRAGMENT_FIRST,
	FRAGMENT_LATER,	  /* its ports are known, it does not have them */
	FRAGMENT_UNKNOWN, /* the first one was not seen */
};

static __always_inline void fragment_key(struct fragments_key *key, const struct packet *packet)
{
	address_from_v4(&key->source, packet->ip->saddr);
	address_from_v4(&key->destination, packet->ip->daddr);
	key->id = packet->ip->id;
	key->protocol = packet->ip->protocol;
}

static __always_inline void fragment_note(const struct packet *packet, const struct ports *ports)
{
	const struct fragments_value value = { ports->source, ports->destination };
	struct fragments_key key;

	fragment_key(&key, packet);
	map_update(MAP(fragments), &key, &value, BPF_ANY);
}

static __always_inline enum fragment fragment_ports(const struct packet *packet,
						    struct ports *ports)
{
	const struct fragments_value *known;
	struct fragments_key key;

	fragment_key(&key, packet);
	known = map_lookup(MAP(fragments), &key);
	if (!known)
		return FRAGMENT_UNKNOWN;
	ports->source = known->source_port;
	ports->destination = known->destination_port;
	return FRAGMENT_LATER;
}
