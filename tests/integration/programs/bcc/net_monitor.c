/* Counts packets by source and destination. */
#include <uapi/linux/ptrace.h>
#include <net/sock.h>
#include <bcc/proto.h>
#include <linux/sched.h>
#include <linux/types.h>
#include <linux/version.h>

#define ETH_HLEN 14

BPF_HASH(packet_cnt, u64, long, 256);

int net_monitor(struct __sk_buff *skb)
{
	u8 *cursor = 0;
	u32 saddr, daddr;
	long *count = 0;
	long one = 1;
	u64 pass_value = 0;

	struct ethernet_t *ethernet = cursor_advance(cursor, sizeof(*ethernet));
	if (ethernet->type != ETH_P_IP)
		return 0;
	struct ip_t *ip = cursor_advance(cursor, sizeof(*ip));
	if (ip->ver != 4)
		return 0;
	saddr = ip->src;
	daddr = ip->dst;
	pass_value = saddr;
	pass_value = pass_value << 32;
	pass_value = pass_value + daddr;

	count = packet_cnt.lookup(&pass_value);
	if (count)
		*count += 1;
	else
		packet_cnt.update(&pass_value, &one);
	bpf_trace_printk("%x to %x\n", saddr, daddr);
	return -1;
}
