// SPDX-License-Identifier: MIT
/*
 * test_target_live.c - reading and holding another process
 */
#include "test.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tracer/procfs.h"
#include "tracer/target.h"

enum { PAGE = 4096, SPANS = 3000 };

/* What parent and child share: the child counts, the parent sees it run. */
struct shared {
	atomic_ulong count, handled;
	atomic_int ready, quit, lost;
};

static struct shared *shared;
static char *memory; /* page, hole, page */
static pid_t child;
static struct gt_target *t;

static void
child_main(void)
{
	atomic_store(&shared->ready, 1);
	while (!atomic_load(&shared->quit))
		atomic_fetch_add(&shared->count, 1);
	_exit(0);
}

static int
start(void **state)
{
	(void)state;
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memory = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	T_CHECK(shared != MAP_FAILED && memory != MAP_FAILED);
	T_CHECK(munmap(memory + PAGE, PAGE) == 0);
	for (unsigned i = 0; i < PAGE; i++)
		memory[i] = memory[2 * PAGE + i] = (char)(i * 7);
	child = fork();
	T_CHECK(child >= 0);
	if (child == 0)
		child_main();
	T_EVENTUALLY(atomic_load(&shared->ready));
	struct gt_error *err = gt_target_live_open(child, &t);
	if (err) {
		/* Not root, and kernel.yama.ptrace_scope says no. */
		print_message("%s: %s\n", err->text, err->hint);
		T_CHECK(err->code == GT_NO_ACCESS);
		exit(77);
	}
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	gt_target_destroyp(&t);
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	munmap(memory, PAGE);
	munmap(memory + 2 * PAGE, PAGE);
	munmap(shared, PAGE);
	return 0;
}

static void
memory_is_copied(void **state)
{
	char buf[PAGE];

	(void)state;
	assert_null(gt_target_read(t, (uint64_t)memory, buf, PAGE));
	assert_memory_equal(buf, memory, PAGE);
}

static void
what_is_not_there_is_not_ok_and_stops_nothing(void **state)
{
	static char bufs[SPANS][16];
	static struct gt_span spans[SPANS];

	(void)state;
	for (unsigned i = 0; i < SPANS; i++) {
		/* Each third is in the hole, each seventh leads into it. */
		uint64_t page = i % 3 == 1 ? 1 : i % 3;
		uint64_t at = i % 7 == 0 && page == 0 ? PAGE - 8 : i % 4000;

		spans[i] = (struct gt_span){
			.addr = (uint64_t)memory + page * PAGE + at,
			.buf = bufs[i],
			.bytes = 16,
		};
	}
	assert_null(t->ops->read(t, spans, SPANS));
	for (unsigned i = 0; i < SPANS; i++) {
		uint64_t at = spans[i].addr - (uint64_t)memory;
		bool there = at + 16 <= PAGE || at >= 2 * PAGE;

		assert_int_equal(spans[i].ok, there);
		if (there)
			assert_memory_equal(bufs[i], memory + at, 16);
	}
}

static void
strings_end_where_memory_does(void **state)
{
	char buf[64];

	(void)state;
	assert_null(gt_target_read_string(t, (uint64_t)memory + PAGE - 8, buf,
					  sizeof(buf)));
	assert_memory_equal(buf, memory + PAGE - 8, 8);
	assert_int_equal(buf[8], 0);
	assert_null(gt_target_read_string(t, 0, buf, sizeof(buf)));
	assert_string_equal(buf, "");
}

static void
the_programs_file_is_opened(void **state)
{
	const struct gt_map *map = gt_maps_find(&t->maps, (uint64_t)start);
	unsigned char magic[SELFMAG];

	(void)state;
	assert_non_null(map);
	int fd = t->ops->open_file(t, map);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, magic, SELFMAG), SELFMAG);
	assert_memory_equal(magic, ELFMAG, SELFMAG);
	close(fd);
}

static void
a_mapping_without_a_file_has_none(void **state)
{
	(void)state;
	const struct gt_map *map = gt_maps_find(&t->maps, (uint64_t)memory);
	assert_true(t->ops->open_file(t, map) < 0);
}

/* ---- holding ---- */

struct held {
	int rc;
	struct gt_regs regs;
	unsigned long before, after;
};

static void
hold_and_look(void *arg)
{
	struct held *h = arg;

	h->rc = t->ops->hold(t, child, &h->regs);
	if (h->rc)
		return;
	h->before = atomic_load(&shared->count);
	usleep(20000);
	h->after = atomic_load(&shared->count);
	t->ops->release(t, child);
}

static void
assert_running(void)
{
	unsigned long count = atomic_load(&shared->count);

	T_EVENTUALLY(atomic_load(&shared->count) > count);
}

static void
a_held_thread_stands_still_and_then_goes_on(void **state)
{
	struct held h = { 0 };

	(void)state;
	assert_null(gt_target_trace(hold_and_look, &h));
	if (h.rc == -EPERM) /* a sandbox without ptrace */
		skip();
	assert_int_equal(h.rc, 0);
	assert_int_equal(h.before, h.after);
	assert_int_equal(h.regs.valid, (1u << GT_ARCH_REGS) - 1);
	const struct gt_map *code = gt_maps_find(&t->maps,
						 h.regs.r[GT_ARCH_PC]);
	assert_true(code && code->prot & GT_MAP_EXEC);
	assert_running();
}

static void
hold_and_forget(void *arg)
{
	struct held *h = arg;

	h->rc = t->ops->hold(t, child, &h->regs);
}

static void
a_thread_that_was_not_released_goes_on_as_well(void **state)
{
	struct held h = { 0 };

	(void)state;
	assert_null(gt_target_trace(hold_and_forget, &h));
	if (h.rc == -EPERM)
		skip();
	assert_int_equal(h.rc, 0);
	assert_running();
}

static void
a_stopped_process_can_be_held_and_stays_stopped(void **state)
{
	struct held h = { 0 };
	int status;

	(void)state;
	kill(child, SIGSTOP);
	assert_int_equal(waitpid(child, &status, WUNTRACED), child);
	assert_null(gt_target_trace(hold_and_look, &h));
	if (h.rc == -EPERM)
		skip();
	assert_int_equal(h.rc, 0);
	unsigned long count = atomic_load(&shared->count);
	usleep(20000);
	assert_int_equal(atomic_load(&shared->count), count);
	kill(child, SIGCONT);
	assert_running();
}

static void
count_signal(int sig)
{
	(void)sig;
	atomic_fetch_add(&shared->handled, 1);
}

/* Each signal is handled before raise() returns, or it is lost. */
_Noreturn static void
raise_all_the_time(void)
{
	signal(SIGUSR1, count_signal);
	for (unsigned long n = 1;; n++) {
		raise(SIGUSR1);
		if (atomic_load(&shared->handled) != n) {
			atomic_store(&shared->lost, 1);
			_exit(1);
		}
		atomic_store(&shared->count, n);
	}
}

/* To the end of the child: waiting also shows us where the tracer's thread has
 * stopped it, until that thread is gone altogether. */
static void
quit(void)
{
	int status = 0;

	atomic_store(&shared->quit, 1);
	do {
		assert_int_equal(waitpid(child, &status, 0), child);
	} while (!WIFEXITED(status));
}

/* The tracer ends without letting go, as if killed, and nearly each time just
 * as a signal is being delivered. Nobody may wait for the child meanwhile:
 * whoever collects a stop takes the signal out of it. */
static void
signals_that_come_meanwhile_are_not_lost(void **state)
{
	struct held h = { 0 };

	(void)state;
	assert_null(gt_target_trace(hold_and_forget, &h));
	if (h.rc == -EPERM)
		skip();
	quit();
	gt_target_destroyp(&t);
	child = fork();
	T_CHECK(child >= 0);
	if (child == 0)
		raise_all_the_time();
	assert_null(gt_target_live_open(child, &t));
	for (unsigned i = 0; i < 300; i++) {
		unsigned long count = atomic_load(&shared->count);

		assert_null(gt_target_trace(hold_and_forget, &h));
		T_EVENTUALLY(atomic_load(&shared->count) > count + 10 ||
			     atomic_load(&shared->lost));
		assert_false(atomic_load(&shared->lost));
	}
}

static void
a_thread_that_is_not_there_is_not_held(void **state)
{
	pid_t before = child;
	struct held h = { 0 };

	(void)state;
	child = 1 << 30;
	assert_null(gt_target_trace(hold_and_look, &h));
	child = before;
	assert_int_equal(h.rc, -ESRCH);
}

static void
another_processs_thread_is_not_held(void **state)
{
	pid_t before = child, other = fork();
	struct held h = { 0 };

	(void)state;
	T_CHECK(other >= 0);
	if (other == 0)
		child_main();
	child = other;
	assert_null(gt_target_trace(hold_and_look, &h));
	child = before;
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	assert_int_equal(h.rc, -ESRCH);
}

/* ---- processes that are not there ---- */

static void
a_process_that_ends_gives_an_error(void **state)
{
	char buf[16];

	(void)state;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	child = -1;
	struct gt_error *err = gt_target_read(t, (uint64_t)memory, buf, 16);
	assert_non_null(err);
	assert_int_equal(err->code, GT_ENDED);
	gt_error_free(err);
	assert_true(t->ops->open_file(t, &t->maps.v[0]) < 0);
}

static void
expect_open(pid_t pid, enum gt_code code)
{
	struct gt_target *none = NULL;
	struct gt_error *err = gt_target_live_open(pid, &none);

	assert_non_null(err);
	assert_null(none);
	assert_int_equal(err->code, code);
	gt_error_free(err);
}

static void
a_zombie_has_ended(void **state)
{
	(void)state;
	kill(child, SIGKILL);
	/* Dead, and not collected yet. */
	siginfo_t info;
	assert_int_equal(waitid(P_PID, child, &info, WEXITED | WNOWAIT), 0);
	expect_open(child, GT_ENDED);
}

static void
no_process_is_said_to_be_none(void **state)
{
	(void)state;
	expect_open(1 << 30, GT_NO_PROCESS);
}

int
main(void)
{
#define CHILD(test) cmocka_unit_test_setup_teardown(test, start, stop)
	const struct CMUnitTest tests[] = {
		CHILD(memory_is_copied),
		CHILD(what_is_not_there_is_not_ok_and_stops_nothing),
		CHILD(strings_end_where_memory_does),
		CHILD(the_programs_file_is_opened),
		CHILD(a_mapping_without_a_file_has_none),
		CHILD(a_held_thread_stands_still_and_then_goes_on),
		CHILD(a_thread_that_was_not_released_goes_on_as_well),
		CHILD(a_stopped_process_can_be_held_and_stays_stopped),
		CHILD(signals_that_come_meanwhile_are_not_lost),
		CHILD(a_thread_that_is_not_there_is_not_held),
		CHILD(another_processs_thread_is_not_held),
		CHILD(a_process_that_ends_gives_an_error),
		CHILD(a_zombie_has_ended),
		cmocka_unit_test(no_process_is_said_to_be_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
