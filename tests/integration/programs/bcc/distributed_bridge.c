/* Carries frames between a bridge's port and the tunnels of other hosts. */
#include <bcc/proto.h>
#include <linux/string.h>

struct tunnel_key {
	u32 tunnel_id;
	u32 remote_ipv4;
};

BPF_HASH(tunkey2if, struct tunnel_key, int, 1024);
BPF_HASH(if2tunkey, int, struct tunnel_key, 1024);
BPF_HASH(conf, int, int, 1);

int handle_ingress(struct __sk_buff *skb)
{
	struct bpf_tunnel_key tkey = {};
	struct tunnel_key key;
	int *ifindex;

	bpf_skb_get_tunnel_key(skb, &tkey, offsetof(struct bpf_tunnel_key, remote_ipv6[1]), 0);
	memset(&key, 0, sizeof(key));
	key.tunnel_id = tkey.tunnel_id;
	key.remote_ipv4 = tkey.remote_ipv4;
	ifindex = tunkey2if.lookup(&key);
	if (ifindex)
		bpf_clone_redirect(skb, *ifindex, 1);
	return 1;
}

int distributed_bridge(struct __sk_buff *skb)
{
	int ifindex = skb->ifindex, one = 1, *cfg;
	struct tunnel_key *key_p = if2tunkey.lookup(&ifindex);

	if (key_p) {
		struct bpf_tunnel_key tkey = {.tunnel_id = key_p->tunnel_id};

		memcpy(&tkey.remote_ipv4, &key_p->remote_ipv4, sizeof(tkey.remote_ipv4));
		bpf_skb_set_tunnel_key(skb, &tkey, offsetof(struct bpf_tunnel_key, remote_ipv6[1]),
				       BPF_F_ZERO_CSUM_TX);
		cfg = conf.lookup(&one);
		if (cfg)
			bpf_clone_redirect(skb, *cfg, 0);
	} else {
		struct tunnel_key unknown = {};

		if2tunkey.insert(&ifindex, &unknown);
	}
	return 1;
}
