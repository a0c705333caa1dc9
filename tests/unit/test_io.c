// SPDX-License-Identifier: MIT
/*
 * test_io.c - goroutines that wait for descriptors
 */
#include <errno.h>
#include <fcntl.h>
#include <goro/goro.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "san.h"
#include "stack.h"
#include "test.h"

static struct goro_chan *done;

static void
pipe_of(int fds[2])
{
	T_CHECK_EQ(pipe(fds), 0);
}

static void
finished(void)
{
	goro_chan_send(done, NULL);
}

static void
wait_for(int n)
{
	while (n--)
		goro_chan_recv(done, NULL);
}

static void
read_one(void *arg)
{
	char c;

	T_CHECK_EQ(goro_read(*(int *)arg, &c, 1), 1);
	T_CHECK_EQ(c, 'x');
	finished();
}

T_GORO(a_read_waits_for_the_write_and_not_with_the_thread)
{
	int fds[2];

	done = goro_chan_create(0, 0);
	pipe_of(fds);
	goro_maxprocs(1);
	goro_go(read_one, &fds[0]);
	goro_yield();
	goro_sleep(1000000);
	T_CHECK_EQ(goro_write(fds[1], "x", 1), 1);
	wait_for(1);
	T_CHECK_EQ(goro_close(fds[1]), 0);
	T_CHECK_EQ(goro_read(fds[0], &(char){ 0 }, 1), 0);
	T_CHECK_EQ(goro_close(fds[0]), 0);
	T_CHECK_EQ(goro_close(fds[0]), -EBADF);
	T_CHECK_EQ(goro_read(fds[0], &(char){ 0 }, 1), -EBADF);
	T_CHECK_EQ(goro_read(-1, &(char){ 0 }, 1), -EBADF);
}

T_GORO(several_wait_for_one_descriptor)
{
	enum { N = 20 };
	int fds[2];

	done = goro_chan_create(0, 0);
	pipe_of(fds);
	for (int i = 0; i < N; i++)
		goro_go(read_one, &fds[0]);
	for (int i = 0; i < N; i++) {
		if (i % 3 == 0)
			goro_sleep(100000);
		T_CHECK_EQ(goro_write(fds[1], "x", 1), 1);
	}
	wait_for(N);
	goro_close(fds[0]);
	goro_close(fds[1]);
}

static void
write_much(void *arg)
{
	enum { BYTES = 1 << 20 };
	char *data = malloc(BYTES);

	for (int i = 0; i < BYTES; i++)
		data[i] = i % 251;
	T_CHECK_EQ(goro_write(*(int *)arg, data, BYTES), BYTES);
	free(data);
	T_CHECK_EQ(goro_close(*(int *)arg), 0);
	finished();
}

static void
read_all(int fd, long expected)
{
	long at = 0;
	char buf[3000];
	ssize_t n;

	while ((n = goro_read(fd, buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < n; i++, at++)
			T_CHECK_EQ((unsigned char)buf[i], at % 251);
	T_CHECK_EQ(n, 0);
	T_CHECK_EQ(at, expected);
	goro_close(fd);
}

/* Neither end is non-blocking; no write may hold the only thread. */
T_GORO(a_write_larger_than_the_pipe_waits_for_room)
{
	int fds[2];

	done = goro_chan_create(0, 0);
	goro_maxprocs(1);
	pipe_of(fds);
	goro_go(write_much, &fds[1]);
	read_all(fds[0], 1 << 20);
	wait_for(1);
	T_CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	goro_go(write_much, &fds[1]);
	read_all(fds[0], 1 << 20);
	wait_for(1);
}

static void
expect_closed(void *arg)
{
	T_CHECK_EQ(goro_read(*(int *)arg, &(char){ 0 }, 1), -EBADF);
	finished();
}

static void
expect_poll_closed(void *arg)
{
	T_CHECK_EQ(goro_poll_fd(*(int *)arg, POLLIN, GORO_FOREVER), -EBADF);
	finished();
}

static bool
count_waiting(struct gr_g *g, uint64_t word, void *arg)
{
	int *counts = arg;

	counts[0] += GORO_ABI_STATE(word) == GORO_ABI_WAITING &&
		     gr_load_rlx(&g->wait_reason) == GORO_WAIT_IO &&
		     gr_load_rlx(&g->wait_obj) == (uint64_t)counts[1];
	return true;
}

static int
waiting_for(int fd)
{
	int counts[2] = { 0, fd };

	gr_g_each(count_waiting, counts);
	return counts[0];
}

T_GORO(a_close_wakes_those_who_wait)
{
	done = goro_chan_create(0, 0);
	for (int round = 0; round < 50; round++) {
		int fds[2];

		T_CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
		for (int i = 0; i < 3; i++)
			goro_go(expect_closed, &fds[0]);
		goro_go(expect_poll_closed, &fds[0]);
		/* A read that has not begun to wait may meet the close, and
		 * ThreadSanitizer takes that for a race. */
		T_EVENTUALLY(waiting_for(fds[0]) == 4);
		T_CHECK_EQ(goro_close(fds[0]), 0);
		wait_for(4);
		/* The number is free now, and may be another's at once. */
		goro_close(fds[1]);
	}
}

#ifndef GR_TSAN /* with which they are read as if they had names */

/* What the runtime asks about this pipe is true when it is asked, and not any
 * more when it is told: another reader or writer was faster. */
static int fickle[2] = { -1, -1 };

int fickle_poll(struct pollfd *fds, nfds_t n, int timeout_ms) __asm__("poll");

int
fickle_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	int fd = n == 1 ? fds->fd : -1;
	bool in = fd >= 0 && fd == fickle[0], out = fd >= 0 && fd == fickle[1];
	static char page[PIPE_BUF];
	int r;

	if (in)
		T_CHECK_EQ(write(fickle[1], "x", 1), 1);
	if (out)
		T_CHECK_EQ(read(fickle[0], page, PIPE_BUF), PIPE_BUF);
	r = syscall(SYS_poll, fds, n, timeout_ms);
	if (in)
		T_CHECK_EQ(read(fickle[0], page, 1), 1);
	if (out)
		T_CHECK_EQ(write(fickle[1], page, PIPE_BUF), PIPE_BUF);
	return r;
}

static void
expect_write_closed(void *arg)
{
	static char page[PIPE_BUF];

	T_CHECK_EQ(goro_write(*(int *)arg, page, sizeof(page)), -EBADF);
	finished();
}

T_GORO(a_close_wakes_who_found_that_another_was_faster)
{
	done = goro_chan_create(0, 0);
	pipe_of(fickle);
	goro_go(expect_closed, &fickle[0]);
	T_EVENTUALLY(waiting_for(fickle[0]) == 1);
	T_CHECK_EQ(goro_close(fickle[0]), 0);
	wait_for(1);
	close(fickle[1]);

	pipe_of(fickle);
	T_CHECK_EQ(fcntl(fickle[1], F_SETPIPE_SZ, PIPE_BUF), PIPE_BUF);
	T_CHECK_EQ(write(fickle[1], (char[PIPE_BUF]){ 0 }, PIPE_BUF), PIPE_BUF);
	goro_go(expect_write_closed, &fickle[1]);
	T_EVENTUALLY(waiting_for(fickle[1]) == 1);
	T_CHECK_EQ(goro_close(fickle[1]), 0);
	wait_for(1);
	close(fickle[0]);
	fickle[0] = fickle[1] = -1;
}

#endif

static void
spin(void *arg)
{
	int64_t end_ns = goro_now() + 3000000;

	(void)arg;
	while (goro_now() < end_ns)
		;
}

/*
 * A wait asks the kernel again after 1 ms. Here both that and the close are due
 * while the only worker is busy, and the closer is first: what has the number
 * then is none of the reader's business.
 */
T_GORO(a_close_wakes_nobody_into_the_next_file)
{
	int quiet[2];

	done = goro_chan_create(0, 0);
	goro_maxprocs(1);
	T_CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, quiet), 0);
	for (int round = 0; round < 20; round++) {
		int fds[2];

		T_CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
		/* From here on the descriptor is known. */
		T_CHECK_EQ(goro_poll_fd(fds[0], POLLIN, goro_now() + 100000),
			   -ETIMEDOUT);
		goro_go(expect_closed, &fds[0]);
		goro_yield();
		T_CHECK_EQ(waiting_for(fds[0]), 1);
		goro_go(spin, NULL);
		goro_sleep(1500000);
		T_CHECK_EQ(goro_close(fds[0]), 0);
		T_CHECK_EQ(dup2(quiet[0], fds[0]), fds[0]);
		wait_for(1);
		goro_close(fds[0]);
		goro_close(fds[1]);
	}
	goro_close(quiet[0]);
	goro_close(quiet[1]);
}

T_GORO(the_wrong_end_of_a_pipe_is_no_wait)
{
	int fds[2];
	char c = 0;

	T_CHECK_EQ(pipe(fds), 0);
	T_CHECK_EQ(goro_read(fds[1], &c, 1), -EBADF);
	T_CHECK_EQ(goro_write(fds[0], &c, 1), -EBADF);
	goro_close(fds[0]);
	goro_close(fds[1]);
}

/* Neither of them would be ready. */
T_GORO(nothing_to_read_or_write_is_no_wait)
{
	int fds[2];
	char c;

	pipe_of(fds);
	T_CHECK_EQ(goro_read(fds[0], &c, 0), 0);
	T_CHECK_EQ(goro_read(fds[1], &c, 0), -EBADF);
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	while (write(fds[1], &c, 1) == 1)
		;
	T_CHECK_EQ(goro_write(fds[1], &c, 0), 0);
	goro_close(fds[0]);
	goro_close(fds[1]);
	T_CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	T_CHECK_EQ(goro_read(fds[0], &c, 0), 0);
	goro_close(fds[0]);
	goro_close(fds[1]);
	T_CHECK_EQ(goro_poll_fd(-1, POLLIN, 0), -EBADF);
	T_CHECK_EQ(goro_poll_fd(-1, POLLIN, GORO_FOREVER), -EBADF);
}

/* close() behind our back, when nobody waits: the next owner of the number
 * must be waited for anew. */
T_GORO(a_number_that_was_closed_elsewhere_works_again)
{
	done = goro_chan_create(0, 0);
	for (int round = 0; round < 20; round++) {
		int fds[2];

		pipe_of(fds);
		goro_go(read_one, &fds[0]);
		goro_sleep(100000);
		T_CHECK_EQ(goro_write(fds[1], "x", 1), 1);
		wait_for(1);
		close(fds[0]);
		close(fds[1]);
	}
}

/* Read what a peer sends, after having waited for it once. */
static void
read_in_pieces(int type, const char *const *pieces)
{
	int fds[2];
	char text[64];

	done = goro_chan_create(0, 0);
	T_CHECK_EQ(socketpair(AF_UNIX, type, 0, fds), 0);
	goro_go(read_one, &fds[0]);
	goro_sleep(100000);
	T_CHECK_EQ(goro_write(fds[1], "x", 1), 1);
	wait_for(1);
	for (int i = 0; pieces[i]; i++)
		T_CHECK_EQ(goro_write(fds[1], pieces[i], strlen(pieces[i])),
			   strlen(pieces[i]));
	shutdown(fds[1], SHUT_WR);
	for (int i = 0; pieces[i]; i++) {
		T_CHECK_EQ(goro_read(fds[0], text, sizeof(text)),
			   strlen(pieces[i]));
		T_CHECK(!memcmp(text, pieces[i], strlen(pieces[i])));
	}
	if (type == SOCK_STREAM)
		T_CHECK_EQ(goro_read(fds[0], text, sizeof(text)), 0);
	goro_close(fds[0]);
	goro_close(fds[1]);
}

/* A read that got less than it asked for has not always got all. */
T_GORO(the_end_comes_after_a_short_read)
{
	read_in_pieces(SOCK_STREAM, (const char *[]){ "all", NULL });
}

T_GORO(each_datagram_is_read)
{
	read_in_pieces(SOCK_DGRAM,
		       (const char *[]){ "one", "two", "three", NULL });
}

/* Registered under the number as another file than it is now. */
T_GORO(a_number_that_became_another_file_is_looked_at_anew)
{
	int old[2], fds[2];

	done = goro_chan_create(0, 0);
	T_CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, old), 0);
	goro_go(read_one, &old[0]);
	goro_sleep(100000);
	T_CHECK_EQ(goro_write(old[1], "x", 1), 1);
	wait_for(1);
	pipe_of(fds);
	T_CHECK_EQ(dup2(fds[0], old[0]), old[0]);
	goro_go(read_one, &old[0]);
	goro_sleep(5000000);
	T_CHECK_EQ(goro_write(fds[1], "x", 1), 1);
	wait_for(1);
	goro_close(old[0]);
	goro_close(old[1]);
	goro_close(fds[0]);
	goro_close(fds[1]);
}

static void
poll_for_nothing(void *fd)
{
	T_CHECK_EQ(goro_poll_fd(*(int *)fd, 0, GORO_FOREVER), POLLHUP);
	finished();
}

T_GORO(poll_reports_a_hang_up_to_who_asks_for_nothing)
{
	int fds[2];

	done = goro_chan_create(0, 0);
	T_CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	goro_go(poll_for_nothing, &fds[0]);
	goro_sleep(100000);
	T_CHECK_EQ(goro_write(fds[1], "x", 1), 1); /* is none of its business */
	goro_sleep(3000000);
	T_CHECK_EQ(goro_chan_try_recv(done, NULL), -EAGAIN);
	goro_close(fds[1]);
	wait_for(1);
	goro_close(fds[0]);
}

T_GORO(poll_reports_what_holds_until_its_deadline)
{
	int fds[2];
	int64_t before = goro_now();

	T_CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	T_CHECK_EQ(goro_poll_fd(fds[0], POLLIN, before + 3000000), -ETIMEDOUT);
	T_CHECK(goro_now() - before >= 3000000);
	T_CHECK_EQ(goro_poll_fd(fds[0], POLLIN, 0), -ETIMEDOUT);
	T_CHECK_EQ(goro_poll_fd(fds[0], POLLIN | POLLOUT, GORO_FOREVER),
		   POLLOUT);
	T_CHECK_EQ(goro_write(fds[1], "x", 1), 1);
	T_CHECK_EQ(goro_poll_fd(fds[0], POLLIN, GORO_FOREVER), POLLIN);
	goro_close(fds[1]);
	T_CHECK(goro_poll_fd(fds[0], POLLIN, GORO_FOREVER) & POLLHUP);
	T_CHECK_EQ(goro_write(fds[0], "x", 1), -EPIPE);
	goro_close(fds[0]);
	T_CHECK_EQ(goro_poll_fd(fds[0], POLLIN, GORO_FOREVER), -EBADF);
}

T_GORO(a_regular_file_is_always_ready)
{
	char path[] = "test_io_XXXXXX", text[64] = { 0 };
	int fd = mkstemp(path);

	T_CHECK(fd >= 0);
	unlink(path);
	T_CHECK_EQ(goro_write(fd, "some text", 9), 9);
	T_CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	T_CHECK_EQ(goro_read(fd, text, sizeof(text)), 9);
	T_CHECK(!strcmp(text, "some text"));
	T_CHECK_EQ(goro_read(fd, text, sizeof(text)), 0);
	T_CHECK_EQ(goro_poll_fd(fd, POLLIN, GORO_FOREVER), POLLIN);
	goro_close(fd);
}

/* --- TCP ------------------------------------------------------------------ */

enum { CLIENTS = 32, REQUESTS = 50 };

static struct sockaddr_in address;

static int
listening(void)
{
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address = (struct sockaddr_in){ .sin_family = AF_INET };
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	T_CHECK_EQ(bind(fd, (void *)&address, sizeof(address)), 0);
	T_CHECK_EQ(listen(fd, CLIENTS), 0);
	T_CHECK_EQ(getsockname(fd, (void *)&address, &len), 0);
	return fd;
}

static void
echo(void *arg)
{
	int fd = *(int *)arg;
	char buf[64];
	ssize_t n;

	while ((n = goro_read(fd, buf, sizeof(buf))) > 0)
		T_CHECK_EQ(goro_write(fd, buf, n), n);
	goro_close(fd);
	finished();
}

static void
serve(void *arg)
{
	int fd;

	while ((fd = goro_accept(*(int *)arg, NULL, NULL)) >= 0)
		goro_go_copy(echo, &fd, sizeof(fd));
	T_CHECK_EQ(fd, -EBADF);
	finished();
}

static void
client(void *arg)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char out[64], in[64];

	(void)arg;
	T_CHECK_EQ(goro_connect(fd, (void *)&address, sizeof(address)), 0);
	T_CHECK_EQ(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	for (int i = 0; i < REQUESTS; i++) {
		size_t got = 0;

		memset(out, i, sizeof(out));
		T_CHECK_EQ(goro_write(fd, out, sizeof(out)), sizeof(out));
		while (got < sizeof(in)) {
			ssize_t n = goro_read(fd, in + got, sizeof(in) - got);

			T_CHECK(n > 0);
			got += n;
		}
		T_CHECK(!memcmp(in, out, sizeof(in)));
	}
	goro_close(fd);
	finished();
}

T_GORO(tcp_echo_with_many_clients)
{
	int fd = listening();

	done = goro_chan_create(0, 0);
	goro_go(serve, &fd);
	for (int i = 0; i < CLIENTS; i++)
		goro_go(client, NULL);
	wait_for(2 * CLIENTS);
	goro_close(fd);
	wait_for(1);
}

T_GORO(a_connection_that_nobody_takes_is_refused)
{
	int fd = listening(), c = socket(AF_INET, SOCK_STREAM, 0);

	close(fd);
	T_CHECK_EQ(goro_connect(c, (void *)&address, sizeof(address)),
		   -ECONNREFUSED);
	goro_close(c);
}

T_GORO(no_descriptor_left_is_a_plain_error)
{
	struct rlimit was, none;
	int fd = listening(), c = socket(AF_INET, SOCK_STREAM, 0);

	T_CHECK_EQ(goro_connect(c, (void *)&address, sizeof(address)), 0);
	getrlimit(RLIMIT_NOFILE, &was);
	none = was;
	none.rlim_cur = c + 1;
	T_CHECK_EQ(goro_poll_fd(fd, POLLIN, GORO_FOREVER), POLLIN);
	setrlimit(RLIMIT_NOFILE, &none);
	for (int got = 0; got >= 0;) /* until the gaps are filled */
		if ((got = goro_accept(fd, NULL, NULL)) < 0)
			T_CHECK_EQ(got, -EMFILE);
		else
			got = dup(0);
	setrlimit(RLIMIT_NOFILE, &was);
	goro_close(c);
	goro_close(fd);
}

/* A thread that is not the runtime's writes; no deadlock is reported. */
static void *
write_later(void *arg)
{
	usleep(20000);
	if (write(*(int *)arg, "x", 1) != 1)
		abort();
	return NULL;
}

T_GORO(waiting_for_a_descriptor_is_no_deadlock)
{
	pthread_t thread;
	int fds[2];
	char c;

	pipe_of(fds);
	pthread_create(&thread, NULL, write_later, &fds[1]);
	T_CHECK_EQ(goro_read(fds[0], &c, 1), 1);
	pthread_join(thread, NULL);
	goro_close(fds[0]);
	goro_close(fds[1]);
}

/* Writes when the runtime has long gone to sleep. */
static void *
write_when_all_sleep(void *arg)
{
	usleep(400000);
	T_CHECK_EQ(write(*(int *)arg, "x", 1), 1);
	return NULL;
}

T_GORO(a_goroutine_locked_to_its_thread_waits_too)
{
	pthread_t writer;
	int fds[2];
	char c;

	pipe_of(fds);
	goro_maxprocs(1);
	T_CHECK_EQ(pthread_create(&writer, NULL, write_when_all_sleep, &fds[1]),
		   0);
	goro_thread_lock();
	T_CHECK_EQ(goro_read(fds[0], &c, 1), 1);
	goro_thread_unlock();
	pthread_join(writer, NULL);
	goro_close(fds[0]);
	goro_close(fds[1]);
}

static atomic_int was_read;

static void
read_and_say(void *arg)
{
	char c;

	T_CHECK_EQ(goro_read(*(int *)arg, &c, 1), 1);
	atomic_store(&was_read, 1);
}

T_GORO(a_descriptor_is_watched_while_the_only_worker_blocks)
{
	pthread_t writer;
	int fds[2];

	pipe_of(fds);
	goro_maxprocs(1);
	atomic_store(&was_read, 0);
	goro_go(read_and_say, &fds[0]);
	goro_yield();
	T_CHECK_EQ(pthread_create(&writer, NULL, write_when_all_sleep, &fds[1]),
		   0);
	goro_blocking_begin();
	for (int i = 0; !atomic_load(&was_read); i++) {
		T_CHECK(i < 30000);
		usleep(1000);
	}
	goro_blocking_end();
	pthread_join(writer, NULL);
	goro_close(fds[0]);
	goro_close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_read_waits_for_the_write_and_not_with_the_thread),
		cmocka_unit_test(several_wait_for_one_descriptor),
		cmocka_unit_test(a_write_larger_than_the_pipe_waits_for_room),
		cmocka_unit_test(a_close_wakes_those_who_wait),
#ifndef GR_TSAN
		cmocka_unit_test(
			a_close_wakes_who_found_that_another_was_faster),
#endif
		cmocka_unit_test(a_close_wakes_nobody_into_the_next_file),
		cmocka_unit_test(the_wrong_end_of_a_pipe_is_no_wait),
		cmocka_unit_test(nothing_to_read_or_write_is_no_wait),
		cmocka_unit_test(
			a_number_that_was_closed_elsewhere_works_again),
		cmocka_unit_test(a_goroutine_locked_to_its_thread_waits_too),
		cmocka_unit_test(
			a_descriptor_is_watched_while_the_only_worker_blocks),
		cmocka_unit_test(
			a_number_that_became_another_file_is_looked_at_anew),
		cmocka_unit_test(the_end_comes_after_a_short_read),
		cmocka_unit_test(each_datagram_is_read),
		cmocka_unit_test(
			poll_reports_a_hang_up_to_who_asks_for_nothing),
		cmocka_unit_test(poll_reports_what_holds_until_its_deadline),
		cmocka_unit_test(a_regular_file_is_always_ready),
		cmocka_unit_test(tcp_echo_with_many_clients),
		cmocka_unit_test(a_connection_that_nobody_takes_is_refused),
		cmocka_unit_test(no_descriptor_left_is_a_plain_error),
		cmocka_unit_test(waiting_for_a_descriptor_is_no_deadlock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
