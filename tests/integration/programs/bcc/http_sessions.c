/* Remembers the connections that began an HTTP request, and keeps their later segments. */
#include <uapi/linux/ptrace.h>
#include <net/sock.h>
#include <bcc/proto.h>

struct Key {
	u32 src_ip;
	u32 dst_ip;
	unsigned short src_port;
	unsigned short dst_port;
};

struct Leaf {
	int segments;
};

BPF_HASH(sessions, struct Key, struct Leaf, 1024);

int http_sessions(struct __sk_buff *skb)
{
	u8 *cursor = 0;
	struct Key key = {};
	struct Leaf zero = {0};

	struct ethernet_t *ethernet = cursor_advance(cursor, sizeof(*ethernet));
	if (ethernet->type != ETH_P_IP)
		return 0;
	struct ip_t *ip = cursor_advance(cursor, sizeof(*ip));
	if (ip->nextp != IPPROTO_TCP)
		return 0;
	key.dst_ip = ip->dst;
	key.src_ip = ip->src;
	struct tcp_t *tcp = cursor_advance(cursor, sizeof(*tcp));
	key.dst_port = tcp->dst_port;
	key.src_port = tcp->src_port;

	u32 payload_offset = sizeof(*ethernet) + (ip->hlen << 2) + (tcp->offset << 2);
	struct Leaf *leaf = sessions.lookup(&key);
	if (!leaf && load_half(skb, payload_offset) == 0x4745) /* GE */
		leaf = sessions.lookup_or_try_init(&key, &zero);
	if (!leaf)
		return 0;
	lock_xadd(&leaf->segments, 1);
	return -1;
}
