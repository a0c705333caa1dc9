// SPDX-License-Identifier: MIT
/*
 * test_blocking.c - a goroutine that keeps its thread keeps nobody else
 */
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "goro/goro.h"
#include "san.h"
#include "sched.h"
#include "stack.h"

static struct t_child child;

/* --- Support -------------------------------------------------------------- */

/* Block the thread, not the goroutine, until somebody writes to the pipe. */
static void
block_on_pipe(int fd)
{
	char c;

	goro_blocking_begin();
	T_CHECK_EQ(read(fd, &c, 1), 1);
	goro_blocking_end();
}

static void
let_go(int fd)
{
	T_CHECK_EQ(write(fd, "x", 1), 1);
}

struct blocked {
	int fds[2];
	struct goro_waitgroup *done;
	atomic_int *inside;
};

static void
blocked_goroutine(void *arg)
{
	struct blocked *b = arg;

	atomic_fetch_add(b->inside, 1);
	block_on_pipe(b->fds[0]);
	atomic_fetch_add(b->inside, -1);
	goro_waitgroup_done(b->done);
}

struct search {
	uint64_t id;
	int state;
};

static bool
is_it(struct gr_g *g, uint64_t word, void *arg)
{
	struct search *s = arg;

	if (g->id != s->id)
		return true;
	s->state = GORO_ABI_STATE(word);
	return false;
}

static int
state_of(uint64_t id)
{
	struct search s = { id, -1 };

	gr_g_each(is_it, &s);
	return s.state;
}

static int
threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	int n = -2; /* . and .. */

	T_CHECK(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* --- Others go on --------------------------------------------------------- */

T_GORO(section_does_not_hold_up_the_others)
{
	atomic_int inside = 0;
	struct goro_waitgroup done = GORO_WAITGROUP_INIT;
	struct blocked b = { .done = &done, .inside = &inside };

	T_CHECK(!pipe(b.fds));
	goro_waitgroup_add(&done, 1);
	goro_go(blocked_goroutine, &b);
	/* On one worker we run only if its P was taken from it. */
	while (!atomic_load(&inside))
		goro_yield();
	let_go(b.fds[1]);
	goro_waitgroup_wait(&done);
	T_CHECK_EQ(inside, 0);
	close(b.fds[0]);
	close(b.fds[1]);
}

enum { MANY = 50 };

T_GORO(many_may_block_at_once)
{
	static struct blocked b[MANY];
	atomic_int inside = 0;
	struct goro_waitgroup done = GORO_WAITGROUP_INIT;

	goro_waitgroup_add(&done, MANY);
	for (int i = 0; i < MANY; i++) {
		b[i].done = &done;
		b[i].inside = &inside;
		T_CHECK(!pipe(b[i].fds));
		goro_go(blocked_goroutine, &b[i]);
	}
	T_EVENTUALLY(atomic_load(&inside) == MANY);
	for (int i = 0; i < MANY; i++)
		let_go(b[i].fds[1]);
	goro_waitgroup_wait(&done);
	for (int i = 0; i < MANY; i++) {
		close(b[i].fds[0]);
		close(b[i].fds[1]);
	}
}

T_GORO(timers_fire_while_their_p_is_in_a_section)
{
	atomic_int inside = 0;
	struct goro_waitgroup done = GORO_WAITGROUP_INIT;
	struct blocked b = { .done = &done, .inside = &inside };

	T_CHECK(!pipe(b.fds));
	goro_waitgroup_add(&done, 1);
	goro_go(blocked_goroutine, &b);
	goro_sleep(5000000); /* it enters while we sleep, with nobody else */
	T_CHECK_EQ(inside, 1);
	goro_sleep(5000000);
	let_go(b.fds[1]);
	goro_waitgroup_wait(&done);
	close(b.fds[0]);
	close(b.fds[1]);
}

static void
send_from_section(void *arg)
{
	struct goro_chan *ch = arg;
	int n = 7;

	goro_blocking_begin();
	usleep(20000);
	/* Any thread may. The receiver will come. */
	for (int i = 0; goro_chan_try_send(ch, &n); i++) {
		T_CHECK(i < 10000);
		usleep(1000);
	}
	usleep(1000);
	goro_blocking_end();
	goro_chan_send(ch, &n);
}

T_GORO(any_thread_functions_work_in_a_section)
{
	struct goro_chan *ch = goro_chan_create(sizeof(int), 0);
	int n = 0;

	goro_go(send_from_section, ch);
	T_CHECK(goro_chan_recv(ch, &n));
	T_CHECK_EQ(n, 7);
	T_CHECK(goro_chan_recv(ch, &n));
	goro_chan_unref(ch);
}

/* --- What it is ----------------------------------------------------------- */

T_GORO(sections_nest)
{
	uint64_t self = goro_self();

	for (int depth = 1; depth < 5; depth++) {
		for (int i = 0; i < depth; i++)
			goro_blocking_begin();
		T_CHECK_EQ(goro_self(), self);
		for (int i = 0; i < depth; i++) {
			T_CHECK_EQ(state_of(self), GORO_ABI_SYSCALL);
			goro_blocking_end();
		}
		T_CHECK_EQ(state_of(self), GORO_ABI_RUNNING);
		goro_yield();
	}
}

static void
short_sections(void *arg)
{
	struct goro_waitgroup *done = arg;

	for (int i = 0; i < 20000; i++) {
		goro_blocking_begin();
		if (i % 1000 == 0)
			usleep(100);
		goro_blocking_end();
		if (i % 10 == 0)
			goro_yield();
	}
	goro_waitgroup_done(done);
}

T_GORO(short_sections_end_as_they_began)
{
	struct goro_waitgroup done = GORO_WAITGROUP_INIT;

	goro_waitgroup_add(&done, 8);
	for (int i = 0; i < 8; i++)
		goro_go(short_sections, &done);
	goro_waitgroup_wait(&done);
	/* Who says that it is done has yet to end. */
	T_EVENTUALLY(goro_count() == 1);
}

static sem_t all_in, all_out;

static void
through_semaphores(void *arg)
{
	goro_blocking_begin();
	sem_post(&all_in);
	sem_wait(&all_out);
	goro_blocking_end();
	goro_waitgroup_done(arg);
}

T_GORO(all_come_back_at_once)
{
	struct goro_waitgroup done = GORO_WAITGROUP_INIT;

	sem_init(&all_in, 0, 0);
	sem_init(&all_out, 0, 0);
	for (int round = 0; round < 20; round++) {
		goro_waitgroup_add(&done, MANY);
		for (int i = 0; i < MANY; i++)
			goro_go(through_semaphores, &done);
		goro_blocking_begin();
		for (int i = 0; i < MANY; i++)
			sem_wait(&all_in);
		for (int i = 0; i < MANY; i++)
			sem_post(&all_out);
		goro_blocking_end();
		goro_waitgroup_wait(&done);
	}
	/* Threads are used again: two rounds' worth would be too many. */
	T_CHECK(threads() < 2 * MANY);
}

T_GORO(maxprocs_may_change_around_a_section)
{
	atomic_int inside = 0;
	struct goro_waitgroup done = GORO_WAITGROUP_INIT;
	struct blocked b = { .done = &done, .inside = &inside };
	int before = goro_maxprocs(0);

	T_CHECK(!pipe(b.fds));
	for (int n = 1; n <= 4; n++) {
		goro_maxprocs(n);
		goro_waitgroup_add(&done, 1);
		goro_go(blocked_goroutine, &b);
		T_EVENTUALLY(atomic_load(&inside) == 1);
		goro_maxprocs(5 - n);
		goro_sleep(15000000);
		let_go(b.fds[1]);
		goro_waitgroup_wait(&done);
	}
	goro_maxprocs(before);
	close(b.fds[0]);
	close(b.fds[1]);
}

/* --- The end of a run ----------------------------------------------------- */

static struct blocked left;
static atomic_int left_inside;
static atomic_int came_out;

static void
left_behind(void *arg)
{
	char c;

	(void)arg;
	goro_blocking_begin();
	atomic_fetch_add(&left_inside, 1);
	T_CHECK_EQ(read(left.fds[0], &c, 1), 1);
	atomic_fetch_add(&left_inside, -1);
	goro_blocking_end();
	atomic_fetch_add(&came_out, 1); /* never: the run is over */
}

static int
leave_some_behind(void *arg)
{
	int n = *(int *)arg;

	for (int i = 0; i < n; i++)
		goro_go(left_behind, NULL);
	T_EVENTUALLY(atomic_load(&left_inside) == n);
	return 3; /* some still have their P */
}

static int
count_to_ten(void *arg)
{
	(void)arg;
	for (int i = 0; i < 10; i++)
		goro_yield();
	return 10;
}

static void
run_does_not_wait_for_sections(void **state)
{
	(void)state;
	int before = threads();

	for (int n = 1; n <= 20; n += 19) {
		assert_int_equal(pipe(left.fds), 0);
		assert_int_equal(goro_run(leave_some_behind, &n), 3);
		assert_int_equal(goro_run(count_to_ten, NULL), 10);
		for (int i = 0; i < n; i++)
			let_go(left.fds[1]);
		assert_int_equal(goro_run(count_to_ten, NULL), 10);
		T_EVENTUALLY(!atomic_load(&left_inside));
		T_EVENTUALLY(threads() == before);
		assert_int_equal(atomic_load(&came_out), 0);
		close(left.fds[0]);
		close(left.fds[1]);
	}
}

static int
end_while_they_enter(void *arg)
{
	struct goro_waitgroup done = GORO_WAITGROUP_INIT;

	(void)arg;
	goro_waitgroup_add(&done, 4);
	for (int i = 0; i < 4; i++)
		goro_go(short_sections, &done);
	goro_yield();
	return 1;
}

static void
run_may_end_at_any_moment_of_a_section(void **state)
{
	(void)state;
	int before = threads();

	for (int i = 0; i < 50; i++)
		assert_int_equal(goro_run(end_while_they_enter, NULL), 1);
	T_EVENTUALLY(threads() == before);
}

/* --- Deadlocks ------------------------------------------------------------ */

static void
send_after_a_while(void *arg)
{
	goro_blocking_begin();
	usleep(200000);
	goro_blocking_end();
	goro_chan_send(arg, NULL);
}

static int
wait_for_section(void *arg)
{
	struct goro_chan *ch = goro_chan_create(0, 0);

	(void)arg;
	goro_go(send_after_a_while, ch);
	goro_chan_recv(ch, NULL);
	return 0;
}

static void
run_wait_for_section(void)
{
	_exit(goro_run(wait_for_section, NULL));
}

static int
section_then_nothing(void *arg)
{
	struct goro_chan *ch = goro_chan_create(0, 0);

	(void)arg;
	goro_blocking_begin();
	usleep(30000);
	goro_blocking_end();
	goro_chan_recv(ch, NULL);
	return 0;
}

static __attribute__((unused)) void
run_section_then_nothing(void)
{
	goro_run(section_then_nothing, NULL);
}

static void
no_deadlock_while_one_is_in_a_section(void **state)
{
	(void)state;
	t_child_run(&child, run_wait_for_section);
	assert_int_equal(child.status, 0);
	assert_string_equal(child.out, "");
#ifndef GR_TSAN /* has threads of its own, in a child one more */
	t_child_run(&child, run_section_then_nothing);
	assert_int_equal(child.status, 2);
	assert_non_null(strstr(child.out, "all goroutines are asleep"));
#endif
}

/* --- Misuse and shortage -------------------------------------------------- */

static int
yield_in_section(void *arg)
{
	(void)arg;
	goro_blocking_begin();
	goro_yield();
	return 0;
}

static void
run_yield_in_section(void)
{
	goro_run(yield_in_section, NULL);
}

static int
end_without_begin(void *arg)
{
	(void)arg;
	goro_blocking_end();
	return 0;
}

static void
run_end_without_begin(void)
{
	goro_run(end_without_begin, NULL);
}

static int
return_in_section(void *arg)
{
	(void)arg;
	goro_blocking_begin();
	return 0;
}

static void
end_in_section(void *arg)
{
	return_in_section(arg);
}

static int
start_end_in_section(void *arg)
{
	goro_go(end_in_section, arg);
	goro_sleep(3600000000000);
	return 0;
}

static void
run_main_ends_in_section(void)
{
	goro_run(return_in_section, NULL);
}

static void
run_end_in_section(void)
{
	goro_run(start_end_in_section, NULL);
}

static void
misuse_panics(void **state)
{
	(void)state;
	t_child_run(&child, run_main_ends_in_section);
	assert_int_equal(child.status, 2);
	assert_non_null(strstr(child.out, "panic: goroutine ends inside"));
	t_child_run(&child, run_end_in_section);
	assert_int_equal(child.status, 2);
	assert_non_null(strstr(child.out, "panic: goroutine ends inside"));
	t_child_run(&child, run_yield_in_section);
	assert_int_equal(child.status, 2);
	assert_non_null(strstr(
		child.out, "panic: goro_yield called inside a blocking section"));
	t_child_run(&child, run_end_without_begin);
	assert_int_equal(child.status, 2);
	assert_non_null(strstr(child.out, "panic: goro_blocking_end without"));
	t_child_run(&child, goro_blocking_begin);
	assert_int_equal(child.status, 2);
	assert_non_null(strstr(child.out, "outside a goroutine"));
}

static void
sleep_in_section(void *arg)
{
	goro_blocking_begin();
	usleep(30000);
	goro_blocking_end();
	goro_waitgroup_done(arg);
}

static int
use_few_threads(void *arg)
{
	struct goro_waitgroup done = GORO_WAITGROUP_INIT;

	(void)arg;
	goro_waitgroup_add(&done, 20);
	for (int i = 0; i < 20; i++)
		goro_go(sleep_in_section, &done);
	goro_waitgroup_wait(&done);
	return 0;
}

static void
limit_threads(rlim_t n)
{
	if (setrlimit(RLIMIT_NPROC, &(struct rlimit){ n, 1000 }))
		exit(77);
}

/* The limit counts a user's threads, and not root's: be a user of our own. */
static void
be_nobody(void)
{
	uid_t uid = 1000000 + getpid();

	if (setresuid(uid, uid, uid))
		exit(77);
}

static void
run_with_few_threads(void)
{
	be_nobody();
	limit_threads(6);
	_exit(goro_run(use_few_threads, NULL));
}

static void
without_new_threads_nothing_is_lost(void **state)
{
	(void)state;
	t_child_run(&child, run_with_few_threads);
	if (child.status == 77)
		skip();
	assert_int_equal(child.status, 0);
	assert_non_null(strstr(child.out, "runtime: no new thread"));
}

static void
note(void *arg)
{
	atomic_store((atomic_bool *)arg, true);
}

static void
sleep_and_note(void *arg)
{
	goro_sleep(20000000);
	note(arg);
}

/* Without letting go of the thread. */
static void
await(atomic_bool *flag)
{
	for (int ms = 0; ms < 60000 && !atomic_load(flag); ms++)
		usleep(1000);
	T_CHECK(atomic_load(flag));
}

/* Leave a P with a goroutine and a sleeper behind, for which there is no
 * thread. */
static void
strand(atomic_bool *ran, atomic_bool *slept, rlim_t limit_then)
{
	limit_threads(1);
	goro_go(sleep_and_note, slept);
	goro_yield();
	goro_go(note, ran);
	goro_blocking_begin();
	usleep(50000);
	limit_threads(limit_then);
	await(ran);
	await(slept);
	goro_blocking_end();
}

static int
strand_beside_an_idle_worker(void *arg)
{
	static atomic_bool up, ran, slept;

	goro_go(note, &up);
	await(&up); /* so it ran on another */
	strand(&ran, &slept, 1);
	(void)arg;
	return 0;
}

static int
strand_for_a_while(void *arg)
{
	static atomic_bool ran, slept;

	(void)arg;
	strand(&ran, &slept, 1000);
	return 0;
}

static void
run_strand_beside_an_idle_worker(void)
{
	be_nobody();
	t_run_procs("2", strand_beside_an_idle_worker, NULL);
	_exit(0);
}

static void
run_strand_for_a_while(void)
{
	be_nobody();
	t_run_procs("1", strand_for_a_while, NULL);
	_exit(0);
}

static void
what_lacks_a_thread_is_for_others(void **state)
{
	(void)state;
	t_child_run(&child, run_strand_beside_an_idle_worker);
	if (child.status == 77)
		skip();
	if (child.status)
		print_error("%s\n", child.out);
	assert_int_equal(child.status, 0);
	t_child_run(&child, run_strand_for_a_while);
	if (child.status)
		print_error("%s\n", child.out);
	assert_int_equal(child.status, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		/* First those that fork: TSan must not have seen threads. */
		cmocka_unit_test(no_deadlock_while_one_is_in_a_section),
		cmocka_unit_test(misuse_panics),
		cmocka_unit_test(without_new_threads_nothing_is_lost),
		cmocka_unit_test(what_lacks_a_thread_is_for_others),
		cmocka_unit_test(section_does_not_hold_up_the_others),
		cmocka_unit_test(many_may_block_at_once),
		cmocka_unit_test(timers_fire_while_their_p_is_in_a_section),
		cmocka_unit_test(any_thread_functions_work_in_a_section),
		cmocka_unit_test(sections_nest),
		cmocka_unit_test(short_sections_end_as_they_began),
		cmocka_unit_test(all_come_back_at_once),
		cmocka_unit_test(maxprocs_may_change_around_a_section),
		cmocka_unit_test(run_does_not_wait_for_sections),
		cmocka_unit_test(run_may_end_at_any_moment_of_a_section),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
