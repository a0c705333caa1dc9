// SPDX-License-Identifier: MIT
/*
 * test_ask.c - questions to a process, from a tool that may be a bad one
 *
 * The process asked is a child that runs goroutines until it is told to end.
 */
#include "test.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "goro/goro.h"
#include "grammar.h"
#include "san.h"
#include "tracer/ask.h"

static pid_t victim;
static int line[2]; /* closed when the victim is to end; it says "x" first */

/* --- The one who is asked ------------------------------------------------------ */

static __attribute__((noinline)) void
receiver(void *arg)
{
	goro_chan_recv(arg, NULL);
	__asm__ volatile("");
}

static int
victim_main(void *arg)
{
	char c;

	for (int i = 0; i < 10; i++)
		goro_go(receiver, goro_chan_create(1, 0));
	goro_yield();
	T_CHECK_EQ(write(line[1], "x", 1), 1);
	T_CHECK_EQ(goro_read(line[1], &c, 1), 0);
	return arg != NULL;
}

static int
start(void **state)
{
	char c;

	(void)state;
	T_CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line));
	fflush(NULL);
	victim = fork();
	T_CHECK(victim >= 0);
	if (!victim) {
		close(line[0]);
		_exit(goro_run(victim_main, NULL));
	}
	close(line[1]);
	T_CHECK_EQ(read(line[0], &c, 1), 1);
	return 0;
}

/* It has taken no harm: it ends when it is told to, as it always would. */
static int
end(void **state)
{
	int status;

	(void)state;
	close(line[0]);
	T_CHECK_EQ(waitpid(victim, &status, 0), victim);
	T_CHECK(WIFEXITED(status));
	T_CHECK_EQ(WEXITSTATUS(status), 0);
	return 0;
}

/* --- Good tools ---------------------------------------------------------------- */

static void
assert_answers(void)
{
	char *text = NULL;
	size_t bytes = 0;
	struct gt_error *err = gt_ask(victim, "dump", 60, &text, &bytes);

	if (err)
		fail_msg("%s: %s", err->text, err->hint);
	assert_int_equal(bytes, strlen(text));
	assert_int_equal(t_goroutines(text), 11);
	assert_int_equal(t_occurrences(text, "\nreceiver(...)\n"), 10);
	free(text);
}

static void
process_answers_and_goes_on(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++)
		assert_answers();
}

static void
assert_refused(const char *question, const char *why)
{
	char *text = NULL;
	size_t bytes = 0;
	struct gt_error *err = gt_ask(victim, question, 60, &text, &bytes);

	assert_non_null(err);
	if (!strstr(err->text, why))
		fail_msg("says %s", err->text);
	gt_error_free(err);
}

static void
what_it_does_not_know_it_says_so(void **state)
{
	(void)state;
	assert_refused("sing", "answers: this version of libgoro does not "
			       "know that question");
	assert_refused("dump nobody", "answers: a dump is of all or system");
	assert_refused("", "does not know");
	assert_answers();
}

static void
process_without_goroutines_is_not_touched(void **state)
{
	char *text = NULL;
	size_t bytes = 0;
	struct gt_error *err = gt_ask(getpid(), "dump", 60, &text, &bytes);

	(void)state;
	assert_non_null(err);
	assert_int_equal(err->code, GT_NO_RUNTIME);
	gt_error_free(err);
}

/* --- Bad ones ------------------------------------------------------------------ */

static int
listen_at(unsigned long long token)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int n = snprintf(at.sun_path + 1, sizeof(at.sun_path) - 1,
			 "goro-%016llx", token);

	n += (int)offsetof(struct sockaddr_un, sun_path) + 1;
	T_CHECK(!bind(fd, (struct sockaddr *)&at, (socklen_t)n));
	T_CHECK(!listen(fd, 8));
	return fd;
}

/* As sigqueue(): to the whole process, or to its thread @tid. */
static void
queue(pid_t tid, int sig, unsigned long long token)
{
	siginfo_t info = { .si_code = SI_QUEUE };

	info.si_signo = sig;
	info.si_pid = getpid();
	info.si_uid = getuid();
	info.si_value.sival_ptr = (void *)(uintptr_t)token;
	T_CHECK(!(
		tid ? syscall(SYS_rt_tgsigqueueinfo, victim, tid, sig, &info) :
		      syscall(SYS_rt_sigqueueinfo, victim, sig, &info)));
}

static pid_t
agent(void)
{
	char command[128], text[32] = "";
	FILE *f;

	snprintf(command, sizeof(command),
		 "grep -lx goro-agent /proc/%d/task/*/comm | cut -d/ -f5",
		 victim);
	f = popen(command, "r");
	T_CHECK(f && fgets(text, sizeof(text), f));
	pclose(f);
	return (pid_t)atoi(text);
}

static int
take_call(int listener)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };

	T_CHECK_EQ(poll(&p, 1, 60000), 1);
	return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
}

static void
token_of_nobody_is_dropped(void **state)
{
	pid_t tid = agent();

	(void)state;
	for (int i = 0; i < 100; i++) {
		queue(tid, SIGURG, 0x123456789abcdef + i);
		queue(tid, SIGURG, 0);
		queue(0, SIGURG, 0x123456789abcdef + i);
	}
	assert_answers();
}

static void
tool_that_goes_away_does_no_harm(void **state)
{
	pid_t tid = agent();

	(void)state;
	for (int step = 0; step < 4; step++) {
		int listener = listen_at(42 + step), control, data;

		queue(tid, SIGURG, 42 + step);
		if (step) {
			control = take_call(listener);
			data = take_call(listener);
			if (step >= 2)
				T_CHECK(write(control, "goro 1 du", 9) == 9);
			if (step >= 3) /* gone before it is answered */
				T_CHECK(write(control, "mp\n", 3) == 3);
			close(data);
			close(control);
		}
		close(listener);
		assert_answers();
	}
}

static void
line_without_end_is_given_up(void **state)
{
	char flood[1000];
	int listener = listen_at(77), control, data;

	(void)state;
	memset(flood, 'a', sizeof(flood));
	queue(agent(), SIGURG, 77);
	control = take_call(listener);
	data = take_call(listener);
	T_CHECK(send(control, flood, sizeof(flood), MSG_NOSIGNAL) > 0);
	assert_answers();
	close(data);
	close(control);
	close(listener);
}

static void
nobody_else_is_answered(void **state)
{
	struct pollfd second = { .events = POLLIN };
	int listener, fd;
	char c;

	(void)state;
	if (geteuid())
		skip();
	/* Whose socket it is: of who called listen(). */
	T_CHECK(!seteuid(65534));
	listener = listen_at(99);
	T_CHECK(!seteuid(0));
	queue(agent(), SIGURG, 99);
	second.fd = listener;
	/* It looks whom it has reached, and hangs up. */
	fd = take_call(listener);
	assert_int_equal(read(fd, &c, 1), 0);
	assert_int_equal(poll(&second, 1, 0), 0); /* where it would answer */
	close(fd);
	close(listener);
	assert_answers();
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(process_answers_and_goes_on),
		T(what_it_does_not_know_it_says_so),
		cmocka_unit_test(process_without_goroutines_is_not_touched),
		T(token_of_nobody_is_dropped),
		T(tool_that_goes_away_does_no_harm),
		T(line_without_end_is_given_up),
		T(nobody_else_is_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
