// SPDX-License-Identifier: MIT
/*
 * bench_echo.c - a TCP echo server: goroutines, and epoll by hand beside them
 *
 * bench_echo [-c CONNECTIONS] [-b BYTES] [-m MILLISECONDS] [-n ROUNDS]
 *   64 connections of 64 bytes, 1000 ms, 5 rounds unless said otherwise. The
 *   client is a process of one thread that answers each reply with the next
 *   request. The two servers take turns, so that both meet the same machine;
 *   GOROMAXPROCS says on how many workers the goroutines run. Prints medians.
 */
#include <goro/goro.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BYTES_MAX = 65536, ROUNDS_MAX = 99, EVENTS = 128 };

static int connections = 64, bytes = 64, milliseconds = 1000, rounds = 5;
static int listener;
static struct sockaddr_in address;

static void
check(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

static void
listen_anywhere(void)
{
	socklen_t len = sizeof(address);

	address.sin_port = 0;
	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	check(listener >= 0, "socket");
	check(!bind(listener, (struct sockaddr *)&address, len), "bind");
	check(!listen(listener, connections), "listen");
	check(!getsockname(listener, (struct sockaddr *)&address, &len), "getso"
									 "cknam"
									 "e");
}

static void
watch(int ep, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	check(!epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e), "epoll_ctl");
}

/* --- The client ----------------------------------------------------------- */

static long
ask_until(int ep, int64_t end_ns)
{
	static char buf[BYTES_MAX];
	struct epoll_event events[EVENTS];
	long requests = 0;

	while (goro_now() < end_ns) {
		int n = epoll_wait(ep, events, EVENTS, 100);

		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;
			ssize_t got = recv(fd, buf, bytes, MSG_WAITALL);

			check(got == bytes, "recv");
			check(write(fd, buf, bytes) == bytes, "write");
			requests++;
		}
	}
	return requests;
}

static long
client(void)
{
	static char buf[BYTES_MAX];
	int ep = epoll_create1(0);

	for (int i = 0; i < connections; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		check(!connect(fd, (struct sockaddr *)&address,
			       sizeof(address)),
		      "connect");
		watch(ep, fd);
		check(write(fd, buf, bytes) == bytes, "write");
	}
	ask_until(ep, goro_now() + milliseconds * 100000ll); /* warm */
	return ask_until(ep, goro_now() + milliseconds * 1000000ll);
}

/* --- The servers ---------------------------------------------------------- */

static struct goro_waitgroup all;

static void
echo(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char buf[4096];
	ssize_t n;

	while ((n = goro_read(fd, buf, sizeof(buf))) > 0)
		if (goro_write(fd, buf, n) != n)
			break;
	goro_close(fd);
	goro_waitgroup_done(&all);
}

static int
serve_goroutines(void *arg)
{
	(void)arg;
	goro_waitgroup_add(&all, connections);
	for (int i = 0; i < connections; i++) {
		int fd = goro_accept(listener, NULL, NULL);

		check(fd >= 0, "goro_accept");
		goro_go(echo, (void *)(intptr_t)fd);
	}
	goro_waitgroup_wait(&all);
	return 0;
}

static void
with_goroutines(void)
{
	check(goro_run(serve_goroutines, NULL) == 0, "goro_run");
}

static void
with_epoll(void)
{
	struct epoll_event events[EVENTS];
	int ep = epoll_create1(EPOLL_CLOEXEC), open = connections;
	char buf[4096];

	for (int i = 0; i < connections; i++)
		watch(ep, accept(listener, NULL, NULL));
	while (open) {
		int n = epoll_wait(ep, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;
			ssize_t got = read(fd, buf, sizeof(buf));

			if (got > 0 && write(fd, buf, got) == got)
				continue;
			close(fd);
			open--;
		}
	}
	close(ep);
}

/* --- Measuring ------------------------------------------------------------ */

struct result {
	double rate;   /* requests a second */
	double cpu_us; /* of the server, a request */
};

static double
cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
	       u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

/* The client's warming up counts as a tenth of its requests. */
static struct result
measure(void (*serve)(void))
{
	int fds[2];
	long requests = 0;
	double start_us = cpu_us();
	pid_t pid;

	listen_anywhere();
	check(!pipe(fds), "pipe");
	pid = fork();
	check(pid >= 0, "fork");
	if (!pid) {
		requests = client();
		_exit(write(fds[1], &requests, sizeof(requests)) < 0);
	}
	serve();
	check(read(fds[0], &requests, sizeof(requests)) > 0, "client");
	waitpid(pid, NULL, 0);
	close(fds[0]);
	close(fds[1]);
	close(listener);
	return (struct result){ requests * 1000.0 / milliseconds,
				(cpu_us() - start_us) / (requests * 1.1) };
}

static int
by_rate(const void *a, const void *b)
{
	double x = ((const struct result *)a)->rate;
	double y = ((const struct result *)b)->rate;

	return (x > y) - (x < y);
}

static double
show(const char *name, struct result *r)
{
	qsort(r, rounds, sizeof(*r), by_rate);
	printf("%-10s %9.0f req/s  %.2f us of CPU each\n", name,
	       r[rounds / 2].rate, r[rounds / 2].cpu_us);
	return r[rounds / 2].rate;
}

int
main(int argc, char **argv)
{
	static struct result goroutines[ROUNDS_MAX], epoll[ROUNDS_MAX];
	double ratio;
	int c;

	while ((c = getopt(argc, argv, "c:b:m:n:")) != -1)
		switch (c) {
		case 'c':
			connections = atoi(optarg);
			break;
		case 'b':
			bytes = atoi(optarg);
			break;
		case 'm':
			milliseconds = atoi(optarg);
			break;
		case 'n':
			rounds = atoi(optarg);
			break;
		default:
			return 64;
		}
	if (connections < 1 || bytes < 1 || bytes > BYTES_MAX ||
	    milliseconds < 1 || rounds < 1 || rounds > ROUNDS_MAX)
		return 64;
	for (int i = 0; i < rounds; i++) {
		goroutines[i] = measure(with_goroutines);
		epoll[i] = measure(with_epoll);
	}
	ratio = show("goroutines", goroutines);
	ratio /= show("epoll", epoll);
	printf("%-10s %9.3f\n", "ratio", ratio);
	return 0;
}
