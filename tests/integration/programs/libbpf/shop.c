/* libbpf's C with what BCC does not take: global variables, functions that are not inlined, CO-RE. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* A field at another offset than the kernel has it, and one that it does not have. */
struct task_struct {
	int tgid;
	int of_nobody;
} __attribute__((preserve_access_index));

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} lengths SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} closed SEC(".maps");

const volatile __u32 step = VERSION;
__u64 packets;
__u32 last_tgid = 7;

__attribute__((noinline)) int count(struct __sk_buff *skb)
{
	__u32 length = skb->len;
	__u64 one = 1, *seen = bpf_map_lookup_elem(&lengths, &length);

	if (seen)
		__sync_fetch_and_add(seen, 1);
	else
		bpf_map_update_elem(&lengths, &length, &one, BPF_ANY);
	return 0;
}

SEC("tc")
int shop(struct __sk_buff *skb)
{
	__u32 zero = 0, *is_closed = bpf_map_lookup_elem(&closed, &zero);

	__sync_fetch_and_add(&packets, step);
	count(skb);
	return is_closed && *is_closed ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

SEC("tc")
int shop_task(struct __sk_buff *skb)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	__sync_fetch_and_add(&packets, step);
	last_tgid = BPF_CORE_READ(task, tgid);
	return bpf_core_field_exists(task->of_nobody) ? TC_ACT_SHOT : TC_ACT_OK;
}

SEC("xdp")
int shop_xdp(struct xdp_md *ctx)
{
	return *(volatile char *)(long)ctx->data ? XDP_DROP : XDP_PASS;
}

SEC("cgroup_skb/egress")
int shop_egress(struct __sk_buff *skb)
{
	__u32 zero = 0, *is_closed = bpf_map_lookup_elem(&closed, &zero);

	return !(is_closed && *is_closed);
}

SEC("sockops")
int shop_sockets(struct bpf_sock_ops *ops)
{
	if (ops->op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB && bpf_ntohl(ops->remote_port) == 4444)
		__sync_fetch_and_add(&packets, step);
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
