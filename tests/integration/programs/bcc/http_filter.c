/* A socket filter that keeps what begins an HTTP request: headers by BCC's own structs and cursor. */
#include <uapi/linux/ptrace.h>
#include <net/sock.h>
#include <bcc/proto.h>

#define IP_TCP 6
#define ETH_HLEN 14

BPF_ARRAY(verdicts, u64, 2);

int http_filter(struct __sk_buff *skb)
{
	u8 *cursor = 0;
	int drop = 0, keep = 1;

	struct ethernet_t *ethernet = cursor_advance(cursor, sizeof(*ethernet));
	if (!(ethernet->type == 0x0800))
		goto DROP;

	struct ip_t *ip = cursor_advance(cursor, sizeof(*ip));
	if (ip->nextp != IP_TCP)
		goto DROP;

	u32 ip_header_length = ip->hlen << 2;
	if (ip_header_length < sizeof(*ip))
		goto DROP;
	void *options = cursor_advance(cursor, (ip_header_length - sizeof(*ip)));

	struct tcp_t *tcp = cursor_advance(cursor, sizeof(*tcp));
	u32 payload_offset = ETH_HLEN + ip_header_length + (tcp->offset << 2);
	if (ip->tlen - ip_header_length - (tcp->offset << 2) < 7)
		goto DROP;

	unsigned long p[4];
	int i = 0;
	for (i = 0; i < 4; i++)
		p[i] = load_byte(skb, payload_offset + i);
	if ((p[0] == 'G') && (p[1] == 'E') && (p[2] == 'T') && (p[3] == ' ')) {
		verdicts.increment(keep);
		return -1;
	}
DROP:
	verdicts.increment(drop);
	return 0;
}
