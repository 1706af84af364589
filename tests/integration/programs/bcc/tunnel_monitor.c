/* Counts what goes through tunnels, by outer and inner addresses; parses by tail calls. */
#include <uapi/linux/if_ether.h>
#include <uapi/linux/in.h>
#include <uapi/linux/bpf.h>
#include <bcc/proto.h>

struct ipkey {
	u32 inner_sip;
	u32 inner_dip;
	u32 outer_sip;
	u32 outer_dip;
	u32 vni;
};

struct counters {
	u64 tx_pkts;
	u64 rx_pkts;
	u64 tx_bytes;
	u64 rx_bytes;
};

BPF_HASH(stats, struct ipkey, struct counters, 1024);
BPF_PROG_ARRAY(parser, 10);
BPF_HISTOGRAM(sizes, int, 64);

enum cb_index { CB_FLAGS = 0, CB_SIP, CB_DIP, CB_VNI, CB_OFFSET };

int parse_inner(struct __sk_buff *skb)
{
	u8 *cursor = 0;
	struct counters zleaf = {}, *leaf;
	struct ipkey key = {};

	struct ethernet_t *ethernet = cursor_advance(cursor, sizeof(*ethernet));
	if (ethernet->type != ETH_P_IP)
		return 1;
	struct ip_t *ip = cursor_advance(cursor, sizeof(*ip));
	key.inner_sip = ip->src;
	key.inner_dip = ip->dst;
	key.outer_sip = skb->cb[CB_SIP];
	key.outer_dip = skb->cb[CB_DIP];
	key.vni = skb->cb[CB_VNI];
	leaf = stats.lookup_or_try_init(&key, &zleaf);
	if (leaf) {
		lock_xadd(&leaf->rx_pkts, 1);
		lock_xadd(&leaf->rx_bytes, skb->len);
	}
	return 1;
}

int tunnel_monitor(struct __sk_buff *skb)
{
	struct bpf_tunnel_key tkey = {};

	sizes.increment(bpf_log2l(skb->len));
	bpf_skb_get_tunnel_key(skb, &tkey, offsetof(struct bpf_tunnel_key, remote_ipv6[1]), 0);
	skb->cb[CB_SIP] = tkey.remote_ipv4;
	skb->cb[CB_DIP] = 0;
	skb->cb[CB_VNI] = tkey.tunnel_id;
	parser.call(skb, 1);
	return 1;
}
