// SPDX-License-Identifier: MIT
/*
 * test_time_many.c - many timers, and many goroutines on one timer
 *
 * Each start of a timer ends in exactly one way: it is received (or its
 * function called), or a stop or reset says that it took it back. So at the
 * end starts == fired + taken back, however all of it was interleaved.
 */
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "goro/goro.h"
#include "san.h"
#include "sched.h"

#define MS INT64_C(1000000)
#define HOUR (3600 * 1000 * MS)

#if defined(GR_ASAN) || defined(GR_TSAN)
enum { TIMERS = 5000, CALLS = 500, ROUNDS = 1000 };
#else
enum { TIMERS = 100000, CALLS = 10000, ROUNDS = 10000 };
#endif
enum { MEDDLERS = 4 };

static struct {
	struct goro_timer *t;
	struct goro_chan *quit;
	struct goro_waitgroup meddlers, receiver;
	long starts, fired, taken_back; /* atomic */
} one;

static void
count(long *what, long n)
{
	__atomic_fetch_add(what, n, __ATOMIC_RELAXED);
}

static void
note_fired(void *arg)
{
	(void)arg;
	count(&one.fired, 1);
}

static void
receive_all(void *arg)
{
	struct goro_case cases[] = {
		GORO_RECV(goro_timer_chan(one.t), NULL),
		GORO_RECV(one.quit, NULL),
	};

	(void)arg;
	while (goro_select(cases, 2) == 0)
		count(&one.fired, 1);
	goro_waitgroup_done(&one.receiver);
}

static void
meddle(void *arg)
{
	unsigned seed = *(int *)arg;

	for (int i = 0; i < ROUNDS; i++) {
		if (rand_r(&seed) % 3) {
			count(&one.starts, 1);
			count(&one.taken_back,
			      goro_timer_reset(one.t, rand_r(&seed) % 20000));
		} else {
			count(&one.taken_back, goro_timer_stop(one.t));
		}
		if (rand_r(&seed) % 8 == 0)
			goro_yield();
	}
	goro_waitgroup_done(&one.meddlers);
}

/* Before anybody counts. */
static void
begin(void)
{
	one.starts = 1; /* by its creation */
	one.fired = one.taken_back = 0;
}

static void
meddle_and_settle(void)
{
	goro_waitgroup_add(&one.meddlers, MEDDLERS);
	for (int i = 0; i < MEDDLERS; i++)
		goro_go_copy(meddle, &i, sizeof(i));
	goro_waitgroup_wait(&one.meddlers);
	count(&one.taken_back, goro_timer_stop(one.t));
}

T_GORO(each_start_of_a_func_timer_ends_once)
{
	begin();
	one.t = goro_timer_create_func(0, note_fired, NULL);
	meddle_and_settle();
	T_EVENTUALLY(__atomic_load_n(&one.fired, __ATOMIC_RELAXED) +
			     one.taken_back ==
		     one.starts);
	goro_sleep(MS);
	T_CHECK_EQ(one.fired + one.taken_back, one.starts);
	goro_timer_destroy(one.t);
}

T_GORO(each_start_of_a_channel_timer_ends_once)
{
	begin();
	one.t = goro_timer_create(0);
	one.quit = goro_chan_create(0, 0);
	goro_waitgroup_add(&one.receiver, 1);
	goro_go(receive_all, NULL);
	meddle_and_settle();
	/* The receiver has nothing more to receive, or had it before that. */
	goro_chan_close(one.quit);
	goro_waitgroup_wait(&one.receiver);
	T_CHECK_EQ(one.fired + one.taken_back, one.starts);
	goro_chan_unref(one.quit);
	goro_timer_destroy(one.t);
}

/* After the stop has returned, nobody who then looks may find a value. */
T_GORO(no_stale_value_after_a_stop)
{
	struct goro_timer *t = goro_timer_create(HOUR);
	struct goro_chan *ch = goro_timer_chan(t);

	for (int i = 0; i < ROUNDS; i++) {
		goro_timer_reset(t, i % 2000);
		if (i % 2)
			goro_yield();
		goro_timer_stop(t);
		T_CHECK_EQ(goro_chan_try_recv(ch, NULL), -EAGAIN);
	}
	goro_timer_destroy(t);
}

static void *
stop_on_a_thread(void *arg)
{
	for (int i = 0; i < ROUNDS; i++)
		count(&one.taken_back, goro_timer_stop(arg));
	return NULL;
}

T_GORO(a_thread_that_is_not_the_runtimes_may_stop)
{
	pthread_t thread;

	begin();
	one.t = goro_timer_create_func(HOUR, note_fired, NULL);
	pthread_create(&thread, NULL, stop_on_a_thread, one.t);
	for (int i = 0; i < ROUNDS; i++) {
		one.starts++;
		count(&one.taken_back, goro_timer_reset(one.t, i % 3000));
		goro_yield();
	}
	pthread_join(thread, NULL);
	count(&one.taken_back, goro_timer_stop(one.t));
	T_EVENTUALLY(__atomic_load_n(&one.fired, __ATOMIC_RELAXED) +
			     one.taken_back ==
		     one.starts);
	goro_timer_destroy(one.t);
}

static struct goro_waitgroup called;

static void
note_called(void *arg)
{
	(void)arg;
	count(&one.fired, 1);
	goro_waitgroup_done(&called);
}

T_GORO(many_timers_at_once)
{
	struct goro_chan **ch = malloc(TIMERS * sizeof(*ch));
	int64_t start_ns = goro_now(), at_ns;

	for (int i = 0; i < TIMERS; i++)
		ch[i] = goro_after(i % 30 * MS);
	for (int i = 0; i < TIMERS; i++) {
		T_CHECK(goro_chan_recv(ch[i], &at_ns));
		T_CHECK(at_ns >= start_ns + i % 30 * MS);
		goro_chan_unref(ch[i]);
	}
	free(ch);
}

T_GORO(many_func_timers_at_once)
{
	struct goro_timer **t = malloc(CALLS * sizeof(*t));

	one.fired = 0;
	goro_waitgroup_add(&called, CALLS);
	for (int i = 0; i < CALLS; i++)
		t[i] = goro_timer_create_func(i % 3 * MS, note_called, NULL);
	goro_waitgroup_wait(&called);
	T_CHECK_EQ(one.fired, CALLS);
	for (int i = 0; i < CALLS; i++)
		goro_timer_destroy(t[i]);
	free(t);
}

static void
make_and_cancel(void *arg)
{
	struct goro_chan *ch[64] = { 0 };
	unsigned seed = *(int *)arg;

	for (int i = 0; i < ROUNDS; i++) {
		struct goro_chan **c = &ch[rand_r(&seed) % 64];

		goro_chan_unref(*c); /* before it fires, or after, or as */
		*c = goro_after(rand_r(&seed) % 50000);
		if (i % 16 == 0)
			goro_yield();
	}
	for (int i = 0; i < 64; i++)
		goro_chan_unref(ch[i]);
	goro_waitgroup_done(&called);
}

T_GORO(timers_are_freed_while_they_fire)
{
	goro_waitgroup_add(&called, MEDDLERS);
	for (int i = 0; i < MEDDLERS; i++)
		goro_go_copy(make_and_cancel, &i, sizeof(i));
	goro_waitgroup_wait(&called);
}

static void
sleep_a_little(void *arg)
{
	(void)arg;
	for (int i = 0; i < 5; i++)
		goro_sleep(i * MS);
	goro_waitgroup_done(&called);
}

/* The sleepers of a worker that is sent to rest must be woken by another. */
T_GORO(timers_of_workers_turned_off_still_fire)
{
	int procs = goro_maxprocs(0);

	for (int i = 0; i < 20; i++) {
		goro_maxprocs(4);
		goro_waitgroup_add(&called, 64);
		for (int k = 0; k < 64; k++)
			goro_go(sleep_a_little, NULL);
		goro_sleep(2 * MS);
		goro_maxprocs(1);
		goro_waitgroup_wait(&called);
	}
	goro_maxprocs(procs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_start_of_a_func_timer_ends_once),
		cmocka_unit_test(each_start_of_a_channel_timer_ends_once),
		cmocka_unit_test(no_stale_value_after_a_stop),
		cmocka_unit_test(a_thread_that_is_not_the_runtimes_may_stop),
		cmocka_unit_test(many_timers_at_once),
		cmocka_unit_test(many_func_timers_at_once),
		cmocka_unit_test(timers_are_freed_while_they_fire),
		cmocka_unit_test(timers_of_workers_turned_off_still_fire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
