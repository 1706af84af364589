/* Lets the frames of one VLAN through, and counts what it sees of each. */
#include <linux/if_ether.h>
#include <linux/if_vlan.h>
#include <linux/pkt_cls.h>
#include <linux/ip.h>

BPF_HASH(seen, u16, u64, 4096);

int vlan_filter(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data;
	void *data_end = (void *)(long)skb->data_end;
	struct ethhdr *eth = data;
	uint64_t nh_off = sizeof(*eth);
	uint16_t vlan = 0;

	if (data + nh_off > data_end)
		return TC_ACT_SHOT;
	if (skb->vlan_present) {
		vlan = skb->vlan_tci & VLAN_VID_MASK;
	} else if (eth->h_proto == htons(ETH_P_8021Q) || eth->h_proto == htons(ETH_P_8021AD)) {
		struct vlan_hdr *vhdr = data + nh_off;

		nh_off += sizeof(struct vlan_hdr);
		if (unlikely(data + nh_off > data_end))
			return TC_ACT_SHOT;
		vlan = ntohs(vhdr->h_vlan_TCI) & VLAN_VID_MASK;
	}
	seen.increment(vlan);
	return vlan == ALLOWED ? TC_ACT_OK : TC_ACT_SHOT;
}
