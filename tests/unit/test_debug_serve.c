// SPDX-License-Identifier: MIT
/*
 * test_debug_serve.c - profiles over HTTP, to clients of all kinds
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "goro/goro.h"
#include "profile_heap.h"
#include "profile_of.h"

enum { ANSWER = 1 << 20, MS = 1000000, PATIENCE_MS = 60000 };

static char place[64]; /* "unix:/tmp/..." */
static uint16_t port;

struct answer {
	int status;
	size_t n;
	char *body, all[ANSWER];
};

/* --- A client ------------------------------------------------------------------ */

/* A connection to the server, over TCP or not. */
static int
dial(bool tcp)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(tcp ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(un.sun_path, place + 5);
	T_CHECK(fd >= 0);
	T_CHECK(!connect(fd,
			 tcp ? (struct sockaddr *)&in : (struct sockaddr *)&un,
			 tcp ? sizeof(in) : sizeof(un)));
	return fd;
}

static void
say(int fd, const char *text, size_t n)
{
	/* It may have hung up by then. */
	if (send(fd, text, n, MSG_NOSIGNAL) < 0)
		T_CHECK(errno == EPIPE || errno == ECONNRESET);
}

/* All that comes until the end; the status is 0 when nothing did. */
static void
hear(int fd, struct answer *a)
{
	ssize_t got = 0;

	a->n = 0;
	do {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int n;

		do /* whoever takes a profile may interrupt us */
			n = poll(&p, 1, PATIENCE_MS);
		while (n < 0 && errno == EINTR);
		T_CHECK_EQ(n, 1);
		got = recv(fd, a->all + a->n, ANSWER - 1 - a->n, 0);
		if (got > 0)
			a->n += (size_t)got;
	} while (got > 0);
	a->all[a->n] = '\0';
	close(fd);
	a->status = 0;
	a->body = strstr(a->all, "\r\n\r\n");
	if (!a->body)
		return;
	a->body += 4;
	T_CHECK(sscanf(a->all, "HTTP/1.1 %d ", &a->status) == 1);
	a->n -= (size_t)(a->body - a->all);
}

static int
ask(const char *path)
{
	int fd = dial(false);
	char line[256];

	snprintf(line, sizeof(line), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n",
		 path);
	say(fd, line, strlen(line));
	return fd;
}

static struct answer *
get(const char *path)
{
	static struct answer a;

	hear(ask(path), &a);
	return &a;
}

static void
read_profile(const struct answer *a, struct gt_profile *ret)
{
	struct gt_error *err;

	T_CHECK_EQ(a->status, 200);
	err = gt_profile_read(a->body, a->n, ret);
	if (err)
		t_fail(__FILE__, __LINE__, err->text);
}

/* --- What it answers -------------------------------------------------------------- */

static struct goro_chan *never;

static void
waiter(void *arg)
{
	goro_label_set("role", "waiter");
	goro_chan_recv(never, NULL);
	__asm__ volatile(""); /* no tail call */
	(void)arg;
}

/* On a thread that has nothing to do with goroutines, as clients are. */
static void
with_waiters(void (*fn)(void))
{
	never = goro_chan_create(0, 0);
	for (int i = 0; i < 5; i++)
		goro_go(waiter, NULL);
	goro_sleep(5 * MS);
	goro_blocking_begin();
	fn();
	goro_blocking_end();
	goro_chan_close(never);
	T_EVENTUALLY((goro_yield(), goro_count() == 1));
	goro_chan_unref(never);
}

static void
goroutines(void)
{
	struct gt_profile p;
	struct answer *a = get("/debug/pprof/goroutine");

	T_CHECK(strstr(a->all, "filename=\"goroutine\"\r\n"));
	T_CHECK(strstr(a->all, "X-Content-Type-Options: nosniff\r\n"));
	read_profile(a, &p);
	T_CHECK_EQ(t_profile_sum(&p, "waiter", 0), 5);
	gt_profile_fini(&p);

	a = get("/debug/pprof/goroutine?debug=1");
	T_CHECK(!strncmp(a->body, "goroutine profile: total 6\n", 27));
	T_CHECK(strstr(a->body, "\n# labels: {\"role\":\"waiter\"}\n"));
	a = get("/debug/pprof/goroutine?debug=2");
	T_CHECK(!strncmp(a->body, "goroutine 1 [", 13));
	T_CHECK(strstr(a->body, "[chan receive]:\ngoro_chan_recv(...)\n"));

	a = get("/metrics");
	T_CHECK(strstr(a->body, "\ngoro_goroutines{state=\"waiting\"} 5\n"));
	T_CHECK(strstr(a->body, "\ngoro_goroutines_waiting{reason=\"chan "
				"receive\"} 5\n"));
	a = get("/debug/pprof/");
	T_CHECK(strstr(a->all, "Content-Type: text/html; charset=utf-8\r\n"));
	T_CHECK(strstr(a->body, "<td>6<td><a href='goroutine?debug=1'>"));
	a = get("/debug/pprof/cmdline");
	T_CHECK(strstr(a->body, "test_debug_serve"));
}

T_GORO(goroutines_are_served)
{
	with_waiters(goroutines);
}

/* Three at the same time. */
static void
seconds(void)
{
	static const char *const paths[] = {
		"/debug/pprof/block?seconds=1",
		"/debug/pprof/wall?seconds=1",
		"/debug/pprof/goroutine?seconds=1",
	};
	static struct answer a;
	struct gt_profile p;
	int fd[3];

	for (int i = 0; i < 3; i++)
		fd[i] = ask(paths[i]);
	/* All five wait for all of the second. */
	for (int i = 0; i < 2; i++) {
		hear(fd[i], &a);
		read_profile(&a, &p);
		T_CHECK(t_profile_sum(&p, "waiter", 1) >= 5 * 900ll * MS);
		T_CHECK(p.duration_ns >= 1000ll * MS);
		gt_profile_fini(&p);
	}
	/* None was started or ended in it. */
	hear(fd[2], &a);
	read_profile(&a, &p);
	T_CHECK_EQ(t_profile_sum(&p, "waiter", 0), 0);
	gt_profile_fini(&p);
}

T_GORO(a_profile_may_be_of_some_seconds)
{
	with_waiters(seconds);
}

static void
errors_are_as_in_go(void **state)
{
	static const struct {
		const char *path;
		int status;
		const char *body;
	} errors[] = {
		{ "/debug/pprof/nonsense", 404, "Unknown profile\n" },
		{ "/debug/pprof/heap", 500,
		  "allocations are not sampled: start the program with "
		  "LD_PRELOAD=libgoro-heapprof.so\n" },
		{ "/nonsense", 404, "404 page not found\n" },
		{ "/debug/pprof/block?seconds=0", 400,
		  "invalid value for \"seconds\" - must be a positive "
		  "integer\n" },
		{ "/debug/pprof/block?seconds=x", 400,
		  "invalid value for \"seconds\" - must be a positive "
		  "integer\n" },
		{ "/debug/pprof/block?seconds=1&debug=1", 400,
		  "seconds and debug params are incompatible\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		struct answer *a = get(errors[i].path);

		assert_int_equal(a->status, errors[i].status);
		assert_string_equal(a->body, errors[i].body);
		assert_non_null(strstr(a->all, "X-Go-Pprof: 1\r\n"));
	}
}

/* As if malloc() had told of one block. */
static void
memory_is_served(void **state)
{
	struct goro_sampler_thread t = { .stack = t_own_stack() };
	struct gt_profile p;
	struct answer *a;

	(void)state;
	T_CHECK(gr_profile_heap_prepare(1));
	gr_profile_heap_hooks.allocated(&t, (void *)0x10000, 12345);
	a = get("/debug/pprof/heap");
	T_CHECK(strstr(a->all, "filename=\"heap\"\r\n"));
	read_profile(a, &p);
	T_CHECK_EQ(t_profile_sum(&p, "memory_is_served", 3), 12345);
	gt_profile_fini(&p);
	a = get("/debug/pprof/heap?debug=1");
	T_CHECK(!strncmp(a->body,
			 "heap profile: 1: 12345 [1: 12345] @ heapprofile\n"
			 "1: 12345 [1: 12345] @ 0x",
			 72));
	a = get("/debug/pprof/allocs?seconds=1");
	T_CHECK(strstr(a->all, "filename=\"allocs-delta\"\r\n"));
	read_profile(a, &p);
	T_CHECK_EQ(p.samples.n, 0);
	gt_profile_fini(&p);
}

static void
one_cpu_profile_at_a_time(void **state)
{
	static struct answer first, second;
	struct gt_profile p;
	int fd = ask("/debug/pprof/profile?seconds=1");

	(void)state;
	do /* until the first has been read */
		hear(ask("/debug/pprof/profile?seconds=1"), &second);
	while (second.status == 200);
	assert_int_equal(second.status, 500);
	assert_string_equal(second.body, "Could not enable CPU profiling: cpu "
					 "profiling "
					 "already in use\n");
	hear(fd, &first);
	if (first.status == 200) { /* or the other one was */
		read_profile(&first, &p);
		gt_profile_fini(&p);
	}

	/* A client that goes away ends its profile. */
	close(ask("/debug/pprof/profile?seconds=600"));
	T_EVENTUALLY(get("/debug/pprof/profile?seconds=1")->status == 200);
}

static void
addresses_are_named(void **state)
{
	char request[256], body[64];
	static struct answer a;
	int fd = dial(false);

	(void)state;
	snprintf(body, sizeof(body), "%#zx+0x1+0+nonsense+", (uintptr_t)waiter);
	snprintf(request, sizeof(request),
		 "POST /debug/pprof/symbol HTTP/1.1\r\nContent-Length: %zu\r\n"
		 "\r\n%s",
		 strlen(body), body);
	say(fd, request, strlen(request));
	hear(fd, &a);
	assert_int_equal(a.status, 200);
	assert_int_equal(strncmp(a.body, "num_symbols: 1\n", 15), 0);
	assert_non_null(strstr(a.body, " waiter\n"));
}

/* Every worker busy for good, and no goroutine lets go: it answers. */
static bool enough;

static void
stuck(void *arg)
{
	goro_preempt_off();
	while (!__atomic_load_n(&enough, __ATOMIC_RELAXED))
		;
	goro_preempt_on();
	(void)arg;
}

T_GORO(it_answers_while_all_workers_are_stuck)
{
	struct gt_profile p;

	for (int i = 0; i < 2; i++)
		goro_go(stuck, NULL);
	goro_preempt_off(); /* we do not let go of ours either */
	read_profile(get("/debug/pprof/goroutine"), &p);
	T_CHECK_EQ(t_profile_sum(&p, "stuck", 0), 2);
	gt_profile_fini(&p);
	T_CHECK_EQ(get("/metrics")->status, 200);
	__atomic_store_n(&enough, true, __ATOMIC_RELAXED);
	goro_preempt_on();
	T_EVENTUALLY((goro_yield(), goro_count() == 1));
}

/* --- Bad clients -------------------------------------------------------------------- */

static int
status_of(const char *request, size_t n)
{
	static struct answer a;
	int fd = dial(false);

	say(fd, request, n);
	shutdown(fd, SHUT_WR);
	hear(fd, &a);
	return a.status;
}

static void
malformed_requests_are_refused(void **state)
{
	static char large[100000];

	(void)state;
#define STATUS(request) status_of(request, sizeof(request) - 1)
	assert_int_equal(STATUS("\r\n\r\n"), 400);
	assert_int_equal(STATUS("GET\r\n\r\n"), 400);
	assert_int_equal(STATUS("GET /metrics\r\n\r\n"), 400);
	assert_int_equal(STATUS("GET metrics HTTP/1.1\r\n\r\n"), 400);
	assert_int_equal(STATUS("GET /metrics FTP/1.1\r\n\r\n"), 400);
	assert_int_equal(STATUS("GET /\0metrics HTTP/1.1\r\n\r\n"), 400);
	assert_int_equal(STATUS("PUT /metrics HTTP/1.1\r\n\r\n"), 405);
	assert_int_equal(STATUS("POST /debug/pprof/symbol HTTP/1.1\r\n"
				"Content-Length: 99999999999\r\n\r\n"),
			 413);
	assert_int_equal(STATUS("POST /debug/pprof/symbol HTTP/1.1\r\n"
				"Content-Length: -1\r\n\r\n"),
			 400);
	assert_int_equal(STATUS("GET /metrics HTTP/1.0\n\n"), 200);
	assert_int_equal(STATUS("HEAD /metrics HTTP/1.1\r\n\r\n"), 200);
	/* Cut off: no answer, but no harm. */
	assert_int_equal(STATUS(""), 0);
	assert_int_equal(STATUS("GET /metr"), 0);
	memset(large, 'a', sizeof(large));
	memcpy(large, "GET /", 5);
	assert_int_equal(status_of(large, sizeof(large)), 413);
	assert_int_equal(get("/metrics")->status, 200);
}

/* More than it has room for, and none says what it wants. */
static void
silent_clients_keep_nobody_out(void **state)
{
	enum { SILENT = 200 };
	int fd[SILENT];

	(void)state;
	for (int i = 0; i < SILENT; i++) {
		fd[i] = dial(false);
		say(fd[i], "GET /", i % 6);
	}
	assert_int_equal(get("/metrics")->status, 200);
	for (int i = 0; i < SILENT; i++)
		close(fd[i]);
}

/* Some read nothing of a large answer: others get theirs. */
static void
clients_that_do_not_read_keep_nobody_out(void **state)
{
	enum { DEAF = 50 };
	int fd[DEAF];

	(void)state;
	for (int i = 0; i < DEAF; i++)
		fd[i] = ask("/debug/pprof/goroutine");
	for (int i = 0; i < 10; i++)
		assert_int_equal(get("/metrics")->status, 200);
	for (int i = 0; i < DEAF; i++)
		close(fd[i]);
}

static void
a_thousand_clients_at_once_are_served(void **state)
{
	enum { MANY = 1000, AT_ONCE = 250 };
	static struct answer a;
	int fd[AT_ONCE];

	(void)state;
	/* As many as the descriptors of this process allow, four times. */
	for (int round = 0; round < MANY / AT_ONCE; round++) {
		for (int i = 0; i < AT_ONCE; i++)
			fd[i] = ask("/metrics");
		for (int i = 0; i < AT_ONCE; i++) {
			hear(fd[i], &a);
			assert_int_equal(a.status, 200);
		}
	}
}

static void
other_hosts_are_refused(void **state)
{
	static const struct {
		const char *host;
		int status;
	} hosts[] = {
		{ "localhost", 200 },
		{ "localhost:6060", 200 },
		{ "127.0.0.1:6060", 200 },
		{ "[::1]:6060", 200 },
		{ "evil.example", 403 },
		{ "localhost.evil.example", 403 },
		{ "127.0.0.1.evil.com", 403 },
		{ "", 403 },
	};
	static struct answer a;
	char request[256];

	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++) {
		int fd = dial(true);

		snprintf(request, sizeof(request),
			 "GET /metrics HTTP/1.1\r\nHost: %s\r\n\r\n",
			 hosts[i].host);
		say(fd, request, strlen(request));
		hear(fd, &a);
		assert_int_equal(a.status, hosts[i].status);
	}
}

static void
only_this_machine_is_served(void **state)
{
	char taken[64];

	(void)state;
	assert_int_equal(goro_debug_serve("nonsense"), -EINVAL);
	assert_int_equal(goro_debug_serve("127.0.0.1"), -EINVAL);
	assert_int_equal(goro_debug_serve("127.0.0.1:99999"), -EINVAL);
	assert_int_equal(goro_debug_serve("example.com:80"), -EINVAL);
	assert_int_equal(goro_debug_serve("unix:"), -EINVAL);
	assert_int_equal(goro_debug_serve("0.0.0.0:6060"), -EACCES);
	assert_int_equal(goro_debug_serve("[::]:6060"), -EACCES);
	assert_int_equal(goro_debug_serve("192.0.2.1:6060"), -EACCES);
	assert_int_equal(goro_debug_serve(place), -EADDRINUSE);
	snprintf(taken, sizeof(taken), "127.0.0.1:%u", port);
	assert_int_equal(goro_debug_serve(taken), -EADDRINUSE);
}

/* It may be there for good, and still nothing can wake a goroutine. */
static int
wait_for_good(void *arg)
{
	goro_chan_recv(goro_chan_create(0, 0), NULL);
	return arg != NULL;
}

static void
deadlock(void)
{
	char other[64];

	snprintf(other, sizeof(other), "unix:/tmp/goro-serve-%d", getpid());
	if (goro_debug_serve(other))
		exit(1);
	unlink(other + 5);
	exit(goro_run(wait_for_good, NULL));
}

static void
a_deadlock_is_still_found(void **state)
{
	static struct t_child child;

	(void)state;
	t_child_run(&child, deadlock);
	assert_int_equal(child.status, 2);
	assert_non_null(strstr(child.out, "all goroutines are asleep"));
}

/* A port that nobody has, at this moment. */
static void
serve(void)
{
	char address[64];
	int err;

	snprintf(place, sizeof(place), "unix:/tmp/goro-test-%d", getpid());
	T_CHECK_EQ(goro_debug_serve(place), 0);
	do {
		struct sockaddr_in in = { .sin_family = AF_INET };
		socklen_t n = sizeof(in);
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		T_CHECK(!bind(fd, (struct sockaddr *)&in, sizeof(in)));
		T_CHECK(!getsockname(fd, (struct sockaddr *)&in, &n));
		close(fd);
		port = ntohs(in.sin_port);
		snprintf(address, sizeof(address), "127.0.0.1:%u", port);
		err = goro_debug_serve(address);
	} while (err == -EADDRINUSE);
	T_CHECK_EQ(err, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goroutines_are_served),
		cmocka_unit_test(a_profile_may_be_of_some_seconds),
		cmocka_unit_test(errors_are_as_in_go),
		cmocka_unit_test(memory_is_served),
		cmocka_unit_test(one_cpu_profile_at_a_time),
		cmocka_unit_test(addresses_are_named),
		cmocka_unit_test(it_answers_while_all_workers_are_stuck),
		cmocka_unit_test(malformed_requests_are_refused),
		cmocka_unit_test(silent_clients_keep_nobody_out),
		cmocka_unit_test(clients_that_do_not_read_keep_nobody_out),
		cmocka_unit_test(a_thousand_clients_at_once_are_served),
		cmocka_unit_test(other_hosts_are_refused),
		cmocka_unit_test(only_this_machine_is_served),
		cmocka_unit_test(a_deadlock_is_still_found),
	};
	int failed;

	serve();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(place + 5);
	return failed;
}
