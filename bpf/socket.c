/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Load balancing where a process names its peer, at the node's cgroup: connect and sendmsg lead to
 * a backend, recvmsg and getpeername say the service. No packet is ever translated.
 *
 * IPv6 sockets that talk IPv4 name ::ffff:a.b.c.d, which is how the maps hold it: what is behind
 * the two families' hooks is the same.
 */
#include "lib/event.h"
#include "lib/service.h"
#include "lib/verdict.h"

/* errno.h, which clang for another target does not find everywhere. */
#define NO_SUCH_HOST (-113) /* EHOSTUNREACH */
#define IN_USE (-98)	    /* EADDRINUSE */

#define REFUSE 0
#define PASS 1

/* What the frontends of this kind of socket are named by; 0 for one that has no services. A socket
 * of MPTCP connects by its first subflow, which is a TCP socket with a cookie of its own: it gets a
 * backend, and getpeername of the whole says which. */
static __always_inline __u8 socket_protocol(__u32 protocol)
{
	if (protocol == IP_PROTOCOL_UDPLITE)
		return IP_PROTOCOL_UDP;
	return protocol == IP_PROTOCOL_TCP || protocol == IP_PROTOCOL_UDP ? (__u8)protocol : 0;
}

/* `family`, a constant: AF_INET or AF_INET6, as the hook's name says. */
static __always_inline void peer_read(struct bpf_sock_addr *ctx, __u32 family,
				      struct services_key *peer)
{
	if (family == AF_INET) {
		address_from_v4(&peer->address, ctx->user_ip4);
	} else {
		peer->address.words[0] = ctx->user_ip6[0];
		peer->address.words[1] = ctx->user_ip6[1];
		peer->address.words[2] = ctx->user_ip6[2];
		peer->address.words[3] = ctx->user_ip6[3];
	}
	peer->port = (__be16)ctx->user_port;
	peer->protocol = socket_protocol(ctx->protocol);
	peer->family = family == AF_INET ? FAMILY_IPV4 : address_family(&peer->address);
}

static __always_inline void peer_write(struct bpf_sock_addr *ctx, __u32 family,
				       const struct address *address, __be16 port)
{
	if (family == AF_INET) {
		ctx->user_ip4 = address->words[3];
	} else {
		ctx->user_ip6[0] = address->words[0];
		ctx->user_ip6[1] = address->words[1];
		ctx->user_ip6[2] = address->words[2];
		ctx->user_ip6[3] = address->words[3];
	}
	ctx->user_port = port;
}

/* The frontend that a socket's peer is. Loopback addresses are the node's only where the socket is
 * in the node's own namespace. */
static __always_inline const struct services_value *
peer_frontend(struct bpf_sock_addr *ctx, const struct service_state_value *state,
	      const struct services_key *peer)
{
	enum service_client client = SERVICE_CLIENT_POD;

	if (!peer->protocol)
		return 0;
	if (address_is_loopback(&peer->address) && get_netns_cookie(ctx) == state->host_netns)
		client = SERVICE_CLIENT_HOST;
	return service_lookup(state, peer, client);
}

/* Keep in mind which service the socket takes the backend for. A socket that says its peer with
 * each datagram says the same mostly: then nothing is written. */
static __always_inline void remember(__u64 cookie, const struct backends_value *backend,
				     const struct services_key *peer, __u32 id)
{
	struct reverse_sockets_key key = {
		.cookie = cookie,
		.address = backend->address,
		.port = backend->port,
		.protocol = peer->protocol,
	};
	struct reverse_sockets_value service = {
		.address = peer->address,
		.port = peer->port,
		.id = id,
	};
	const struct reverse_sockets_value *known;

	if (peer->protocol == IP_PROTOCOL_UDP) {
		known = map_lookup(MAP(reverse_sockets), &key);
		if (known && known->id == id && known->port == peer->port &&
		    address_equal(&known->address, &peer->address))
			return;
	}
	map_update(MAP(reverse_sockets), &key, &service, BPF_ANY);
}

/* The backend that a socket gets: any for a stream, always the same for datagrams of one socket
 * while the backends are the same; 0 where there is none. */
static __always_inline const struct backends_value *
peer_backend(struct bpf_sock_addr *ctx, const struct services_key *peer,
	     const struct services_value *frontend)
{
	const struct service_run run = service_inside(frontend);
	struct address client = { .words = { 0, 0, 0xffffffff, 0xffffffff } };
	const struct backends_value *backend;
	__u64 cookie = get_socket_cookie(ctx);
	__u64 netns;
	__u32 number;

	if (frontend->affinity) {
		netns = get_netns_cookie(ctx);
		client.words[0] = (__u32)netns;
		client.words[1] = (__u32)(netns >> 32);
	}
	if (peer->protocol == IP_PROTOCOL_TCP)
		number = get_prandom_u32();
	else /* cookies are counted up: spread them */
		number = (__u32)((cookie * 0x9e3779b97f4a7c15ULL) >> 32);
	backend = service_slot(service_choose_slot(frontend, &run,
						   service_position(number, run.active), &client));
	if (backend)
		remember(cookie, backend, peer, frontend->id);
	return backend;
}

/* Say to who looks where a socket was led to; `backend` 0: nowhere. Connects are few beside packets, so these are
 * filtered where they are read. */
static __always_inline void tell(struct bpf_sock_addr *ctx, const struct services_key *peer,
				 const struct backends_value *backend)
{
	struct event_lease_value *lease = event_lease();
	struct event_sockets_value event = {};
	const __u32 zero = 0;
	struct event_lost_value *lost;

	if (LIKELY(!lease))
		return;
	if (elapsed(lease->until, ktime_get_coarse_ns()) <= 0) {
		lease->until = 0;
		return;
	}
	event.destination = peer->address;
	event.destination_port = peer->port;
	event.protocol = peer->protocol;
	event.time = ktime_get_ns();
	event.hook = HOOK_SOCKET;
	event.netns = get_netns_cookie(ctx);
	event.kinds = EVENT_SOCKET | EVENT_DROPPED;
	event.verdict = VERDICT_NO_BACKEND;
	if (backend) {
		event.kinds = EVENT_SOCKET | EVENT_TRANSLATED;
		event.verdict = VERDICT_TO_ENDPOINT;
		event.to_destination = backend->address;
		event.to_destination_port = backend->port;
	}
	if (!map_push(MAP(event_sockets), &event, 0))
		return;
	lost = map_lookup(MAP(event_lost), &zero);
	if (lost)
		__sync_fetch_and_add(&lost->sockets, 1);
}

static __always_inline int no_backend(void)
{
	count(HOOK_SOCKET, VERDICT_NO_BACKEND, 0);
	set_retval(NO_SUCH_HOST);
	return REFUSE;
}

static __always_inline int to_backend(struct bpf_sock_addr *ctx, __u32 family)
{
	const struct service_state_value *state = service_state();
	const struct services_value *frontend;
	const struct backends_value *backend;
	struct services_key peer;

	if (!state)
		return PASS;
	peer_read(ctx, family, &peer);
	frontend = peer_frontend(ctx, state, &peer);
	if (!frontend)
		return PASS;
	backend = peer_backend(ctx, &peer, frontend);
	tell(ctx, &peer, backend);
	if (!backend)
		return no_backend();
	peer_write(ctx, family, &backend->address, backend->port);
	return PASS;
}

/* The service that a socket takes its peer for; 0 for a peer that is what it is, or where the
 * service is no longer the one that it was. */
static __always_inline const struct reverse_sockets_value *
peer_service(struct bpf_sock_addr *ctx, const struct service_state_value *state,
	     const struct services_key *peer)
{
	struct reverse_sockets_key key = {
		.cookie = get_socket_cookie(ctx),
		.address = peer->address,
		.port = peer->port,
		.protocol = peer->protocol,
	};
	const struct reverse_sockets_value *service = map_lookup(MAP(reverse_sockets), &key);
	const struct services_value *frontend;
	struct services_key was;

	if (!service)
		return 0;
	was.address = service->address;
	was.port = service->port;
	was.protocol = peer->protocol;
	was.family = address_family(&was.address);
	frontend = peer_frontend(ctx, state, &was);
	return frontend && frontend->id == service->id ? service : 0;
}

static __always_inline int from_service(struct bpf_sock_addr *ctx, __u32 family)
{
	const struct service_state_value *state = service_state();
	const struct reverse_sockets_value *service;
	struct services_key peer;

	if (!state)
		return PASS;
	peer_read(ctx, family, &peer);
	service = peer_service(ctx, state, &peer);
	if (service)
		peer_write(ctx, family, &service->address, service->port);
	return PASS;
}

/* Refuse a process of the node a port that services have there: it would wait, and nothing would come. */
static __always_inline int refuse_bind(struct bpf_sock *ctx)
{
	const struct service_state_value *state = service_state();
	struct services_key port = {};

	if (!state || !state->outside)
		return PASS;
	port.port = NET16(ctx->src_port);
	port.protocol = socket_protocol(ctx->protocol);
	if (!port.protocol || !service_exact(&port) || get_netns_cookie(ctx) != state->host_netns)
		return PASS;
	set_retval(IN_USE);
	return REFUSE;
}

int connect4(struct bpf_sock_addr *ctx)
{
	return to_backend(ctx, AF_INET);
}

int connect6(struct bpf_sock_addr *ctx)
{
	return to_backend(ctx, AF_INET6);
}

int sendmsg4(struct bpf_sock_addr *ctx)
{
	return to_backend(ctx, AF_INET);
}

/* What is for IPv4 goes by sendmsg4, from IPv6 sockets, too; and to IPv4 the kernel takes nobody
 * from here: what is for ::1 stays there. */
int sendmsg6(struct bpf_sock_addr *ctx)
{
	if (!(ctx->user_ip6[0] | ctx->user_ip6[1] | ctx->user_ip6[2]))
		return PASS;
	return to_backend(ctx, AF_INET6);
}

int recvmsg4(struct bpf_sock_addr *ctx)
{
	return from_service(ctx, AF_INET);
}

int recvmsg6(struct bpf_sock_addr *ctx)
{
	return from_service(ctx, AF_INET6);
}

int getpeername4(struct bpf_sock_addr *ctx)
{
	return from_service(ctx, AF_INET);
}

int getpeername6(struct bpf_sock_addr *ctx)
{
	return from_service(ctx, AF_INET6);
}

int post_bind4(struct bpf_sock *ctx)
{
	return refuse_bind(ctx);
}

int post_bind6(struct bpf_sock *ctx)
{
	return refuse_bind(ctx);
}

/* A stream's or connected socket's entry goes with it; of others the table forgets the oldest. */
int sock_release(struct bpf_sock *ctx)
{
	/* Read before it is known which count: the verifier takes no address of a field that was
	 * chosen at run time, and to that clang would make it. */
	const volatile struct bpf_sock *sock = ctx;
	const __be32 v4 = sock->dst_ip4;
	struct reverse_sockets_key key = {
		.address.words = { sock->dst_ip6[0], sock->dst_ip6[1], sock->dst_ip6[2],
				   sock->dst_ip6[3] },
		.port = sock->dst_port,
		.protocol = socket_protocol(sock->protocol),
	};

	if (!key.port || !key.protocol || !service_state())
		return PASS;
	if (sock->family == AF_INET)
		address_from_v4(&key.address, v4);
	key.cookie = get_socket_cookie(ctx);
	map_delete(MAP(reverse_sockets), &key);
	return PASS;
}
