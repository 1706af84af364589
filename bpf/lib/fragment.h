/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Datagrams in fragments: only the first one says the ports, the others get them from here. */
#pragma once

#include "family.h"

struct ports {
	__be16 source, destination;
};

static __always_inline void fragment_key(struct fragments_key *key, const struct packet *p)
{
	key->source = p->tuple->source;
	key->destination = p->tuple->destination;
	key->id = packet_fragment_id(p);
	key->protocol = p->tuple->protocol;
	key->reserved = 0;
}

static __always_inline void fragment_note(const struct packet *p)
{
	const struct fragments_value value = { p->tuple->source_port, p->tuple->destination_port };
	struct fragments_key key;

	fragment_key(&key, p);
	map_update(MAP(fragments), &key, &value, BPF_ANY);
}

static __always_inline void fragment_find_ports(struct packet *p)
{
	const struct fragments_value *known;
	struct fragments_key key;

	fragment_key(&key, p);
	known = map_lookup(MAP(fragments), &key);
	p->ports_unknown = !known;
	if (!known)
		return;
	p->tuple->source_port = known->source_port;
	p->tuple->destination_port = known->destination_port;
}
