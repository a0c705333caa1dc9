// SPDX-License-Identifier: MIT
/*
 * test_deadlock.c - when all are asleep for good it is said, and only then
 */
#include "test.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "goro/goro.h"

#define DEADLOCK "fatal error: all goroutines are asleep - deadlock!\n"
#define NO_GOROUTINES \
	"fatal error: no goroutines (main called goro_exit) - deadlock!\n"

static struct t_child child;

/* Run @fn as goroutine 1 in a child process. */
static int (*child_main)(void *arg);

static void
run_main(void)
{
	_exit(goro_run(child_main, NULL));
}

static void
run_in_child(int (*fn)(void *arg))
{
	child_main = fn;
	t_child_run(&child, run_main);
}

static void
assert_ends_with(int (*fn)(void *arg), const char *first_line)
{
	run_in_child(fn);
	if (child.status != 2)
		print_error("%s", child.out);
	assert_int_equal(child.status, 2);
	assert_ptr_equal(strstr(child.out, first_line), child.out);
}

static void
assert_ends_well(int (*fn)(void *arg))
{
	run_in_child(fn);
	if (child.status)
		print_error("%s", child.out);
	assert_int_equal(child.status, 0);
}

/* --- It is ---------------------------------------------------------------- */

static int
recv_from_nobody(void *arg)
{
	(void)arg;
	return goro_chan_recv(goro_chan_create(0, 0), NULL);
}

static int
recv_from_nil(void *arg)
{
	(void)arg;
	return goro_chan_recv(NULL, NULL);
}

static int
select_nothing(void *arg)
{
	(void)arg;
	return goro_select(NULL, 0);
}

static int
lock_twice(void *arg)
{
	static struct goro_mutex m;

	(void)arg;
	goro_mutex_lock(&m);
	goro_mutex_lock(&m);
	return 0;
}

static int
wait_for_nobody(void *arg)
{
	static struct goro_waitgroup wg;

	(void)arg;
	goro_waitgroup_add(&wg, 1);
	goro_waitgroup_wait(&wg);
	return 0;
}

static void
recv_forever(void *arg)
{
	goro_chan_recv(arg, NULL);
}

static int
many_wait_for_each_other(void *arg)
{
	struct goro_chan *ch = goro_chan_create(0, 0);

	(void)arg;
	for (int i = 0; i < 100; i++)
		goro_go(recv_forever, ch);
	goro_chan_recv(ch, NULL);
	return 0;
}

static int
after_a_sleep(void *arg)
{
	goro_sleep(1000000);
	return many_wait_for_each_other(arg);
}

static void
sleep_a_little(void *arg)
{
	(void)arg;
	goro_sleep(2000000);
}

/* The last one that could have done something ends. */
static int
when_the_last_sleeper_ends(void *arg)
{
	goro_go(sleep_a_little, NULL);
	return recv_from_nobody(arg);
}

static void *
sleep_in_vain(void *arg)
{
	nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	return arg;
}

/* Not a runtime's thread, and nobody is woken by its end. */
static int
when_the_last_thread_ends(void *arg)
{
	pthread_t thread;

	T_CHECK_EQ(pthread_create(&thread, NULL, sleep_in_vain, NULL), 0);
	pthread_detach(thread);
	return recv_from_nobody(arg);
}

/* Many workers that have all had something to do, at different times. */
static int
after_changes_of_maxprocs(void *arg)
{
	static const int procs[] = { 8, 3, 1, 5, 2 };

	for (int i = 0; i < 20; i++) {
		goro_maxprocs(procs[i % 5]);
		for (int k = 0; k < 20; k++)
			goro_go(sleep_a_little, NULL);
		goro_sleep(300000);
	}
	return many_wait_for_each_other(arg);
}

static int
return_0(void *arg)
{
	(void)arg;
	return 0;
}

static void
run_many_then_deadlock(void)
{
	for (int i = 0; i < 30; i++)
		if (goro_run(return_0, NULL))
			_exit(100);
	goro_run(many_wait_for_each_other, NULL);
}

static void
deadlock_is_reported(void **state)
{
	static int (*const mains[])(void *arg) = {
		recv_from_nobody,
		recv_from_nil,
		select_nothing,
		lock_twice,
		wait_for_nobody,
		many_wait_for_each_other,
		after_a_sleep,
		when_the_last_sleeper_ends,
		when_the_last_thread_ends,
		after_changes_of_maxprocs,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(mains) / sizeof(*mains); i++)
		assert_ends_with(mains[i], DEADLOCK);
}

static void
deadlock_is_reported_in_a_later_run(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		t_child_run(&child, run_many_then_deadlock);
		assert_int_equal(child.status, 2);
		assert_ptr_equal(strstr(child.out, DEADLOCK), child.out);
	}
}

static int
exit_alone(void *arg)
{
	(void)arg;
	goro_exit();
}

static int
exit_while_one_sleeps(void *arg)
{
	(void)arg;
	goro_go(sleep_a_little, NULL);
	goro_exit();
}

static int
exit_while_one_waits(void *arg)
{
	(void)arg;
	goro_go(recv_forever, NULL);
	goro_exit();
}

static void
end_of_all_is_reported(void **state)
{
	(void)state;
	assert_ends_with(exit_alone, NO_GOROUTINES);
	assert_ends_with(exit_while_one_sleeps, NO_GOROUTINES);
	assert_ends_with(exit_while_one_waits, DEADLOCK);
}

/* --- It is not ------------------------------------------------------------ */

static void
sleep_then_send(void *arg)
{
	goro_sleep(30000000);
	goro_chan_send(arg, NULL);
}

static int
wait_for_sleeper(void *arg)
{
	struct goro_chan *ch = goro_chan_create(0, 0);

	(void)arg;
	for (int i = 0; i < 3; i++) {
		goro_go(sleep_then_send, ch);
		goro_chan_recv(ch, NULL);
	}
	return 0;
}

static int
wait_until(void *arg)
{
	struct goro_chan *ch = goro_chan_create(0, 0);
	struct goro_case cases[] = { GORO_RECV(ch, NULL) };

	(void)arg;
	goro_chan_recv_until(ch, NULL, goro_now() + 20000000);
	goro_chan_recv_until(NULL, NULL, goro_now() + 20000000);
	goro_select_until(cases, 1, goro_now() + 20000000);
	return 0;
}

static void *
sleep_then_close(void *arg)
{
	nanosleep(&(struct timespec){ .tv_nsec = 30000000 }, NULL);
	goro_chan_close(arg);
	return NULL;
}

static void *
close_at_once(void *arg)
{
	goro_chan_close(arg);
	return NULL;
}

static int
wait_for_thread(void *(*fn)(void *arg))
{
	struct goro_chan *ch = goro_chan_create(0, 0);
	pthread_t thread;

	T_CHECK_EQ(pthread_create(&thread, NULL, fn, ch), 0);
	goro_chan_recv(ch, NULL);
	pthread_join(thread, NULL);
	goro_chan_unref(ch);
	return 0;
}

static int
wait_for_slow_thread(void *arg)
{
	(void)arg;
	return wait_for_thread(sleep_then_close);
}

/* The thread may be gone by the time that anyone counts threads. */
static int
wait_for_quick_threads(void *arg)
{
	(void)arg;
	for (int i = 0; i < 200; i++)
		wait_for_thread(close_at_once);
	return 0;
}

/* All go to sleep and are woken, again and again, on several workers. */
static void
pass_on(void *arg)
{
	struct goro_chan **chs = arg;
	int n;

	while (goro_chan_recv(chs[0], &n))
		goro_chan_send(chs[1], &n);
}

static int
pass_round(void *arg)
{
	static struct goro_chan *chs[10]; /* it outlives us */
	int n;

	(void)arg;
	for (int i = 0; i < 10; i++)
		chs[i] = goro_chan_create(sizeof(int), 0);
	for (int i = 0; i < 9; i++)
		goro_go(pass_on, &chs[i]);
	for (int i = 0; i < 2000; i++) {
		goro_chan_send(chs[0], &i);
		goro_chan_recv(chs[9], &n);
		T_CHECK_EQ(n, i);
	}
	return 0;
}

static void
no_deadlock_is_reported_where_there_is_none(void **state)
{
	static int (*const mains[])(void *arg) = {
		wait_for_sleeper,       wait_until, wait_for_slow_thread,
		wait_for_quick_threads, pass_round,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(mains) / sizeof(*mains); i++)
		assert_ends_well(mains[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deadlock_is_reported),
		cmocka_unit_test(deadlock_is_reported_in_a_later_run),
		cmocka_unit_test(end_of_all_is_reported),
		cmocka_unit_test(no_deadlock_is_reported_where_there_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
