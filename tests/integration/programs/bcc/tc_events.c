/* Hands the head of each echo request over to a reader. */
#include <uapi/linux/if_ether.h>
#include <uapi/linux/in6.h>
#include <uapi/linux/ipv6.h>
#include <uapi/linux/icmp.h>
#include <uapi/linux/pkt_cls.h>
#include <uapi/linux/bpf.h>
#include <linux/skbuff.h>

BPF_PERF_OUTPUT(skb_events);
BPF_ARRAY(handed, u64, 1);

struct eth_hdr {
	unsigned char h_dest[ETH_ALEN];
	unsigned char h_source[ETH_ALEN];
	unsigned short h_proto;
};

int tc_events(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data;
	void *data_end = (void *)(long)skb->data_end;
	struct eth_hdr *eth = data;
	struct iphdr *iph = data + sizeof(*eth);
	u32 magic = 0xfaceb00c;

	if (data + sizeof(*eth) + sizeof(*iph) + sizeof(struct icmphdr) > data_end)
		return TC_ACT_OK;
	switch (eth->h_proto) {
	case htons(ETH_P_IP):
		if (iph->protocol == IPPROTO_ICMP) {
			skb_events.perf_submit_skb(skb, skb->len, &magic, sizeof(magic));
			handed.atomic_increment(0);
		}
	}
	return TC_ACT_OK;
}
