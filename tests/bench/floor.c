// SPDX-License-Identifier: GPL-3.0-or-later
// The least that a program can do to bring a packet from pod to pod: one hash lookup, then MAC
// rewrite and redirect_peer into a pod of this node, or redirect_neigh towards the pod's node.
// No spoof check, no TTL, no ARP, no counters. What a real datapath adds shows against this.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>

#define SEC(name) __attribute__((section(name), used))

static void *(*map_lookup_elem)(void *map, const void *key) = (void *)BPF_FUNC_map_lookup_elem;
static long (*redirect_neigh)(__u32 ifindex, struct bpf_redir_neigh *params, int plen,
			      __u64 flags) = (void *)BPF_FUNC_redirect_neigh;
static long (*redirect_peer)(__u32 ifindex, __u64 flags) = (void *)BPF_FUNC_redirect_peer;

struct way {
	__u32 ifindex;	 // of the host-side veth, or of the device to the other node
	__be32 next_hop; // the other node, 0 for a pod of this one
	__u8 macs[2 * ETH_ALEN]; // destination and source, for a pod of this node
};
_Static_assert(sizeof(struct way) == 20, "floor.py packs it");

struct {
	int (*type)[BPF_MAP_TYPE_HASH];
	int (*max_entries)[64];
	__be32 *key; // address of a pod
	struct way *value;
} ways SEC(".maps");

SEC("classifier")
int floor_forward(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);
	struct way *way;

	if ((void *)(ip + 1) > end || eth->h_proto != __builtin_bswap16(ETH_P_IP))
		return TC_ACT_OK;
	way = map_lookup_elem(&ways, &ip->daddr);
	if (!way)
		return TC_ACT_OK;
	if (way->next_hop) {
		struct bpf_redir_neigh to = {.nh_family = 2 /* AF_INET */, .ipv4_nh = way->next_hop};

		return redirect_neigh(way->ifindex, &to, sizeof(to), 0);
	}
	__builtin_memcpy(eth, way->macs, sizeof(way->macs));
	return redirect_peer(way->ifindex, 0);
}

char _license[] SEC("license") = "GPL";
