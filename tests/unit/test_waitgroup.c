// SPDX-License-Identifier: MIT
/*
 * test_waitgroup.c - waiting for a counter, reuse, misuse
 */
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "goro/goro.h"
#include "queued.h"

T_GORO(waitgroup_wait_at_zero_returns)
{
	struct goro_waitgroup a = GORO_WAITGROUP_INIT, b;

	memset(&b, 0, sizeof(b));
	goro_waitgroup_wait(&a);
	goro_waitgroup_wait(&b);
	goro_waitgroup_add(&a, 3);
	goro_waitgroup_add(&a, -3);
	goro_waitgroup_wait(&a);
	goro_waitgroup_add(&a, 0);
	goro_waitgroup_wait(&a);
}

struct work {
	struct goro_waitgroup all, back;
	int done[64];
	atomic_int n, returned;
};

static void
do_some(void *arg)
{
	struct work *w = arg;

	goro_yield();
	w->done[w->n++] = 1;
	goro_waitgroup_done(&w->all);
}

static void
check_done(const struct work *w)
{
	for (int i = 0; i < 64; i++)
		T_CHECK_EQ(w->done[i], 1);
}

T_GORO(waitgroup_wait_sees_all_that_was_done)
{
	for (int round = 0; round < 20; round++) {
		struct work w = { 0 };

		goro_waitgroup_add(&w.all, 64);
		for (int i = 0; i < 64; i++)
			goro_go(do_some, &w);
		goro_waitgroup_wait(&w.all);
		check_done(&w);
	}
}

static void
wait_for_work(void *arg)
{
	struct work *w = arg;

	goro_waitgroup_wait(&w->all);
	check_done(w);
	w->returned++;
	goro_waitgroup_done(&w->back);
}

T_GORO(waitgroup_lets_many_waiters_go)
{
	struct work w = { 0 };

	for (int round = 1; round <= 20; round++) {
		memset(w.done, 0, sizeof(w.done));
		w.n = w.returned = 0;
		goro_waitgroup_add(&w.all, 64);
		goro_waitgroup_add(&w.back, 8);
		for (int i = 0; i < 8; i++)
			goro_go(wait_for_work, &w);
		T_EVENTUALLY(QUEUED(&w.all) == 8);
		T_CHECK_EQ(w.returned, 0);
		for (int i = 0; i < 64; i++)
			goro_go(do_some, &w);
		goro_waitgroup_wait(&w.back);
		T_CHECK_EQ(w.returned, 8);
	}
}

static void
done_for_each(void *arg)
{
	struct goro_waitgroup *wg;

	while (goro_chan_recv(arg, &wg))
		goro_waitgroup_done(wg);
}

T_GORO(waitgroup_may_be_freed_when_its_wait_returns)
{
	enum { GROUPS = 20000, WORKERS = 3 };
	struct goro_chan *ch = goro_chan_create(sizeof(void *), WORKERS);

	for (int i = 0; i < WORKERS; i++)
		goro_go(done_for_each, ch);
	for (int i = 0; i < GROUPS; i++) {
		struct goro_waitgroup *wg = calloc(1, sizeof(*wg));

		goro_waitgroup_add(wg, WORKERS);
		for (int k = 0; k < WORKERS; k++)
			goro_chan_send(ch, &wg);
		goro_waitgroup_wait(wg);
		memset(wg, 0xee, sizeof(*wg));
		free(wg);
	}
	goro_chan_close(ch);
	T_EVENTUALLY(goro_count() == 1);
	goro_chan_unref(ch);
}

static void *
done_on_thread(void *arg)
{
	struct work *w = arg;

	T_EVENTUALLY(QUEUED(&w->all) == 1);
	goro_waitgroup_add(&w->all, 1);
	goro_waitgroup_done(&w->all);
	w->done[0] = 1;
	goro_waitgroup_done(&w->all);
	return NULL;
}

T_GORO(waitgroup_done_may_come_from_any_thread)
{
	struct work w = { 0 };
	pthread_t thread;

	goro_waitgroup_add(&w.all, 1);
	T_CHECK_EQ(pthread_create(&thread, NULL, done_on_thread, &w), 0);
	goro_waitgroup_wait(&w.all);
	T_CHECK_EQ(w.done[0], 1);
	pthread_join(thread, NULL);
}

/* --- Misuse --------------------------------------------------------------- */

static struct goro_waitgroup misused;

static int
done_below_zero(void *arg)
{
	(void)arg;
	goro_waitgroup_add(&misused, 1);
	goro_waitgroup_done(&misused);
	goro_waitgroup_done(&misused);
	return 0;
}

static int
add_below_zero(void *arg)
{
	(void)arg;
	goro_waitgroup_add(&misused, 2);
	goro_waitgroup_add(&misused, -3);
	return 0;
}

static void
reuse_too_early(void *arg)
{
	struct goro_waitgroup *wg = arg;

	T_EVENTUALLY(QUEUED(wg) == 1);
	goro_waitgroup_done(wg);
	goro_waitgroup_add(wg, 1); /* before the waiter has come to run */
}

static int
wait_for_reused(void *arg)
{
	(void)arg;
	goro_maxprocs(1);
	goro_waitgroup_add(&misused, 1);
	goro_go(reuse_too_early, &misused);
	goro_waitgroup_wait(&misused);
	return 0;
}

static int
wait_without_done(void *arg)
{
	(void)arg;
	goro_waitgroup_add(&misused, 1);
	goro_waitgroup_wait(&misused);
	return 0;
}

static void
waitgroup_misuse_panics(void **state)
{
	(void)state;
	setenv("GOROMAXPROCS", "1", 1); /* who comes when is then known */
	t_expect_end(done_below_zero, "panic: sync: negative WaitGroup "
				      "counter\n");
	t_expect_end(add_below_zero, "panic: sync: negative WaitGroup "
				     "counter\n");
	t_expect_end(wait_for_reused, "panic: sync: WaitGroup is reused before "
				      "previous Wait has "
				      "returned\n");
}

static void
waitgroup_that_nobody_ends_is_a_deadlock(void **state)
{
	(void)state;
	t_expect_end(wait_without_done, "all goroutines are asleep - "
					"deadlock!");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waitgroup_wait_at_zero_returns),
		cmocka_unit_test(waitgroup_wait_sees_all_that_was_done),
		cmocka_unit_test(waitgroup_lets_many_waiters_go),
		cmocka_unit_test(waitgroup_may_be_freed_when_its_wait_returns),
		cmocka_unit_test(waitgroup_done_may_come_from_any_thread),
		cmocka_unit_test(waitgroup_misuse_panics),
		cmocka_unit_test(waitgroup_that_nobody_ends_is_a_deadlock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
