/* Drops questions for names that a map lists. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <net/sock.h>
#include <bcc/proto.h>

#define ETH_LEN 14

struct dns_hdr_t {
	uint16_t id;
	uint16_t flags;
	uint16_t qdcount;
	uint16_t ancount;
	uint16_t nscount;
	uint16_t arcount;
} BPF_PACKET_HEADER;

struct dns_char_t {
	char c;
} BPF_PACKET_HEADER;

struct Key {
	unsigned char p[32];
};

struct Leaf {
	unsigned char p[4];
};

BPF_HASH(cache, struct Key, struct Leaf, 128);

int dns_matching(struct __sk_buff *skb)
{
	u8 *cursor = 0;
	struct Key key = {};

	struct ethernet_t *ethernet = cursor_advance(cursor, sizeof(*ethernet));
	if (ethernet->type != ETH_P_IP)
		return -1;
	struct ip_t *ip = cursor_advance(cursor, sizeof(*ip));
	u16 hlen_bytes = ip->hlen << 2;
	if (ip->nextp != IPPROTO_UDP || hlen_bytes != 20)
		return -1;
	struct udp_t *udp = cursor_advance(cursor, sizeof(*udp));
	if (udp->dport != 53)
		return -1;
	struct dns_hdr_t *dns_hdr = cursor_advance(cursor, sizeof(*dns_hdr));
	if ((dns_hdr->flags >> 15) != 0 || dns_hdr->qdcount != 1)
		return -1;

	u16 i = 0;
	struct dns_char_t *c;
#pragma unroll
	for (i = 0; i < 32; i++) {
		c = cursor_advance(cursor, 1);
		if (c->c == 0)
			break;
		key.p[i] = c->c;
	}
	struct Leaf *listed = cache.lookup(&key);
	if (listed) {
		lock_xadd((u32 *)listed->p, 1);
		return 0;
	}
	return -1;
}
