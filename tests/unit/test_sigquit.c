// SPDX-License-Identifier: MIT
/*
 * test_sigquit.c - kill -QUIT shows what everybody is doing
 *
 * Each case is a process of its own, which sends the signal to itself.
 */
#include "test.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "goro/goro.h"
#include "grammar.h"
#include "san.h"

#define NOINLINE __attribute__((noinline))
/* Keeps a call from becoming a jump, so that its frame is there. */
#define STAY() __asm__ volatile("" ::: "memory")

#define T(name) cmocka_unit_test_setup(name, reset_environment)

static struct t_child child;
static struct goro_chan *ch;

static int
reset_environment(void **state)
{
	(void)state;
	unsetenv("GOROTRACEBACK");
	unsetenv("GORODEBUG");
	setenv("GOROMAXPROCS", "3", 1);
	signal(SIGQUIT, SIG_DFL); /* a shell may have us ignore it */
	return 0;
}

static void
assert_says(const char *what)
{
	if (!strstr(child.out, what))
		print_message("not there: %s\nin: %s\n", what, child.out);
	assert_non_null(strstr(child.out, what));
}

static void
assert_shows(int goroutines)
{
	int n = t_goroutines(child.out);

	if (n != goroutines)
		print_message("%d goroutines in: %s\n", n, child.out);
	assert_int_equal(n, goroutines);
}

/* --- Victims --------------------------------------------------------------- */

static NOINLINE void
receiver(void *arg)
{
	(void)arg;
	goro_chan_recv(ch, NULL);
	STAY();
}

static NOINLINE void
ask(void)
{
	kill(getpid(), SIGQUIT);
	STAY();
}

static int
main_waits(void *arg)
{
	ch = goro_chan_create(1, 0);
	goro_go(receiver, NULL);
	goro_go(receiver, NULL);
	goro_yield();
	ask();
	goro_sleep(60000000000);
	STAY();
	return arg != NULL;
}

static void
wait_asked(void)
{
	goro_run(main_waits, NULL);
}

static uint32_t spinning; /* [relaxed] how many do */

static NOINLINE void
spin(int depth)
{
	static volatile bool end;

	if (depth)
		spin(depth - 1);
	else
		__atomic_add_fetch(&spinning, 1, __ATOMIC_RELAXED);
	while (!depth && !end)
		STAY();
	STAY();
}

static NOINLINE void
spinner(void *arg)
{
	(void)arg;
	spin(3);
	STAY();
}

/* Not a runtime's thread: the only one that has time to ask. */
static void *
ask_when_all_spin(void *arg)
{
	while (__atomic_load_n(&spinning, __ATOMIC_RELAXED) < 3)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	ask();
	return arg;
}

static int
main_spins(void *arg)
{
	pthread_t thread;

	T_CHECK(!pthread_create(&thread, NULL, ask_when_all_spin, arg));
	goro_go(spinner, NULL);
	goro_go(spinner, NULL);
	spin(3);
	return 0;
}

static void
spin_asked(void)
{
	setenv("GORODEBUG", "asyncpreemptoff=1", 1);
	goro_run(main_spins, NULL);
}

static NOINLINE void
sleep_in_section(void)
{
	struct timespec rest = { .tv_nsec = 300000000 };

	goro_blocking_begin();
	T_CHECK_EQ(nanosleep(&rest, NULL), 0); /* a signal ends it early */
	goro_blocking_end();
	STAY();
}

static void
sleeper(void *arg)
{
	sleep_in_section();
	goro_chan_send(arg, "");
}

static int
main_asks_twice(void *arg)
{
	(void)arg;
	ch = goro_chan_create(1, 0);
	goro_go(sleeper, ch);
	goro_sleep(50000000);
	ask();
	goro_sleep(50000000);
	ask();
	goro_chan_recv(ch, NULL);
	goro_chan_unref(ch);
	return 7;
}

static void
ask_twice(void)
{
	setenv("GORODEBUG", "sigquit=continue", 1);
	exit(goro_run(main_asks_twice, NULL));
}

/* --- Who takes the signal, and how it ends ----------------------------------- */

static void
quit_shows_all_goroutines_and_ends(void **state)
{
	static const char first[] = "SIGQUIT: quit\n\ngoroutine 1 [";

	(void)state;
	t_child_run(&child, wait_asked);
	assert_int_equal(child.status, 2);
	assert_shows(3);
	assert_memory_equal(child.out, first, sizeof(first) - 1);
	assert_int_equal(t_occurrences(child.out, "\nreceiver(...)\n"), 2);
	assert_says("[chan receive]:\ngoro_chan_recv(...)\n");
	assert_says("created by main_waits in goroutine 1\n");
}

static int
main_waits_without_descriptors(void *arg)
{
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 3, 3 });
	return main_waits(arg);
}

static void
wait_without_descriptors(void)
{
	goro_run(main_waits_without_descriptors, NULL);
}

static void
without_descriptors_addresses_have_to_do(void **state)
{
	(void)state;
#ifdef GR_TSAN
	skip(); /* it keeps signals back: a running one says nothing of itself */
#endif
	t_child_run(&child, wait_without_descriptors);
	assert_int_equal(child.status, 2);
	assert_shows(3);
	assert_says("are all descriptors in use?]\n");
	assert_int_equal(t_occurrences(child.out, "\n0x"), 3);
}

static void
level_none_says_only_that_it_ends(void **state)
{
	(void)state;
	setenv("GOROTRACEBACK", "none", 1);
	t_child_run(&child, wait_asked);
	assert_int_equal(child.status, 2);
	assert_string_equal(child.out, "SIGQUIT: quit\n");
}

static void
crash(void)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	wait_asked();
}

static void
level_crash_ends_by_sigabrt(void **state)
{
	(void)state;
	setenv("GOROTRACEBACK", "crash", 1);
	t_child_run(&child, crash);
	assert_int_equal(child.status, -SIGABRT);
	assert_true(t_goroutines(child.out) >= 3);
}

static void
spinning_goroutines_are_shown_whole(void **state)
{
	(void)state;
#ifdef GR_TSAN
	skip(); /* it keeps signals back */
#endif
	t_child_run(&child, spin_asked);
	assert_int_equal(child.status, 2);
	assert_shows(3);
	assert_int_equal(t_occurrences(child.out, "[running]:\nspin(...)\n"),
			 3);
	assert_int_equal(t_occurrences(child.out, "\nspin(...)\n"), 3 * 4);
	assert_int_equal(t_occurrences(child.out, "\nmain_spins(...)\n"), 1);
	assert_int_equal(t_occurrences(child.out, "\nspinner(...)\n"), 2);
}

static void
continue_goes_on_and_ends_no_system_call(void **state)
{
	(void)state;
	t_child_run(&child, ask_twice);
	assert_int_equal(child.status, 7);
	assert_int_equal(t_occurrences(child.out, "SIGQUIT: quit\n"), 2);
	assert_shows(4);
	assert_true(t_occurrences(child.out, "\nsleep_in_section(...)\n"));
}

static void
off(void)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	setenv("GORODEBUG", "sigquit=off", 1);
	wait_asked();
}

static void
off_leaves_the_signal_alone(void **state)
{
	(void)state;
	t_child_run(&child, off);
	assert_int_equal(child.status, -SIGQUIT);
}

static void
say_mine(int sig)
{
	(void)sig;
	if (write(STDERR_FILENO, "mine\n", 5) == 5)
		_exit(9);
}

static void
with_handler(void)
{
	signal(SIGQUIT, say_mine);
	wait_asked();
}

static void
handler_of_the_program_stays(void **state)
{
	(void)state;
	t_child_run(&child, with_handler);
	assert_int_equal(child.status, 9);
	assert_string_equal(child.out, "mine\n");
}

static void
ignored(void)
{
	signal(SIGQUIT, SIG_IGN); /* as a shell does with "COMMAND &" */
	wait_asked();
}

static void
ignored_signal_is_taken(void **state)
{
	(void)state;
	t_child_run(&child, ignored);
	assert_int_equal(child.status, 2);
	assert_shows(3);
}

static int
main_forks(void *arg)
{
	int status;
	pid_t pid = fork();

	(void)arg;
	if (!pid) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		raise(SIGQUIT);
		_exit(0);
	}
	T_CHECK_EQ(waitpid(pid, &status, 0), pid);
	T_CHECK(WIFSIGNALED(status));
	T_CHECK_EQ(WTERMSIG(status), SIGQUIT);
	return 0;
}

static void
fork_and_ask(void)
{
	T_CHECK_EQ(goro_run(main_forks, NULL), 0);
	T_CHECK_EQ(goro_run(main_forks, NULL), 0);
	/* After a run it is as it was before. */
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	ask();
}

static void
forked_child_dies_of_it_as_ever(void **state)
{
	(void)state;
#ifdef GR_TSAN
	skip(); /* it keeps signals back */
#endif
	t_child_run(&child, fork_and_ask);
	assert_string_equal(child.out, "");
	assert_int_equal(child.status, -SIGQUIT);
}

/* --- In the midst of anything -------------------------------------------------- */

#ifdef GR_ASAN
enum { STORM = 40 };
#else
enum { STORM = 200 };
#endif

/* Of libc's package, and needed by nobody. */
static const char *const libraries[] = { "libresolv.so.2", "libanl.so.1",
					 "libutil.so.1", "libnss_files.so.2" };

static NOINLINE void
churn(void *arg)
{
	unsigned n = (unsigned)(uintptr_t)arg;

	for (;;) {
		void *p = malloc(n % 5000), *q = malloc(n % 100);
		void *library = dlopen(libraries[n++ % 4], RTLD_NOW);

		free(p);
		if (library)
			dlclose(library);
		free(q);
	}
}

static void *
churn_outside(void *arg)
{
	churn(arg);
	return arg;
}

static int
main_churns(void *arg)
{
	pthread_t thread;
	char c;

	for (int i = 0; i < 2; i++)
		T_CHECK(!pthread_create(&thread, NULL, churn_outside, arg));
	goro_go(churn, arg);
	goro_go(churn, arg);
	T_CHECK_EQ(write(STDERR_FILENO, "x\n", 2), 2);
	goro_read(STDIN_FILENO, &c, 1);
	return 0;
}

/* The next part of what the child says; false: it is silent for a minute, or
 * has ended. */
static bool
read_on(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	if (child.out_bytes > sizeof(child.out) / 2) {
		/* What a word may begin in stays. */
		memmove(child.out, child.out + child.out_bytes - 100, 100);
		child.out_bytes = 100;
	}
	if (poll(&p, 1, 60000) <= 0)
		return false;
	n = read(fd, child.out + child.out_bytes,
		 sizeof(child.out) - 1 - child.out_bytes);
	if (n <= 0)
		return false;
	child.out_bytes += (size_t)n;
	child.out[child.out_bytes] = '\0';
	return true;
}

/* Forget what came up to the next @what, waiting for that. */
static bool
skip_past(int fd, const char *what)
{
	for (;;) {
		char *at = strstr(child.out, what);

		if (at) {
			at += strlen(what);
			child.out_bytes -= (size_t)(at - child.out);
			memmove(child.out, at, child.out_bytes + 1);
			return true;
		}
		if (!read_on(fd))
			return false;
	}
}

static pid_t
start_churning(int *ret_in, int *ret_err)
{
	int in[2], err[2];
	pid_t pid;

	T_CHECK(!pipe(in) && !pipe(err));
	fflush(NULL);
	pid = fork();
	T_CHECK(pid >= 0);
	if (!pid) {
		dup2(in[0], STDIN_FILENO);
		dup2(err[1], STDERR_FILENO);
		close(in[1]);
		setenv("GORODEBUG", "sigquit=continue", 1);
		/* Without a sanitizer's last word on threads that still run. */
		syscall(SYS_exit_group, goro_run(main_churns, NULL));
	}
	close(in[0]);
	close(err[1]);
	*ret_in = in[1];
	*ret_err = err[0];
	return pid;
}

/* Each signal has its report, whatever it meets. The one who goes on leaves
 * two goroutines on threads, in malloc(), in dlopen() or between. */
static void
every_signal_is_answered_beside_malloc_and_dlopen(void **state)
{
	int in, err, status;
	pid_t pid;

	(void)state;
#ifdef GR_TSAN
	skip(); /* it keeps signals back */
#endif
	pid = start_churning(&in, &err);
	child.out_bytes = 0;
	child.out[0] = '\0';
	/* Before that there is no goroutine 1, or not even a handler. */
	assert_true(skip_past(err, "x\n"));
	for (int i = 0; i < STORM; i++) {
		assert_int_equal(kill(pid, SIGQUIT), 0);
		assert_true(skip_past(err, "SIGQUIT: quit\n"));
		assert_true(skip_past(err, "\ngoroutine 1 ["));
	}
	close(in);
	while (read_on(err))
		;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status)
		print_message("in the end it says: %s\n", child.out);
	assert_int_equal(status, 0);
	close(err);
}

/* --- An agent that is stuck ---------------------------------------------------- */

static pid_t
agent_of(pid_t pid)
{
	char command[128], text[32] = "";
	FILE *f;

	snprintf(command, sizeof(command),
		 "grep -lx goro-agent /proc/%d/task/*/comm | cut -d/ -f5", pid);
	f = popen(command, "r");
	T_CHECK(f && fgets(text, sizeof(text), f));
	pclose(f);
	return (pid_t)atoi(text);
}

static int
main_waits_for_more(void *arg)
{
	char c;

	ch = goro_chan_create(1, 0);
	goro_go(receiver, NULL);
	goro_go(receiver, NULL);
	goro_yield();
	T_CHECK_EQ(write(STDERR_FILENO, "x\n", 2), 2);
	goro_read(STDIN_FILENO, &c, 1);
	return arg != NULL;
}

/* It is held by a debugger, as good as in a file system that hangs. */
static void
stuck_agent_is_stood_in_for(void **state)
{
	int in[2], err[2], status;
	pid_t pid, agent;

	(void)state;
#ifdef GR_TSAN
	skip(); /* it keeps signals back */
#endif
	T_CHECK(!pipe(in) && !pipe(err));
	fflush(NULL);
	pid = fork();
	T_CHECK(pid >= 0);
	if (!pid) {
		dup2(in[0], STDIN_FILENO);
		dup2(err[1], STDERR_FILENO);
		close(in[1]);
		_exit(goro_run(main_waits_for_more, NULL));
	}
	close(in[0]);
	close(err[1]);
	child.out_bytes = 0;
	child.out[0] = '\0';
	assert_true(skip_past(err[0], "x\n"));
	agent = agent_of(pid);
	if (ptrace(PTRACE_SEIZE, agent, NULL, NULL)) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		skip();
	}
	T_CHECK(!ptrace(PTRACE_INTERRUPT, agent, NULL, NULL));
	T_CHECK_EQ(waitpid(agent, &status, __WALL), agent);
	kill(pid, SIGQUIT);
	while (read_on(err[0]))
		;
	/* The agent first, since we trace it. */
	while (waitpid(agent, &status, __WALL) == agent && !WIFEXITED(status))
		ptrace(PTRACE_CONT, agent, NULL, NULL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 2);
	close(in[1]);
	close(err[0]);
	assert_says("without names]\n");
	assert_shows(3);
	assert_says("\ntest_sigquit+0x");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(quit_shows_all_goroutines_and_ends),
		T(without_descriptors_addresses_have_to_do),
		T(level_none_says_only_that_it_ends),
		T(level_crash_ends_by_sigabrt),
		T(spinning_goroutines_are_shown_whole),
		T(continue_goes_on_and_ends_no_system_call),
		T(off_leaves_the_signal_alone),
		T(handler_of_the_program_stays),
		T(ignored_signal_is_taken),
		T(forked_child_dies_of_it_as_ever),
		T(stuck_agent_is_stood_in_for),
		T(every_signal_is_answered_beside_malloc_and_dlopen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
