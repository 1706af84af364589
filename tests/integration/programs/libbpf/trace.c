/* Who starts a program: counted by process. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u64);
} seen SEC(".maps");

const volatile __u64 step = VERSION;

SEC("raw_tp")
int trace(void *ctx)
{
	__u32 process = bpf_get_current_pid_tgid() >> 32;
	__u64 first = step, *count = bpf_map_lookup_elem(&seen, &process);

	if (count)
		__sync_fetch_and_add(count, step);
	else
		bpf_map_update_elem(&seen, &process, &first, BPF_ANY);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
