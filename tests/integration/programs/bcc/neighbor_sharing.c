/* Marks traffic of listed neighbors, so that they share one queue, and counts it by neighbor. */
#include <uapi/linux/if_ether.h>
#include <uapi/linux/pkt_cls.h>
#include <bcc/proto.h>
#include <linux/kernel.h>

struct network {
	u32 prefixlen;
	u32 address;
};

struct ipkey {
	u32 client_ip;
};

BPF_HASH(learned_ips, struct ipkey, int, 1024);
BPF_STACK_TRACE(unused, 16);
BPF_LPM_TRIE(networks, struct network, int, 16);
BPF_ARRAY(shares, u64, 4);

static int classify(u32 address)
{
	return address & 3;
}

int neighbor_sharing(struct __sk_buff *skb)
{
	u8 *cursor = 0;

	struct ethernet_t *ethernet = cursor_advance(cursor, sizeof(*ethernet));
	if (ethernet->type == ETH_P_IP) {
		struct ip_t *ip = cursor_advance(cursor, sizeof(*ip));
		struct ipkey key = {.client_ip = ip->src};
		int share = classify(ip->src);

		learned_ips.update(&key, &share);
		shares.increment(share);
		skb->mark = share;
	}
	return TC_ACT_OK;
}
