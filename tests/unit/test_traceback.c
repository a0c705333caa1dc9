// SPDX-License-Identifier: MIT
/*
 * test_traceback.c - panics, fatal errors, and the text that they print
 *
 * Each case ends a process of its own. What it printed is held against the
 * rules of two parsers of Go's tracebacks, panicparse and gostackparse, which
 * are written down in support/grammar.c, and then against what is expected.
 */
#include "test.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "goro/goro.h"
#include "grammar.h"
#include "san.h"
#include "stack.h"

#define NOINLINE __attribute__((noinline))
/* Keeps a call from becoming a jump, so that its frame is there. */
#define STAY() __asm__ volatile("" ::: "memory")

#define T(name) cmocka_unit_test_setup(name, reset_environment)

static struct t_child child;

static void
assert_says(const char *what)
{
	if (!strstr(child.out, what))
		print_message("not there: %s\nin: %s\n", what, child.out);
	assert_non_null(strstr(child.out, what));
}

static void
assert_does_not_say(const char *what)
{
	if (strstr(child.out, what))
		print_message("there: %s\nin: %s\n", what, child.out);
	assert_null(strstr(child.out, what));
}

/* Run @fn in a child that ends as a panic does: it says @first at first, and
 * shows so many goroutines. */
static void
assert_ends(void (*fn)(void), const char *first, int goroutines)
{
	int n;

	t_child_run(&child, fn);
	n = t_goroutines(child.out);
	if (child.status != 2 || n != goroutines ||
	    strncmp(child.out, first, strlen(first)))
		print_message("status %d, %d goroutines:\n%s\n", child.status,
			      n, child.out);
	assert_int_equal(child.status, 2);
	assert_memory_equal(child.out, first, strlen(first));
	assert_int_equal(n, goroutines);
}

static void
set_level(const char *level)
{
	setenv("GOROTRACEBACK", level, 1);
}

static int
reset_environment(void **state)
{
	(void)state;
	unsetenv("GOROTRACEBACK");
	setenv("GOROMAXPROCS", "2", 1);
	return 0;
}

/* ThreadSanitizer runs threads of its own, in a forked child more than the
 * runtime knows of; for all that it can tell they might wake a goroutine. */
static void
skip_without_deadlock_report(void)
{
#ifdef GR_TSAN
	skip();
#endif
}

/* --- Victims --------------------------------------------------------------- */

enum { RECEIVERS = 3 };

static struct goro_chan *ch;

static NOINLINE void
receiver(void *arg)
{
	(void)arg;
	goro_chan_recv(ch, NULL);
	STAY();
}

static NOINLINE void
start_receivers(void)
{
	ch = goro_chan_create(sizeof(int), 0);
	for (int i = 0; i < RECEIVERS; i++)
		goro_go(receiver, NULL);
	goro_sleep(5000000);
	STAY();
}

enum { PANICS_AT = __LINE__ + 4 };
static NOINLINE void
panicker(void *arg)
{
	goro_panic("%s of %d", (const char *)arg, 42);
}

static int
main_deadlocks(void *arg)
{
	start_receivers();
	goro_chan_recv(ch, arg);
	STAY();
	return 0;
}

static void
deadlock(void)
{
	goro_run(main_deadlocks, NULL);
}

static int
main_panics(void *arg)
{
	start_receivers();
	goro_go(panicker, (void *)"hero");
	goro_chan_recv(ch, arg);
	STAY();
	return 0;
}

static void
panic(void)
{
	goro_run(main_panics, NULL);
}

/* --- Who is shown ------------------------------------------------------------ */

static void
panic_shows_its_own_goroutine(void **state)
{
	char where[512];

	(void)state;
	assert_ends(panic, "panic: hero of 42\n\ngoroutine ", 1);
	snprintf(where, sizeof(where),
		 " [running]:\npanicker(...)\n\t%s:%d +0x", __FILE__,
		 PANICS_AT);
	assert_says(where);
	assert_says("created by main_panics in goroutine 1\n\t" __FILE__ ":");
	assert_does_not_say("gr_");
	assert_does_not_say("goro_panic");
}

static void
fatal_error_shows_all_goroutines_by_id(void **state)
{
	unsigned long last = 0;
	const char *at;

	(void)state;
	skip_without_deadlock_report();
	assert_ends(deadlock,
		    "fatal error: all goroutines are asleep - deadlock!\n\n"
		    "goroutine 1 [chan receive]:\n"
		    "goro_chan_recv(...)\n\t",
		    1 + RECEIVERS);
	assert_int_equal(t_occurrences(child.out, "\nreceiver(...)\n"),
			 RECEIVERS);
	assert_int_equal(t_occurrences(child.out, "\nmain_deadlocks(...)\n"),
			 1);
	assert_int_equal(t_occurrences(child.out, "\ncreated by "
						  "start_receivers "
						  "in goroutine 1\n"),
			 RECEIVERS);
	for (at = child.out; (at = strstr(at, "\ngoroutine ")); at++) {
		unsigned long id = strtoul(at + 11, NULL, 10);

		assert_true(id > last);
		last = id;
	}
}

static void
level_none_says_the_message_alone(void **state)
{
	(void)state;
	skip_without_deadlock_report();
	set_level("none");
	t_child_run(&child, panic);
	assert_int_equal(child.status, 2);
	assert_string_equal(child.out, "panic: hero of 42\n");
	t_child_run(&child, deadlock);
	assert_int_equal(child.status, 2);
	assert_string_equal(child.out, "fatal error: all goroutines are asleep "
				       "- deadlock!\n");
}

static void
level_all_shows_the_others_after_the_panic(void **state)
{
	(void)state;
	set_level("all");
	assert_ends(panic, "panic: hero of 42\n\ngoroutine ", 2 + RECEIVERS);
	assert_true(strstr(child.out, "panicker(...)") <
		    strstr(child.out, "goroutine 1 "));
	assert_int_equal(t_occurrences(child.out, "\npanicker(...)\n"), 1);
	set_level("1");
	assert_ends(panic, "panic: hero of 42\n\ngoroutine ", 2 + RECEIVERS);
}

static void
level_system_shows_the_runtimes_functions(void **state)
{
	(void)state;
	set_level("system");
	t_child_run(&child, panic);
	assert_int_equal(child.status, 2);
	assert_true(t_goroutines(child.out) >= 2 + RECEIVERS);
	assert_says("\ngoro_panic(...)\n");
	assert_says("\ngr_context_entry(...)\n");
	assert_says(" fp=0x");
	assert_says(" pc=0x");
}

static void
unknown_level_is_the_default(void **state)
{
	(void)state;
	set_level("loud");
	assert_ends(panic, "panic: hero of 42\n\ngoroutine ", 1);
}

static void
panic_to_a_core(void)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	signal(SIGABRT, SIG_IGN); /* no way around it */
	panic();
}

static void
level_crash_ends_by_sigabrt(void **state)
{
	(void)state;
	set_level("crash");
	t_child_run(&child, panic_to_a_core);
	assert_int_equal(child.status, -SIGABRT);
	assert_true(t_goroutines(child.out) >= 2 + RECEIVERS);
}

/* --- What is shown ----------------------------------------------------------- */

static NOINLINE int
recurse(int depth)
{
	int n = 0;

	if (depth)
		n = recurse(depth - 1);
	else
		goro_chan_recv(ch, NULL);
	STAY();
	return n + 1;
}

static NOINLINE void
deep_receiver(void *arg)
{
	recurse(*(int *)arg);
	STAY();
}

static int
main_waits_deep_down(void *arg)
{
	static int depth = 300;

	(void)arg;
	ch = goro_chan_create(1, 0);
	goro_go(deep_receiver, &depth);
	goro_chan_recv(ch, NULL);
	STAY();
	return 0;
}

static void
wait_deep_down(void)
{
	goro_run(main_waits_deep_down, NULL);
}

static void
deep_stack_shows_both_ends(void **state)
{
	(void)state;
	skip_without_deadlock_report();
	assert_ends(wait_deep_down, "fatal error: ", 2);
	assert_int_equal(t_occurrences(child.out, "\n...additional frames "
						  "elided...\n"),
			 1);
	assert_true(t_occurrences(child.out, "\nrecurse(...)\n") > 80);
	assert_true(t_occurrences(child.out, "\nrecurse(...)\n") < 100);
	assert_says("\ngoro_chan_recv(...)\n\t");
	assert_says("\ndeep_receiver(...)\n");
}

static int
compare_in_panic(const void *a, const void *b)
{
	goro_panic("%d and %d", *(const int *)a, *(const int *)b);
}

static int
main_sorts(void *arg)
{
	int numbers[] = { 2, 1 };

	qsort(numbers, 2, sizeof(int), compare_in_panic);
	STAY();
	return arg != NULL;
}

static void
sort_in_panic(void)
{
	goro_run(main_sorts, NULL);
}

static void
panic_in_a_callback_shows_the_way_through_libc(void **state)
{
	(void)state;
	assert_ends(sort_in_panic,
		    "panic: 2 and 1\n\ngoroutine 1 [running]:\n"
		    "compare_in_panic(...)\n",
		    1);
	assert_says("qsort");
	assert_says("\nmain_sorts(...)\n");
	assert_does_not_say("elided");
	/* Where to look for lines, one command a module. */
	assert_says("\n\naddr2line -aifpe /");
}

static int
main_starts_and_panics(void *arg)
{
	(void)arg;
	goro_go(receiver, NULL);
	goro_panic("early");
}

static void
start_and_panic(void)
{
	goro_run(main_starts_and_panics, NULL);
}

static void
goroutine_that_has_not_run_shows_its_entry(void **state)
{
	(void)state;
	setenv("GOROMAXPROCS", "1", 1);
	set_level("all");
	assert_ends(start_and_panic,
		    "panic: early\n\ngoroutine 1 [running]:\n"
		    "main_starts_and_panics(...)\n",
		    2);
	assert_says(" [runnable]:\nreceiver(...)\n\t" __FILE__ ":");
	assert_says("\ncreated by main_starts_and_panics in goroutine 1\n");
}

static NOINLINE void
named_receiver(void *arg)
{
	goro_set_name(arg);
	goro_chan_recv(ch, NULL);
	STAY();
}

static int
main_with_names(void *arg)
{
	(void)arg;
	ch = goro_chan_create(0, 0);
	goro_go(named_receiver, (void *)"billing");
	goro_go(named_receiver, (void *)"a, \"b\"]: {%2e}\n\033[31m");
	goro_go(named_receiver, (void *)"");
	goro_chan_recv(ch, NULL);
	STAY();
	return 0;
}

static void
wait_with_names(void)
{
	goro_run(main_with_names, NULL);
}

static void
name_is_shown_and_breaks_nothing(void **state)
{
	(void)state;
	skip_without_deadlock_report();
	assert_ends(wait_with_names, "fatal error: ", 4);
	assert_says(" [chan receive labels:{\"name\": \"billing\"}]:\n");
	assert_says("\"a_ _b__: __2e____31m\"}]:\n");
}

static void
panic_on_a_thread(void)
{
	goro_panic("no goroutine here");
}

static void
panic_outside_a_goroutine_shows_the_thread(void **state)
{
	(void)state;
	assert_ends(panic_on_a_thread,
		    "panic: no goroutine here\n\ngoroutine 0 [running]:\n"
		    "panic_on_a_thread(...)\n",
		    1);
	assert_says("\nmain(...)\n");
}

static uint32_t go_on; /* [pair go-on] */

static NOINLINE void
runner(void *arg)
{
	(void)arg;
	__atomic_store_n(&go_on, 1, __ATOMIC_RELEASE);
	goro_preempt_off();
	for (;;)
		STAY();
}

static int
main_beside_a_runner(void *arg)
{
	(void)arg;
	goro_go(runner, NULL);
	while (!__atomic_load_n(&go_on, __ATOMIC_ACQUIRE))
		goro_yield();
	goro_sleep(1000000);
	goro_panic("beside");
}

static void
panic_beside_a_runner(void)
{
	goro_run(main_beside_a_runner, NULL);
}

static void
goroutine_on_another_thread_has_no_stack(void **state)
{
	(void)state;
	set_level("all");
	assert_ends(panic_beside_a_runner, "panic: beside\n", 2);
	assert_says(" [running]:\n\tgoroutine running on other thread; "
		    "stack unavailable\n"
		    "created by main_beside_a_runner in goroutine 1\n");
}

/* --- Under pressure ---------------------------------------------------------- */

static NOINLINE int
endless(volatile int *n)
{
	*n += 1;
	return *n ? endless(n) + *n : 0;
}

static NOINLINE void
overflower(void *arg)
{
	int n = 0;

	(void)arg;
	endless(&n);
	STAY();
}

static int
main_overflows(void *arg)
{
	goro_go(overflower, arg);
	goro_sleep(GORO_FOREVER / 2);
	return 0;
}

static void
overflow(void)
{
	signal(SIGSEGV, SIG_DFL); /* cmocka has it; the runtime then does not */
	goro_run(main_overflows, NULL);
}

static void
stack_overflow_shows_both_ends_of_the_stack(void **state)
{
	(void)state;
#if defined(GR_ASAN) || defined(GR_TSAN)
	skip(); /* the sanitizer has SIGSEGV */
#endif
	t_child_run(&child, overflow);
	assert_int_equal(child.status, 2);
	assert_int_equal(t_goroutines(child.out), 2);
	assert_says("fatal error: stack overflow\n\ngoroutine ");
	assert_says(" [running]:\nendless(...)\n");
	assert_says("\n...additional frames elided...\nendless(...)\n");
	assert_says("\noverflower(...)\n");
	assert_says("created by main_overflows in goroutine 1\n");
}

enum { CROWD = 8 };

static void *
thread_panics(void *arg)
{
	goro_panic("%s", (const char *)arg);
}

static void
panic_on_many_threads(void)
{
	pthread_t thread;

	for (int i = 0; i < CROWD; i++)
		pthread_create(&thread, NULL, thread_panics,
			       (void *)"me first");
	pthread_join(thread, NULL);
}

static void
one_of_many_panics_is_reported(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		assert_ends(panic_on_many_threads, "panic: me first\n", 1);
		assert_int_equal(t_occurrences(child.out, "panic: "), 1);
	}
}

enum { MULTITUDE = 4000 }; /* ThreadSanitizer has room for 8,000 */

static NOINLINE void
panic_soon(void *arg)
{
	(void)arg;
	__atomic_store_n(&go_on, 1, __ATOMIC_RELEASE);
	goro_panic("too late");
}

static int
main_returns_meanwhile(void *arg)
{
	(void)arg;
	ch = goro_chan_create(0, 0);
	for (int i = 0; i < MULTITUDE; i++)
		goro_go(receiver, NULL);
	goro_sleep(5000000);
	goro_go(panic_soon, NULL);
	while (!__atomic_load_n(&go_on, __ATOMIC_ACQUIRE))
		goro_yield();
	return 0;
}

static void
return_meanwhile(void)
{
	goro_run(main_returns_meanwhile, NULL);
}

/* What is printed is more than the child keeps of it; its status tells whether
 * it got to the end. */
static void
report_is_not_cut_off_by_mains_return(void **state)
{
	(void)state;
	set_level("all");
	t_child_run(&child, return_meanwhile);
	assert_int_equal(child.status, 2);
	assert_int_equal(child.out_bytes, sizeof(child.out) - 1);
}

static void
panic_without_stderr(void)
{
	close(STDERR_FILENO);
	panic();
}

static void
panic_into_a_broken_pipe(void)
{
	int fds[2];

	T_CHECK(!pipe(fds));
	dup2(fds[1], STDERR_FILENO);
	close(fds[0]);
	close(fds[1]);
	panic();
}

static void
status_is_2_even_if_nobody_listens(void **state)
{
	(void)state;
	t_child_run(&child, panic_without_stderr);
	assert_int_equal(child.status, 2);
	t_child_run(&child, panic_into_a_broken_pipe);
	assert_int_equal(child.status, 2);
}

static int
main_breaks_the_registry(void *arg)
{
	(void)arg;
	start_receivers();
	gr_chunks->next = (struct gr_chunk *)8;
	goro_panic("broken");
}

static void
break_the_registry(void)
{
	goro_run(main_breaks_the_registry, NULL);
}

static void
fault_in_the_report_ends_it_with_what_there_is(void **state)
{
	(void)state;
	set_level("all");
	t_child_run(&child, break_the_registry);
	assert_int_equal(child.status, 2);
	assert_says("panic: broken\n\ngoroutine 1 [running]:\n"
		    "main_breaks_the_registry(...)\n");
	assert_says("\n[a fault ended the traceback]\n");
}

static void *
thread_loads_and_frees(void *arg)
{
	for (;;) {
		void *handle = dlopen("libm.so.6", RTLD_NOW);
		void *more = dlopen("libresolv.so.2", RTLD_NOW);

		for (size_t i = 1; i < 100; i++)
			free(malloc(i * 97));
		if (more)
			dlclose(more);
		if (handle)
			dlclose(handle);
	}
	return arg;
}

static void
panic_beside_the_loader(void)
{
	pthread_t thread;

	for (int i = 0; i < 3; i++)
		pthread_create(&thread, NULL, thread_loads_and_frees, NULL);
	nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	panic();
}

static void
report_does_not_wait_for_loader_or_malloc(void **state)
{
	(void)state;
#ifdef GR_TSAN
	skip(); /* it does not see the loader's own locks */
#endif
	set_level("all");
	for (int i = 0; i < 20; i++)
		assert_ends(panic_beside_the_loader,
			    "panic: hero of 42\n\ngoroutine ", 2 + RECEIVERS);
}

/* The parser itself, where it is installed. */
static void
panicparse_reads_it(void **state)
{
	char path[] = "/tmp/test_traceback.XXXXXX";
	char command[128], line[4096];
	int fd, goroutines = 0;
	FILE *f;

	(void)state;
	if (system("command -v panicparse >/dev/null"))
		skip();
	fd = mkstemp(path);
	assert_true(fd >= 0);
	set_level("system");
	t_child_run(&child, panic_beside_a_runner);
	assert_int_equal(write(fd, child.out, child.out_bytes),
			 child.out_bytes);
	close(fd);
	snprintf(command, sizeof(command), "panicparse -no-color %s", path);
	f = popen(command, "r");
	assert_non_null(f);
	/* "3: chan receive ..." for three goroutines alike */
	while (fgets(line, sizeof(line), f))
		if (line[0] >= '0' && line[0] <= '9')
			goroutines += atoi(line);
	assert_int_equal(pclose(f), 0);
	unlink(path);
	assert_int_equal(goroutines, t_goroutines(child.out));
	assert_int_equal(goroutines, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(panic_shows_its_own_goroutine),
		T(fatal_error_shows_all_goroutines_by_id),
		T(level_none_says_the_message_alone),
		T(level_all_shows_the_others_after_the_panic),
		T(level_system_shows_the_runtimes_functions),
		T(unknown_level_is_the_default),
		T(level_crash_ends_by_sigabrt),
		T(deep_stack_shows_both_ends),
		T(panic_in_a_callback_shows_the_way_through_libc),
		T(goroutine_that_has_not_run_shows_its_entry),
		T(name_is_shown_and_breaks_nothing),
		T(panic_outside_a_goroutine_shows_the_thread),
		T(goroutine_on_another_thread_has_no_stack),
		T(stack_overflow_shows_both_ends_of_the_stack),
		T(one_of_many_panics_is_reported),
		T(report_is_not_cut_off_by_mains_return),
		T(status_is_2_even_if_nobody_listens),
		T(fault_in_the_report_ends_it_with_what_there_is),
		T(report_does_not_wait_for_loader_or_malloc),
		T(panicparse_reads_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
