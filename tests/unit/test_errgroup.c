// SPDX-License-Identifier: MIT
/*
 * test_errgroup.c - groups of goroutines with a context and a limit
 */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "goro/goro.h"
#include "san.h"

#define MS INT64_C(1000000)

#if defined(GR_ASAN) || defined(GR_TSAN)
enum { MANY = 1000 };
#else
enum { MANY = 10000 };
#endif

static struct t_child child;

static int
count_one(struct goro_ctx *ctx, void *arg)
{
	(void)ctx;
	__atomic_fetch_add((int *)arg, 1, __ATOMIC_RELAXED);
	return 0;
}

static int
fail_with(struct goro_ctx *ctx, void *arg)
{
	(void)ctx;
	return *(int *)arg;
}

/* Until another of the group fails; then with an error of its own. */
static int
wait_then_fail(struct goro_ctx *ctx, void *arg)
{
	goro_chan_recv(goro_ctx_done(ctx), NULL);
	T_CHECK_EQ(goro_ctx_err(ctx), -ECANCELED);
	return *(int *)arg;
}

static struct goro_group *
create(void)
{
	struct goro_group *g = goro_group_create(goro_ctx_background());

	T_CHECK(g != NULL);
	return g;
}

T_GORO(empty_group_is_waited_for_at_once)
{
	struct goro_group *g = create();

	T_CHECK_EQ(goro_group_wait(g), 0);
	goro_group_destroy(g);
	goro_group_destroy(NULL);
	T_CHECK(goro_group_create(NULL) == NULL);
}

T_GORO(wait_sees_what_all_have_done_and_cancels)
{
	struct goro_group *g = create();
	int n = 0;

	for (int i = 0; i < MANY; i++)
		T_CHECK_EQ(goro_group_go(g, count_one, &n), 0);
	T_CHECK_EQ(goro_ctx_err(goro_group_ctx(g)), 0);
	T_CHECK_EQ(goro_group_wait(g), 0);
	T_CHECK_EQ(n, MANY);
	T_CHECK_EQ(goro_ctx_err(goro_group_ctx(g)), -ECANCELED);
	goro_group_destroy(g);
}

T_GORO(first_error_wins_and_cancels)
{
	struct goro_group *g = create();
	int first = -EIO, later = -EPERM;

	for (int i = 0; i < 10; i++)
		goro_group_go(g, wait_then_fail, &later);
	goro_group_go(g, fail_with, &first);
	T_CHECK_EQ(goro_group_wait(g), -EIO);
	T_CHECK_EQ(goro_group_wait(g), -EIO);
	goro_group_destroy(g);
}

T_GORO(positive_numbers_are_errors_too)
{
	struct goro_group *g = create();
	int err = 3;

	goro_group_go(g, fail_with, &err);
	T_CHECK_EQ(goro_group_wait(g), 3);
	goro_group_destroy(g);
}

T_GORO(group_ends_with_its_parent)
{
	struct goro_ctx *parent = goro_ctx_with_cancel(goro_ctx_background());
	struct goro_group *g = goro_group_create(parent);
	int err = -EINTR;

	goro_group_go(g, wait_then_fail, &err);
	goro_ctx_cancel(parent);
	T_CHECK_EQ(goro_group_wait(g), -EINTR);
	goro_group_destroy(g);
	T_CHECK_EQ(goro_ctx_err(parent), -ECANCELED);
	goro_ctx_unref(parent);
}

static int
ask_context(struct goro_ctx *ctx, void *arg)
{
	return goro_ctx_value(ctx, arg) == arg ? 0 : -ENOENT;
}

T_GORO(context_derives_from_the_parent)
{
	int key;
	struct goro_ctx *parent = goro_ctx_with_value(goro_ctx_background(),
						      &key, &key);
	struct goro_group *g = goro_group_create(parent);

	goro_ctx_unref(parent); /* the group keeps it */
	goro_group_go(g, ask_context, &key);
	T_CHECK_EQ(goro_group_wait(g), 0);
	goro_group_destroy(g);
}

static int alive, most; /* atomic */

static int
live_a_little(struct goro_ctx *ctx, void *arg)
{
	int now = __atomic_add_fetch(&alive, 1, __ATOMIC_RELAXED);
	int seen = __atomic_load_n(&most, __ATOMIC_RELAXED);

	(void)ctx, (void)arg;
	while (now > seen &&
	       !__atomic_compare_exchange_n(&most, &seen, now, false,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	for (int i = 0; i < 3; i++)
		goro_yield();
	__atomic_sub_fetch(&alive, 1, __ATOMIC_RELAXED);
	return 0;
}

T_GORO(limit_is_never_passed)
{
	struct goro_group *g = create();

	for (int limit = 1; limit <= 4; limit += 3) {
		most = 0;
		goro_group_set_limit(g, limit);
		for (int i = 0; i < 200; i++)
			goro_group_go(g, live_a_little, NULL);
		T_CHECK_EQ(goro_group_wait(g), 0);
		T_CHECK(most >= 1 && most <= limit);
	}
	goro_group_destroy(g);
}

static int
wait_for_leave(struct goro_ctx *ctx, void *arg)
{
	(void)ctx;
	goro_chan_recv(arg, NULL);
	return 0;
}

static struct goro_group *full;
static struct goro_chan *entered;

static void
enter_full_group(void *arg)
{
	goro_group_go(full, wait_for_leave, arg);
	goro_chan_close(entered);
}

T_GORO(go_waits_while_the_group_is_full)
{
	struct goro_chan *leave = goro_chan_create(0, 0);

	full = create();
	entered = goro_chan_create(0, 0);
	goro_group_set_limit(full, 2);
	goro_group_go(full, wait_for_leave, leave);
	goro_group_go(full, wait_for_leave, leave);
	goro_go(enter_full_group, leave);
	T_CHECK_EQ(goro_chan_recv_until(entered, NULL, goro_now() + 5 * MS),
		   -ETIMEDOUT);
	goro_chan_send(leave, NULL);
	T_CHECK(!goro_chan_recv(entered, NULL));
	goro_chan_close(leave);
	T_CHECK_EQ(goro_group_wait(full), 0);
	goro_group_destroy(full);
	goro_chan_unref(entered);
	goro_chan_unref(leave);
}

T_GORO(limit_may_be_lifted)
{
	struct goro_group *g = create();
	struct goro_chan *leave = goro_chan_create(0, 0);

	goro_group_set_limit(g, 1);
	goro_group_set_limit(g, -1);
	for (int i = 0; i < 10; i++)
		goro_group_go(g, wait_for_leave, leave);
	goro_chan_close(leave);
	goro_group_wait(g);
	goro_group_destroy(g);
	goro_chan_unref(leave);
}

static int
change_limit_while_active(void *arg)
{
	struct goro_group *g = create();

	(void)arg;
	for (int i = 0; i < 2; i++)
		goro_group_go(g, wait_for_leave, NULL);
	goro_group_set_limit(g, 3);
	return 0;
}

static void
run_change_limit(void)
{
	goro_run(change_limit_while_active, NULL);
}

static void
limit_changed_while_active_panics(void **state)
{
	(void)state;
	t_child_run(&child, run_change_limit);
	assert_int_equal(child.status, 2);
	assert_non_null(strstr(child.out, "panic: errgroup: modify limit while "
					  "2 "
					  "goroutines in the group are still "
					  "active"));
}

T_GORO(destroy_cancels_and_waits)
{
	struct goro_group *g = create();
	int err = -EIO, n = 0;

	for (int i = 0; i < 10; i++) {
		goro_group_go(g, wait_then_fail, &err);
		goro_group_go(g, count_one, &n);
	}
	goro_group_destroy(g);
	T_CHECK_EQ(n, 10);
}

static int
start_another(struct goro_ctx *ctx, void *arg)
{
	(void)ctx;
	return goro_group_go(arg, count_one, &alive);
}

T_GORO(goroutines_of_the_group_may_start_others)
{
	struct goro_group *g = create();

	alive = 0;
	for (int i = 0; i < 100; i++)
		goro_group_go(g, start_another, g);
	T_CHECK_EQ(goro_group_wait(g), 0);
	T_CHECK_EQ(alive, 100);
	goro_group_destroy(g);
}

/* Freed as soon as the wait is over, while the last one still leaves. */
T_GORO(group_is_freed_right_after_the_wait)
{
	int err = -EIO, none = 0;

	for (int i = 0; i < MANY / 5; i++) {
		struct goro_group *g = create();

		goro_group_set_limit(g, 1 + i % 3);
		for (int k = 0; k < 3; k++)
			goro_group_go(g, fail_with, i % 2 ? &err : &none);
		T_CHECK_EQ(goro_group_wait(g), i % 2 ? err : 0);
		goro_group_destroy(g);
	}
}

static struct goro_group *left;

static int
leave_group(void *arg)
{
	left = create();
	goro_group_go(left, wait_for_leave, arg);
	return 0;
}

static void
group_outlives_the_run(void **state)
{
	(void)state;
	assert_int_equal(goro_run(leave_group, NULL), 0);
	goro_group_destroy(left);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_group_is_waited_for_at_once),
		cmocka_unit_test(wait_sees_what_all_have_done_and_cancels),
		cmocka_unit_test(first_error_wins_and_cancels),
		cmocka_unit_test(positive_numbers_are_errors_too),
		cmocka_unit_test(group_ends_with_its_parent),
		cmocka_unit_test(context_derives_from_the_parent),
		cmocka_unit_test(limit_is_never_passed),
		cmocka_unit_test(go_waits_while_the_group_is_full),
		cmocka_unit_test(limit_may_be_lifted),
		cmocka_unit_test(limit_changed_while_active_panics),
		cmocka_unit_test(destroy_cancels_and_waits),
		cmocka_unit_test(goroutines_of_the_group_may_start_others),
		cmocka_unit_test(group_is_freed_right_after_the_wait),
		cmocka_unit_test(group_outlives_the_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
