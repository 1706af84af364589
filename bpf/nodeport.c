/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the network and the tunnel send, where the kernel carries packets: tc ingress of the node's
 * devices and of pn_vxlan. What is for a service, or answers a pod by the node's address, never gets
 * as far as the kernel; nor does what has a source that it cannot have. */
#include "lib/answer.h"
#include "lib/balance.h"
#include "lib/frame.h"
#include "lib/inbound.h"
#include "lib/source.h"
#include "lib/tunnel.h"

static __always_inline int to_pod(struct __sk_buff *skb, struct packet *packet,
				  const struct config_value *config,
				  const struct endpoints_value *endpoint)
{
	if (config && !inbound(skb, packet, config))
		return drop(skb, HOOK_NODEPORT, VERDICT_MALFORMED);
	return answer_deliver(skb, packet, HOOK_NODEPORT, endpoint);
}

int nodeport(struct __sk_buff *skb)
{
	const struct endpoints_value *endpoint;
	const struct config_value *config;
	struct packet packet = {};
	int done;

	if (skb->protocol != NET16(ETH_P_IP) || !frame_is_ours(skb))
		return TC_ACT_UNSPEC;
	if (!packet_parse_v4(skb, &packet))
		return TC_ACT_UNSPEC; /* the stack counts it among its own header errors */
	config = node_config();
	if (config && UNLIKELY(source_is_own(config, &packet)))
		return drop(skb, HOOK_NODEPORT, VERDICT_SPOOFED_SOURCE);
	done = config ? tunnel_inspect(skb, &packet, config) : 0;
	if (done)
		return drop(skb, HOOK_NODEPORT, done);
	if (!MASQUERADES && !service_state())
		return TC_ACT_UNSPEC;
	endpoint = endpoint_lookup_v4(packet.ip->daddr);
	if (endpoint && endpoint->ifindex)
		done = to_pod(skb, &packet, config, endpoint);
	else
		done = balance(skb, &packet, HOOK_NODEPORT, SERVICE_CLIENT_OUTSIDE);
	return done == NOT_TRANSLATED ? TC_ACT_UNSPEC : done;
}
