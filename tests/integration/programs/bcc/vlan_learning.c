/* Learns which address is behind which device and VLAN, and carries frames between them. */
#include <bcc/proto.h>

struct ifindex_leaf_t {
	int out_ifindex;
	u16 vlan_tci;
	u16 vlan_proto;
	u64 tx_pkts;
	u64 tx_bytes;
};

/* mac -> leaf, and ifindex of a namespace -> leaf */
BPF_HASH(egress, u64, struct ifindex_leaf_t, 4096);
BPF_HASH(ingress, u32, struct ifindex_leaf_t, 4096);

int handle_phys2virt(struct __sk_buff *skb)
{
	u8 *cursor = 0;

	ethernet: {
		struct ethernet_t *ethernet = cursor_advance(cursor, sizeof(*ethernet));
		u64 src_mac = ethernet->src;
		struct ifindex_leaf_t *leaf = egress.lookup(&src_mac);

		if (leaf) {
			lock_xadd(&leaf->tx_pkts, 1);
			lock_xadd(&leaf->tx_bytes, skb->len);
			bpf_clone_redirect(skb, leaf->out_ifindex, 0);
		} else {
			struct ifindex_leaf_t zleaf = {0};
			struct ifindex_leaf_t *out_leaf = egress.lookup_or_try_init(&src_mac, &zleaf);

			if (out_leaf) {
				out_leaf->out_ifindex = skb->ifindex;
				out_leaf->vlan_tci = skb->vlan_tci;
				out_leaf->vlan_proto = skb->vlan_proto;
			}
			if (skb->vlan_present)
				bpf_skb_vlan_pop(skb);
		}
	}
	return 1;
}

int handle_virt2phys(struct __sk_buff *skb)
{
	u8 *cursor = 0;
	u32 ifindex_key = skb->ifindex;

	ethernet: {
		struct ethernet_t *ethernet = cursor_advance(cursor, sizeof(*ethernet));
		struct ifindex_leaf_t *leaf = ingress.lookup(&ifindex_key);

		if (leaf) {
			lock_xadd(&leaf->tx_pkts, 1);
			bpf_skb_vlan_push(skb, leaf->vlan_proto, leaf->vlan_tci);
			bpf_clone_redirect(skb, leaf->out_ifindex, 0);
		}
	}
	return 1;
}
