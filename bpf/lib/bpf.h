/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the kernel offers a program, for BCC and for `clang -target bpf` alike.
 *
 * Helpers are called by number (include/uapi/linux/bpf.h, enum bpf_func_id) under names of our own:
 * BCC rewrites calls of its names in the main file and refuses them in headers.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/types.h>

/* linux/stddef.h has it, too, and there it says no more than inline. */
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#define HELPER static __attribute__((unused))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
/* From here on the compiler knows nothing of the variable's value. */
#define OPAQUE(variable) __asm__ volatile("" : "+r"(variable))

/* Nor does the verifier, which else goes through what follows once for each value that it sees come.
 * `unknown`: any number that it knows nothing of. */
#define FORGET(variable, unknown)          \
	do {                               \
		(variable) ^= (unknown);   \
		OPAQUE(variable);          \
		(variable) ^= (unknown);   \
	} while (0)

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NET16(x) ((__be16)__builtin_bswap16(x))
#define NET32(x) ((__be32)__builtin_bswap32(x))
#else
#define NET16(x) ((__be16)(x))
#define NET32(x) ((__be32)(x))
#endif

/* A node without masquerading, without policies for its pods, or without aggregated flows has programs that are
 * made without what is behind these. */
#ifdef NO_MASQUERADE
#define MASQUERADES 0
#else
#define MASQUERADES 1
#endif
#ifdef NO_POLICY
#define POLICIES 0
#else
#define POLICIES 1
#endif
#ifdef WITH_FLOWS
#define FLOWS 1
#else
#define FLOWS 0
#endif

/* The maps are made and pinned before a program is compiled; -DPN_FD_<name> brings their file
 * descriptors, and the loader turns each into the map itself. */
unsigned long long bpf_pseudo_fd(unsigned long long kind, unsigned long long fd) __asm__("llvm.bpf.pseudo");
#define MAP(name) ((void *)bpf_pseudo_fd(1, PN_FD_##name))

HELPER void *(*const map_lookup)(void *map, const void *key) = (void *)1;
HELPER long (*const map_update)(void *map, const void *key, const void *value, __u64 flags) = (void *)2;
HELPER long (*const map_delete)(void *map, const void *key) = (void *)3;
HELPER __u64 (*const ktime_get_ns)(void) = (void *)5;
HELPER __u32 (*const get_prandom_u32)(void) = (void *)7;
HELPER long (*const store_bytes)(struct __sk_buff *skb, __u32 offset, const void *from, __u32 len,
				 __u64 flags) = (void *)9;
HELPER long (*const tail_call)(void *ctx, void *map, __u32 index) = (void *)12;
HELPER long (*const l4_csum_replace)(struct __sk_buff *skb, __u32 offset, __u64 from, __u64 to,
				     __u64 flags) = (void *)11;
HELPER long (*const get_tunnel_key)(struct __sk_buff *skb, void *key, __u32 size, __u64 flags) = (void *)20;
HELPER long (*const set_tunnel_key)(struct __sk_buff *skb, const void *key, __u32 size,
				    __u64 flags) = (void *)21;
HELPER long (*const redirect)(__u32 ifindex, __u64 flags) = (void *)23;
HELPER long (*const load_bytes)(const void *skb, __u32 offset, void *to, __u32 len) = (void *)26;
HELPER __s64 (*const csum_diff)(const __be32 *from, __u32 from_size, const __be32 *to, __u32 to_size,
				__u32 seed) = (void *)28;
HELPER long (*const change_type)(struct __sk_buff *skb, __u32 type) = (void *)32;
HELPER long (*const change_tail)(struct __sk_buff *skb, __u32 len, __u64 flags) = (void *)38;
HELPER long (*const pull_data)(struct __sk_buff *skb, __u32 len) = (void *)39;
HELPER __u64 (*const get_socket_cookie)(void *ctx) = (void *)46;
HELPER long (*const adjust_room)(struct __sk_buff *skb, __s32 len_diff, __u32 mode,
				 __u64 flags) = (void *)50;
HELPER long (*const fib_lookup)(void *ctx, struct bpf_fib_lookup *fib, int size, __u32 flags) = (void *)69;
HELPER struct bpf_sock *(*const sk_lookup_udp)(void *ctx, const void *tuple, __u32 size,
					       __u64 netns, __u64 flags) = (void *)85;
HELPER long (*const sk_release)(void *sock) = (void *)86;
HELPER long (*const map_push)(void *map, const void *value, __u64 flags) = (void *)87;
HELPER long (*const map_pop)(void *map, void *value) = (void *)88;
HELPER struct bpf_sock *(*const skc_lookup_tcp)(void *ctx, const void *tuple, __u32 size,
						__u64 netns, __u64 flags) = (void *)99;
HELPER __u64 (*const jiffies64)(void) = (void *)118; /* one load; a clock costs a call */
HELPER __u64 (*const get_netns_cookie)(void *ctx) = (void *)122;
HELPER long (*const redirect_neigh)(__u32 ifindex, struct bpf_redir_neigh *to, int size,
				    __u64 flags) = (void *)152;
HELPER long (*const redirect_peer)(__u32 ifindex, __u64 flags) = (void *)155;
HELPER __u64 (*const ktime_get_coarse_ns)(void) = (void *)160;
HELPER long (*const set_retval)(int retval) = (void *)187;

/* Nanoseconds between two readings of a clock; below 0 where `then` is the later one: another CPU may
 * use an entry between this one's look at the clock and at the entry. */
static __always_inline __s64 elapsed(__u64 now, __u64 then)
{
	return (__s64)(now - then);
}

/* linux/pkt_cls.h, linux/if_packet.h, linux/socket.h and linux/in.h, which pull in half of the system's
 * headers. */
#define TC_ACT_UNSPEC (-1) /* the next program or filter, then the stack */
#define TC_ACT_SHOT 2
#define PACKET_HOST 0
#define PACKET_BROADCAST 1
#define PACKET_MULTICAST 2
#define AF_INET 2
#define AF_INET6 10
#define IP_PROTOCOL_ICMP 1
#define IP_PROTOCOL_TCP 6
#define IP_PROTOCOL_UDP 17
#define IP_PROTOCOL_SCTP 132
#define IP_PROTOCOL_UDPLITE 136
