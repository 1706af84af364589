/* libbpf's C with the kernel's own types. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define TC_ACT_UNSPEC -1
#define ETH_P_IP 0x0800

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} loaves SEC(".maps");

static u64 others;

static __attribute__((noinline)) void bake(u64 number)
{
	u32 zero = 0;
	u64 *count = bpf_map_lookup_elem(&loaves, &zero);

	if (count)
		__sync_fetch_and_add(count, number);
}

SEC("classifier")
int bakery(struct __sk_buff *skb)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	if (skb->protocol == bpf_htons(ETH_P_IP))
		bake(BPF_CORE_READ(task, tgid));
	else
		others++;
	return TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "GPL";
