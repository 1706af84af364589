/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What programs are made of, many times in a run: see units.py. */
#include "lib/bpf.h"

struct key {
	__u8 bytes[KEY_SIZE];
};

struct given {
	struct key key; /* one that the map has */
	__u32 fresh; /* the beginning of one that it does not have */
};

#define AGAIN _Pragma("unroll") for (i = 0; i < TIMES; i++)

static __always_inline struct given *given(void)
{
	const __u32 zero = 0;

	return map_lookup(MAP(given), &zero);
}

int lookup(struct __sk_buff *skb)
{
	const struct given *it = given();
	struct key key;
	int i, found = 0;

	if (!it)
		return 1;
	key = it->key;
	AGAIN found += !!map_lookup(MAP(unit), &key);
	return found == TIMES || !found ? 0 : 1;
}

int insert(struct __sk_buff *skb)
{
	__u8 value[VALUE_SIZE] = {};
	struct given *it = given();
	union {
		struct key key;
		__u32 number;
	} fresh;

	if (!it)
		return 1;
	fresh.key = it->key;
	fresh.number = it->fresh++;
	return !!map_update(MAP(unit), &fresh, value, BPF_NOEXIST);
}

int fib(struct __sk_buff *skb)
{
	struct bpf_fib_lookup fib = { .family = AF_INET, .ifindex = skb->ifindex, .tot_len = 41 };
	int i, found = 0;

	load_bytes(skb, 26, &fib.ipv4_src, 8); /* and the destination */
	AGAIN found += fib_lookup(skb, &fib, sizeof(fib), 0) >= 0;
	return found != TIMES;
}

int redirects(struct __sk_buff *skb)
{
	int i, verdict = 0;

	AGAIN verdict |= redirect(skb->ifindex, 0);
	return verdict & ~7;
}

int redirects_neigh(struct __sk_buff *skb)
{
	struct bpf_redir_neigh to = { .nh_family = AF_INET };
	int i, verdict = 0;

	AGAIN verdict |= redirect_neigh(skb->ifindex, &to, sizeof(to), 0);
	return verdict & ~7;
}

int redirects_peer(struct __sk_buff *skb)
{
	int i, verdict = 0;

	AGAIN verdict |= redirect_peer(skb->ifindex, 0);
	return verdict & ~7;
}

int clock(struct __sk_buff *skb)
{
	__u64 sum = 0;
	int i;

	AGAIN sum |= ktime_get_coarse_ns();
	return !sum;
}

#define TCP_CHECKSUM (14 + 20 + 16)

int checksum(struct __sk_buff *skb)
{
	int i, failed = 0;

	AGAIN failed |= l4_csum_replace(skb, TCP_CHECKSUM, i, i + 1, 4);
	return failed;
}

int store(struct __sk_buff *skb)
{
	__u8 bytes[8] = {};
	int i, failed = 0;

	load_bytes(skb, 26, bytes, sizeof(bytes));
	AGAIN failed |= store_bytes(skb, 26, bytes, sizeof(bytes), 0);
	return failed;
}

int tunnel(struct __sk_buff *skb)
{
	struct bpf_tunnel_key to = { .tunnel_id = 1, .tunnel_ttl = 64 };
	int i, failed = 0;

	AGAIN failed |= set_tunnel_key(skb, &to, sizeof(to), 0);
	return failed;
}

int tcp_socket(struct __sk_buff *skb)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *found;
	int i, sockets = 0;

	load_bytes(skb, 26, &tuple.ipv4, sizeof(tuple.ipv4));
	AGAIN {
		found = skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
		if (found) {
			sk_release(found);
			sockets++;
		}
	}
	return sockets & ~TIMES;
}
