// SPDX-License-Identifier: MIT
/*
 * test_once.c - once, and nobody before it is done
 */
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "goro/goro.h"
#include "queued.h"

static struct t_child child;

struct setup {
	struct goro_once once;
	struct goro_waitgroup all;
	struct goro_chan *go;
	int value;
	atomic_int calls;
};

static void
set_up(void *arg)
{
	struct setup *s = arg;

	s->calls++;
	goro_yield();
	s->value = 42;
}

T_GORO(once_calls_its_function_once)
{
	struct goro_once init = GORO_ONCE_INIT;
	struct setup s = { .once = init };

	for (int i = 0; i < 10; i++)
		goro_once_do(&s.once, set_up, &s);
	T_CHECK_EQ(s.calls, 1);
	T_CHECK_EQ(s.value, 42);
}

static void
need_set_up(void *arg)
{
	struct setup *s = arg;

	goro_once_do(&s->once, set_up, s);
	T_CHECK_EQ(s->value, 42);
	goro_waitgroup_done(&s->all);
}

T_GORO(once_nobody_returns_before_it_is_done)
{
	for (int round = 0; round < 50; round++) {
		struct setup s = { 0 };

		goro_waitgroup_add(&s.all, 10);
		for (int i = 0; i < 10; i++)
			goro_go(need_set_up, &s);
		goro_waitgroup_wait(&s.all);
		T_CHECK_EQ(s.calls, 1);
	}
}

static void
set_up_when_told(void *arg)
{
	struct setup *s = arg;

	goro_chan_recv(s->go, NULL);
	s->calls++;
	s->value = 42;
}

static void
need_set_up_when_told(void *arg)
{
	struct setup *s = arg;

	goro_once_do(&s->once, set_up_when_told, s);
	T_CHECK_EQ(s->value, 42);
	goro_waitgroup_done(&s->all);
}

T_GORO(once_others_wait_without_running)
{
	struct setup s = { .go = goro_chan_create(0, 0) };

	goro_waitgroup_add(&s.all, 5);
	for (int i = 0; i < 5; i++)
		goro_go(need_set_up_when_told, &s);
	T_EVENTUALLY(QUEUED(&s.once) == 4);
	goro_chan_send(s.go, NULL);
	goro_waitgroup_wait(&s.all);
	T_CHECK_EQ(s.calls, 1);
	goro_chan_unref(s.go);
}

static void
exit_when_told(void *arg)
{
	struct setup *s = arg;

	goro_chan_recv(s->go, NULL);
	s->value = 42;
	goro_exit();
}

static void
need_but_exit(void *arg)
{
	struct setup *s = arg;

	goro_once_do(&s->once, exit_when_told, s);
	T_CHECK_EQ(s->value, 42);
	s->calls++;
	goro_waitgroup_done(&s->all);
}

T_GORO(once_goro_exit_counts_as_done)
{
	struct setup s = { .go = goro_chan_create(0, 0) };

	/* One of five does not come back. */
	goro_waitgroup_add(&s.all, 4);
	for (int i = 0; i < 5; i++)
		goro_go(need_but_exit, &s);
	T_EVENTUALLY(QUEUED(&s.once) == 4);
	goro_chan_send(s.go, NULL);
	goro_waitgroup_wait(&s.all);
	T_CHECK_EQ(s.calls, 4);
	goro_once_do(&s.once, set_up, &s); /* does not call it */
	T_CHECK_EQ(s.calls, 4);
	goro_chan_unref(s.go);
}

static struct setup outer, inner;

static void
exit_inside(void *arg)
{
	(void)arg;
	goro_exit();
}

static void
do_inner(void *arg)
{
	goro_once_do(&inner.once, exit_inside, arg);
}

static void
do_outer(void *arg)
{
	goro_once_do(&outer.once, do_inner, arg);
}

T_GORO(once_goro_exit_ends_all_that_it_is_in)
{
	memset(&outer, 0, sizeof(outer));
	memset(&inner, 0, sizeof(inner));
	goro_go(do_outer, NULL);
	T_EVENTUALLY(goro_count() == 1);
	goro_once_do(&inner.once, set_up, &inner);
	goro_once_do(&outer.once, set_up, &outer);
	T_CHECK_EQ(inner.calls + outer.calls, 0);
}

static void *
need_on_thread(void *arg)
{
	struct setup *s = arg;

	goro_once_do(&s->once, set_up, s);
	return NULL;
}

T_GORO(once_done_is_seen_by_any_thread)
{
	struct setup s = { 0 };
	pthread_t thread;

	goro_once_do(&s.once, set_up, &s);
	T_CHECK_EQ(pthread_create(&thread, NULL, need_on_thread, &s), 0);
	pthread_join(thread, NULL);
	T_CHECK_EQ(s.calls, 1);
}

static void
do_again(void *arg)
{
	goro_once_do(arg, do_again, arg);
}

static int
wait_for_itself(void *arg)
{
	static struct goro_once once;

	(void)arg;
	do_again(&once);
	return 0;
}

static void
run_wait_for_itself(void)
{
	goro_run(wait_for_itself, NULL);
}

static void
once_inside_itself_is_a_deadlock(void **state)
{
	(void)state;
	t_child_run(&child, run_wait_for_itself);
	assert_int_equal(child.status, 2);
	assert_non_null(strstr(child.out, "asleep - deadlock!"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(once_calls_its_function_once),
		cmocka_unit_test(once_nobody_returns_before_it_is_done),
		cmocka_unit_test(once_others_wait_without_running),
		cmocka_unit_test(once_goro_exit_counts_as_done),
		cmocka_unit_test(once_goro_exit_ends_all_that_it_is_in),
		cmocka_unit_test(once_done_is_seen_by_any_thread),
		cmocka_unit_test(once_inside_itself_is_a_deadlock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
