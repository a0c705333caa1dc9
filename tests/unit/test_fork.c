// SPDX-License-Identifier: MIT
/*
 * test_fork.c - goroutines that start other programs
 */
#include "test.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "goro/goro.h"
#include "san.h"

enum { STARTERS = 6, CHILDREN = 5 };

extern char **environ;

static uint32_t busy; /* [relaxed] goroutines that keep the workers at work */

static void
spinner(void *arg)
{
	while (__atomic_load_n(&busy, __ATOMIC_RELAXED))
#if defined(GR_ASAN) || defined(GR_TSAN)
		goro_yield(); /* there is no preemption */
#else
		__asm__ volatile("");
#endif
	goro_waitgroup_done(arg);
}

static int
wait_for(pid_t pid)
{
	int status;
	pid_t got;

	goro_blocking_begin();
	do
		got = waitpid(pid, &status, 0);
	while (got < 0 && errno == EINTR);
	goro_blocking_end();
	T_CHECK_EQ(got, pid);
	return status;
}

static int
shell(const char *script)
{
	pid_t pid = fork();

	T_CHECK(pid >= 0);
	if (!pid) {
		execl("/bin/sh", "sh", "-c", script, NULL);
		_exit(127);
	}
	return wait_for(pid);
}

static int
spawn_shell(char *script)
{
	char *args[] = { (char *)"sh", (char *)"-c", script, NULL };
	pid_t pid;

	T_CHECK_EQ(posix_spawn(&pid, "/bin/sh", NULL, NULL, args, environ), 0);
	return wait_for(pid);
}

static void
starter(void *arg)
{
	char script[] = "exit 8";

	for (int i = 0; i < CHILDREN; i++) {
		int status = shell("exit 7");

		T_CHECK(WIFEXITED(status));
		T_CHECK_EQ(WEXITSTATUS(status), 7);
		status = spawn_shell(script);
		T_CHECK(WIFEXITED(status));
		T_CHECK_EQ(WEXITSTATUS(status), 8);
	}
	goro_waitgroup_done(arg);
}

/* Beside timers, preemption and each other. */
T_GORO(goroutines_fork_and_exec)
{
	struct goro_waitgroup starters = GORO_WAITGROUP_INIT;
	struct goro_waitgroup spinners = GORO_WAITGROUP_INIT;
	struct goro_timer *ticker = goro_ticker_create(1000000);

	busy = 1;
	goro_waitgroup_add(&spinners, 2);
	goro_waitgroup_add(&starters, STARTERS);
	for (int i = 0; i < 2; i++)
		goro_go(spinner, &spinners);
	for (int i = 0; i < STARTERS; i++)
		goro_go(starter, &starters);
	goro_waitgroup_wait(&starters);
	__atomic_store_n(&busy, 0, __ATOMIC_RELAXED);
	goro_waitgroup_wait(&spinners);
	goro_timer_destroy(ticker);
}

/* What the runtime has made of its signals ends with it: a program that is
 * started can be stopped as any other. */
T_GORO(program_that_is_started_has_signals_of_its_own)
{
	static const int signals[] = { SIGQUIT, SIGSEGV };
	char script[64];

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		int status;

		snprintf(script, sizeof(script),
			 "ulimit -c 0; kill -%d $$; exit 0", signals[i]);
		status = shell(script);
		T_CHECK(WIFSIGNALED(status));
		T_CHECK_EQ(WTERMSIG(status), signals[i]);
	}
}

static int
return_0(void *arg)
{
	(void)arg;
	return 0;
}

T_GORO(forked_child_has_no_scheduler)
{
	int status;
	pid_t pid = fork();

	T_CHECK(pid >= 0);
	if (!pid)
		_exit(goro_run(return_0, NULL) == -EBUSY ? 9 : 1);
	status = wait_for(pid);
	T_CHECK(WIFEXITED(status));
	T_CHECK_EQ(WEXITSTATUS(status), 9);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goroutines_fork_and_exec),
		cmocka_unit_test(
			program_that_is_started_has_signals_of_its_own),
		cmocka_unit_test(forked_child_has_no_scheduler),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
