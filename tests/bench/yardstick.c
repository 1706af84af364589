// SPDX-License-Identifier: GPL-3.0-or-later
// One measurement between two network namespaces, as one line of JSON.
//
//	yardstick CPU CLIENT_NETNS SERVER_NETNS ADDRESS YARDSTICK SAMPLES [SERVICE PORT CGROUP]
//
// With a service, the client asks for that and stands in that cgroup2 folder; the server then
// listens on the ports of three backends.
//
// A yardstick's sample is the time that one operation took, in nanoseconds:
//	rr       one byte there and one back over a standing TCP connection
//	connect  connect() alone, to a server that accepts later
//	udp      one datagram out of a window of 128, which the server drains and answers once
//	udp_in   the same the other way: the server sends the window, and the client drains it
//	crr      connect, one byte there and one back, close
//	stream   one MiB over a standing TCP connection, out of a burst of 8
//	hook     connect() of a UDP socket that is connected already, mean of 50; nobody answers
//
// Client and server share one CPU under SCHED_FIFO and block in their calls: nothing but the
// path between them, and the same two switches, is measured. With two CPUs it would be wake-ups.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	PORT = 8080,
	BACKENDS = 3, // of a service: this port and the next ones
	PRIORITY = 50,
	BACKLOG = 256,
	WARM_UP = 4,	    // a quarter more comes first and is not kept: caches, quick acknowledgements
	CONNECT_BURST = 32, // connects between two pauses in which the acceptor drains
	UDP_WINDOW = 128,
	UDP_SIZE = 16,
	MIB = 1 << 20,
	STREAM_BURST = 8, // MiB between two answers
	HOOK_BURST = 50,  // connects in a sample
	PATIENCE = 5,	  // seconds that a call may block
};

static const char *yardstick = "yardstick"; // what is being done, for the error message

__attribute__((format(printf, 1, 2), noreturn)) static void die(const char *format, ...)
{
	// What the kernel says of a blocking call that its socket's timeout has ended.
	int error = errno == EAGAIN || errno == EINPROGRESS ? ETIMEDOUT : errno;
	va_list arguments;

	va_start(arguments, format);
	fprintf(stderr, "%s: ", yardstick);
	vfprintf(stderr, format, arguments);
	fprintf(stderr, ": %s\n", strerror(error));
	va_end(arguments);
	exit(1);
}

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

// ---- sockets ---------------------------------------------------------------------------------

static void set(int fd, int level, int option, const void *value, socklen_t size)
{
	if (setsockopt(fd, level, option, value, size))
		die("setsockopt %d/%d", level, option);
}

static int open_socket(int type)
{
	static const struct timeval patience = {.tv_sec = PATIENCE};
	static const int yes = 1, buffer = 4 * MIB;
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	set(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	set(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (type == SOCK_STREAM)
		set(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	else
		set(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)); // a whole window
	return fd;
}

static void call(int fd, const struct sockaddr_in *server)
{
	if (connect(fd, (const struct sockaddr *)server, sizeof(*server)))
		die("connect to %s", inet_ntoa(server->sin_addr));
}

static int dial(int type, const struct sockaddr_in *server)
{
	int fd = open_socket(type);

	call(fd, server);
	return fd;
}

static int answer(int listener)
{
	static const struct timeval patience = {.tv_sec = PATIENCE};
	static const int yes = 1;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		die("accept");
	set(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	set(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	return fd;
}

// A reset instead of a handshake: no connection stays behind in TIME_WAIT.
static void hang_up(int fd)
{
	static const struct linger at_once = {.l_onoff = 1};

	set(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
}

static void put(int fd, const char *buffer, size_t size)
{
	while (size) {
		ssize_t n = send(fd, buffer, size, MSG_NOSIGNAL);

		if (n < 0)
			die("send");
		buffer += n;
		size -= n;
	}
}

// Returns 0 where the peer has closed the connection instead.
static int get(int fd, char *buffer, size_t size)
{
	while (size) {
		ssize_t n = recv(fd, buffer, size, 0);

		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return 0;
		if (n < 0)
			die("recv");
		buffer += n;
		size -= n;
	}
	return 1;
}

// ---- the yardsticks: a server and a client each ----------------------------------------------

static char bytes[MIB];

static void serve_rr(int listener)
{
	int fd = answer(listener);

	while (get(fd, bytes, 1))
		put(fd, bytes, 1);
}

static void ask_rr(const struct sockaddr_in *server, double *sample, int samples)
{
	int fd = dial(SOCK_STREAM, server);

	for (int i = 0; i < samples; i++) {
		long long start = now();

		put(fd, bytes, 1);
		if (!get(fd, bytes, 1))
			die("closed");
		sample[i] = now() - start;
	}
	hang_up(fd);
}

static void serve_connect(int listener)
{
	for (;;)
		close(answer(listener));
}

static void ask_connect(const struct sockaddr_in *server, double *sample, int samples)
{
	static const struct timespec pause = {.tv_nsec = 1000000};

	for (int i = 0; i < samples; i++) {
		int fd = open_socket(SOCK_STREAM);
		long long start = now();

		call(fd, server);
		sample[i] = now() - start;
		hang_up(fd);
		if (i % CONNECT_BURST == CONNECT_BURST - 1)
			nanosleep(&pause, NULL);
	}
}

static void serve_udp(int fd)
{
	for (;;) {
		struct sockaddr_in client;
		socklen_t size = sizeof(client);

		for (int i = 0; i < UDP_WINDOW; i++) {
			if (recvfrom(fd, bytes, UDP_SIZE, 0, (struct sockaddr *)&client, &size) < 0)
				die("a datagram of a window is missing");
		}
		if (sendto(fd, bytes, 1, 0, (struct sockaddr *)&client, size) < 0)
			die("sendto");
	}
}

static void ask_udp(const struct sockaddr_in *server, double *sample, int samples)
{
	int fd = dial(SOCK_DGRAM, server);

	for (int i = 0; i < samples; i++) {
		long long start = now();

		for (int j = 0; j < UDP_WINDOW; j++)
			put(fd, bytes, UDP_SIZE);
		get(fd, bytes, 1);
		sample[i] = (double)(now() - start) / UDP_WINDOW;
	}
	close(fd);
}

static void serve_udp_in(int fd)
{
	for (;;) {
		struct sockaddr_in client;
		socklen_t size = sizeof(client);

		if (recvfrom(fd, bytes, 1, 0, (struct sockaddr *)&client, &size) < 0)
			die("recvfrom");
		for (int i = 0; i < UDP_WINDOW; i++) {
			if (sendto(fd, bytes, UDP_SIZE, 0, (struct sockaddr *)&client, size) < 0)
				die("sendto");
		}
	}
}

static void ask_udp_in(const struct sockaddr_in *server, double *sample, int samples)
{
	int fd = dial(SOCK_DGRAM, server);

	for (int i = 0; i < samples; i++) {
		long long start = now();

		put(fd, bytes, 1);
		for (int j = 0; j < UDP_WINDOW; j++)
			get(fd, bytes, UDP_SIZE);
		sample[i] = (double)(now() - start) / UDP_WINDOW;
	}
	close(fd);
}

static void serve_crr(int listener)
{
	for (;;) {
		int fd = answer(listener);

		if (get(fd, bytes, 1))
			put(fd, bytes, 1);
		get(fd, bytes, 1); // until the client has closed
		close(fd);
	}
}

static void ask_crr(const struct sockaddr_in *server, double *sample, int samples)
{
	for (int i = 0; i < samples; i++) {
		long long start = now();
		int fd = dial(SOCK_STREAM, server);

		put(fd, bytes, 1);
		if (!get(fd, bytes, 1))
			die("closed");
		hang_up(fd);
		sample[i] = now() - start;
	}
}

static void serve_stream(int listener)
{
	int fd = answer(listener);

	for (;;) {
		for (int i = 0; i < STREAM_BURST; i++) {
			if (!get(fd, bytes, MIB))
				return;
		}
		put(fd, bytes, 1);
	}
}

static void ask_stream(const struct sockaddr_in *server, double *sample, int samples)
{
	int fd = dial(SOCK_STREAM, server);

	for (int i = 0; i < samples; i++) {
		long long start = now();

		for (int j = 0; j < STREAM_BURST; j++)
			put(fd, bytes, MIB);
		if (!get(fd, bytes, 1))
			die("closed");
		sample[i] = (double)(now() - start) / STREAM_BURST;
	}
	hang_up(fd);
}

static void serve_hook(int fd)
{
	(void)fd;
	pause();
}

static void ask_hook(const struct sockaddr_in *server, double *sample, int samples)
{
	int fd = open_socket(SOCK_DGRAM);

	for (int i = 0; i < samples; i++) {
		long long start = now();

		for (int j = 0; j < HOOK_BURST; j++)
			call(fd, server);
		sample[i] = (double)(now() - start) / HOOK_BURST;
	}
	close(fd);
}

static const struct yardstick {
	const char *name;
	int type;
	void (*serve)(int fd);
	void (*ask)(const struct sockaddr_in *server, double *sample, int samples);
} yardsticks[] = {
	{"rr", SOCK_STREAM, serve_rr, ask_rr},
	{"connect", SOCK_STREAM, serve_connect, ask_connect},
	{"udp", SOCK_DGRAM, serve_udp, ask_udp},
	{"udp_in", SOCK_DGRAM, serve_udp_in, ask_udp_in},
	{"crr", SOCK_STREAM, serve_crr, ask_crr},
	{"stream", SOCK_STREAM, serve_stream, ask_stream},
	{"hook", SOCK_DGRAM, serve_hook, ask_hook},
};

// ---- the two processes -----------------------------------------------------------------------

// The network namespace alone: bpffs and everything else stays in sight.
static void enter(const char *netns)
{
	int fd = open(netns, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die("open %s", netns);
	if (setns(fd, CLONE_NEWNET))
		die("setns %s", netns);
	close(fd);
}

// Sockets belong to the cgroup in which they were opened, and so does what is attached there.
static void join(const char *cgroup)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		die("join %s", cgroup);
	close(fd);
}

static void settle(int cpu)
{
	struct sched_param priority = {.sched_priority = PRIORITY};
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		die("CPU %d", cpu);
	if (sched_setscheduler(0, SCHED_FIFO, &priority))
		die("SCHED_FIFO");
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		die("mlockall");
}

static int listen_at(const struct yardstick *y, const struct sockaddr_in *at)
{
	static const int yes = 1;
	int fd = open_socket(y->type);

	set(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(fd, (const struct sockaddr *)at, sizeof(*at)))
		die("bind to %s", inet_ntoa(at->sin_addr));
	if (y->type == SOCK_STREAM && listen(fd, BACKLOG))
		die("listen");
	return fd;
}

// A process for each port; all listen before any of them serves.
static void be_server(const struct yardstick *y, struct sockaddr_in at, int ports, int ready)
{
	int fds[BACKENDS], mine = 0;

	for (int i = 0; i < ports; i++) {
		fds[i] = listen_at(y, &at);
		at.sin_port = htons(ntohs(at.sin_port) + 1);
	}
	for (int i = 1; i < ports && !mine; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			mine = i;
		}
	}
	if (!mine && write(ready, "", 1) != 1)
		die("ready");
	y->serve(fds[mine]);
}

static pid_t child;

static void stop_server(void)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	const struct yardstick *y = NULL;
	struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(PORT)}, asked;
	int cpu, samples, warm_up, ready[2];
	const char *cgroup = NULL;
	double *sample;
	char byte;

	if (argc != 7 && argc != 10) {
		fprintf(stderr,
			"usage: %s CPU CLIENT_NETNS SERVER_NETNS ADDRESS YARDSTICK SAMPLES"
			" [SERVICE PORT CGROUP]\n",
			argv[0]);
		return 2;
	}
	cpu = atoi(argv[1]);
	samples = atoi(argv[6]);
	for (size_t i = 0; i < sizeof(yardsticks) / sizeof(*yardsticks); i++) {
		if (!strcmp(yardsticks[i].name, argv[5]))
			y = &yardsticks[i];
	}
	if (!y || samples <= 0 || !inet_aton(argv[4], &server.sin_addr)) {
		fprintf(stderr, "%s: no such yardstick, address or count\n", argv[0]);
		return 2;
	}
	asked = server;
	if (argc == 10) {
		if (!inet_aton(argv[7], &asked.sin_addr)) {
			fprintf(stderr, "%s: no such service\n", argv[0]);
			return 2;
		}
		asked.sin_port = htons(atoi(argv[8]));
		cgroup = argv[9];
	}
	yardstick = y->name;
	warm_up = (samples + WARM_UP - 1) / WARM_UP;
	sample = calloc(warm_up + samples, sizeof(*sample));
	if (!sample || pipe2(ready, O_CLOEXEC))
		die("start");

	child = fork();
	if (child < 0)
		die("fork");
	prctl(PR_SET_PDEATHSIG, SIGKILL); // neither process outlives the one that started it
	settle(cpu);
	if (!child) {
		close(ready[0]);
		enter(argv[3]);
		be_server(y, server, cgroup ? BACKENDS : 1, ready[1]);
		return 0;
	}
	close(ready[1]);
	atexit(stop_server);
	enter(argv[2]);
	if (cgroup)
		join(cgroup);
	if (read(ready[0], &byte, 1) != 1) {
		fprintf(stderr, "%s: the server did not start\n", yardstick);
		return 1;
	}
	y->ask(&asked, sample, warm_up + samples);
	sample += warm_up;
	qsort(sample, samples, sizeof(*sample), ascending);
	printf("{\"yardstick\": \"%s\", \"samples\": %d, \"p10\": %.1f, \"p50\": %.1f, \"p90\": %.1f}\n",
	       y->name, samples, sample[samples / 10], sample[samples / 2], sample[samples * 9 / 10]);
	return 0;
}
