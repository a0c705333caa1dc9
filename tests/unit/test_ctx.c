// SPDX-License-Identifier: MIT
/*
 * test_ctx.c - contexts
 */
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "chan.h"
#include "goro/goro.h"
#include "san.h"
#include "sched.h"

#define MS INT64_C(1000000)
#define HOUR (3600 * 1000 * MS)

#if defined(GR_ASAN) || defined(GR_TSAN)
enum { CHILDREN = 3000, DEPTH = 20000, ROUNDS = 500 };
#else
enum { CHILDREN = 10000, DEPTH = 100000, ROUNDS = 5000 };
#endif
enum { WORKERS = 4 };

static uint32_t
armed(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < gr_procs_ever; i++) {
		gr_lock(&gr_procs[i]->timers.lock);
		n += gr_procs[i]->timers.n;
		gr_unlock(&gr_procs[i]->timers.lock);
	}
	return n;
}

static bool
is_closed(struct goro_chan *ch)
{
	return goro_chan_try_recv(ch, NULL) == -EPIPE;
}

/* It has ended for that reason, and the channel agrees. */
static void
check_ended(struct goro_ctx *ctx, int err)
{
	T_CHECK_EQ(goro_ctx_err(ctx), err);
	T_CHECK_EQ(is_closed(goro_ctx_done(ctx)), err != 0);
}

T_GORO(background_never_ends)
{
	struct goro_ctx *bg = goro_ctx_background();

	goro_ctx_cancel(bg);
	T_CHECK_EQ(goro_ctx_err(bg), 0);
	T_CHECK(goro_ctx_done(bg) == NULL);
	T_CHECK(goro_ctx_value(bg, &bg) == NULL);
	T_CHECK(goro_ctx_ref(bg) == bg);
	goro_ctx_unref(bg);
	goro_ctx_unref(bg);
	T_CHECK(goro_ctx_background() == bg);
}

T_GORO(cancel_ends_what_derives_from_it_and_nothing_else)
{
	struct goro_ctx *root = goro_ctx_with_cancel(goro_ctx_background());
	struct goro_ctx *sister = goro_ctx_with_cancel(root);
	struct goro_ctx *brother = goro_ctx_with_cancel(root);
	struct goro_ctx *value = goro_ctx_with_value(sister, &root, NULL);
	struct goro_ctx *timed = goro_ctx_with_timeout(value, HOUR);
	struct goro_ctx *niece = goro_ctx_with_cancel(sister);

	check_ended(root, 0);
	check_ended(timed, 0);
	goro_ctx_cancel(sister);
	check_ended(root, 0);
	check_ended(brother, 0);
	check_ended(sister, -ECANCELED);
	check_ended(value, -ECANCELED);
	check_ended(timed, -ECANCELED);
	check_ended(niece, -ECANCELED);
	T_CHECK_EQ(armed(), 0);
	goro_ctx_cancel(root);
	goro_ctx_cancel(root);
	check_ended(brother, -ECANCELED);
	goro_ctx_unref(niece);
	goro_ctx_unref(timed);
	goro_ctx_unref(value);
	goro_ctx_unref(brother);
	goro_ctx_unref(sister);
	goro_ctx_unref(root);
}

T_GORO(child_of_one_that_has_ended_has_ended)
{
	struct goro_ctx *parent = goro_ctx_with_cancel(goro_ctx_background());
	struct goro_ctx *child, *timed, *late;

	goro_ctx_cancel(parent);
	child = goro_ctx_with_value(parent, &parent, NULL);
	timed = goro_ctx_with_timeout(parent, HOUR);
	late = goro_ctx_with_timeout(parent, -1);
	check_ended(child, -ECANCELED);
	check_ended(timed, -ECANCELED);
	check_ended(late, -ECANCELED);
	T_CHECK_EQ(armed(), 0);
	goro_ctx_unref(child);
	goro_ctx_unref(timed);
	goro_ctx_unref(late);
	goro_ctx_unref(parent);
}

T_GORO(child_keeps_its_parent)
{
	int key, value;
	struct goro_ctx *root = goro_ctx_with_value(goro_ctx_background(), &key,
						    &value);
	struct goro_ctx *child = goro_ctx_with_cancel(root);
	struct goro_ctx *leaf = goro_ctx_with_timeout(child, HOUR);

	goro_ctx_ref(root);
	goro_ctx_unref(root);
	goro_ctx_unref(root);
	goro_ctx_unref(child);
	T_CHECK(goro_ctx_value(leaf, &key) == &value);
	check_ended(leaf, 0);
	goro_ctx_unref(leaf);
	goro_ctx_unref(NULL);
	T_CHECK(goro_ctx_ref(NULL) == NULL);
	T_CHECK_EQ(armed(), 0);
}

T_GORO(parent_forgets_a_child_that_is_gone)
{
	struct goro_ctx *parent = goro_ctx_with_cancel(goro_ctx_background());
	struct goro_ctx *kids[5];

	for (int i = 0; i < 5; i++)
		kids[i] = goro_ctx_with_cancel(parent);
	goro_ctx_unref(kids[4]); /* the first in the list, the last, one */
	goro_ctx_unref(kids[0]);
	goro_ctx_unref(kids[2]);
	goro_ctx_cancel(kids[3]);
	goro_ctx_cancel(parent);
	check_ended(kids[1], -ECANCELED);
	goro_ctx_unref(kids[1]);
	goro_ctx_unref(kids[3]);
	goro_ctx_unref(parent);
}

T_GORO(timeout_ends_all_that_derive_from_it)
{
	int64_t start_ns = goro_now();
	struct goro_ctx *ctx = goro_ctx_with_timeout(goro_ctx_background(),
						     3 * MS);
	struct goro_ctx *child = goro_ctx_with_cancel(ctx);

	T_CHECK(!goro_chan_recv(goro_ctx_done(child), NULL));
	T_CHECK(goro_now() >= start_ns + 3 * MS);
	check_ended(ctx, -ETIMEDOUT);
	check_ended(child, -ETIMEDOUT);
	goro_ctx_cancel(ctx);
	check_ended(ctx, -ETIMEDOUT);
	goro_ctx_unref(child);
	goro_ctx_unref(ctx);
}

T_GORO(deadline_in_the_past_has_ended)
{
	struct goro_ctx *bg = goro_ctx_background();
	struct goro_ctx *now = goro_ctx_with_timeout(bg, 0);
	struct goro_ctx *past = goro_ctx_with_deadline(bg, goro_now() - HOUR);
	struct goro_ctx *first = goro_ctx_with_deadline(bg, INT64_MIN);

	check_ended(now, -ETIMEDOUT);
	check_ended(past, -ETIMEDOUT);
	check_ended(first, -ETIMEDOUT);
	T_CHECK_EQ(armed(), 0);
	goro_ctx_unref(now);
	goro_ctx_unref(past);
	goro_ctx_unref(first);
}

T_GORO(deadline_that_never_comes_needs_no_timer)
{
	struct goro_ctx *bg = goro_ctx_background();
	struct goro_ctx *never = goro_ctx_with_deadline(bg, GORO_FOREVER);
	struct goro_ctx *nearly = goro_ctx_with_timeout(bg, INT64_MAX);
	struct goro_ctx *soon = goro_ctx_with_timeout(bg, HOUR);
	struct goro_ctx *later = goro_ctx_with_timeout(soon, 2 * HOUR);

	check_ended(never, 0);
	T_CHECK_EQ(armed(), 1);
	goro_ctx_cancel(soon);
	T_CHECK_EQ(armed(), 0);
	check_ended(later, -ECANCELED);
	goro_ctx_unref(later);
	goro_ctx_unref(soon);
	goro_ctx_unref(nearly);
	goro_ctx_unref(never);
}

T_GORO(value_is_that_of_the_nearest)
{
	int a, b, one, two, three;
	struct goro_ctx *bg = goro_ctx_background();
	struct goro_ctx *c1 = goro_ctx_with_value(bg, &a, &one);
	struct goro_ctx *c2 = goro_ctx_with_value(c1, &b, &two);
	struct goro_ctx *c3 = goro_ctx_with_value(c2, &a, &three);
	struct goro_ctx *leaf = goro_ctx_with_cancel(c3);

	T_CHECK(goro_ctx_value(leaf, &a) == &three);
	T_CHECK(goro_ctx_value(leaf, &b) == &two);
	T_CHECK(goro_ctx_value(c2, &a) == &one);
	T_CHECK(goro_ctx_value(c1, &b) == NULL);
	T_CHECK(goro_ctx_value(leaf, &one) == NULL);
	T_CHECK(goro_ctx_value(leaf, NULL) == NULL);
	goro_ctx_unref(leaf);
	goro_ctx_unref(c3);
	goro_ctx_unref(c2);
	goro_ctx_unref(c1);
}

T_GORO(arguments_that_make_no_sense_give_null)
{
	T_CHECK(!goro_ctx_with_cancel(NULL));
	T_CHECK(!goro_ctx_with_timeout(NULL, HOUR));
	T_CHECK(!goro_ctx_with_value(NULL, &errno, NULL));
	T_CHECK(!goro_ctx_with_value(goro_ctx_background(), NULL, NULL));
}

static __attribute__((noinline)) struct goro_ctx *
derive_here(void)
{
	struct goro_ctx *c = goro_ctx_with_cancel(goro_ctx_background());

	__asm__ volatile("" : : "r"(c)); /* no tail call */
	return c;
}

T_GORO(done_channel_is_known_and_so_is_who_made_it)
{
	struct goro_ctx *c = derive_here();
	struct goro_chan *done = goro_ctx_done(c);
	uint64_t here = (uintptr_t)derive_here;

	T_CHECK(done == goro_ctx_done(c));
	T_CHECK_EQ(done->kind, GORO_ABI_CHAN_CONTEXT);
	T_CHECK(done->creator_pc > here && done->creator_pc < here + 1000);
	goro_ctx_unref(c);
}

static void *
cancel_on_a_thread(void *arg)
{
	struct goro_ctx *child = goro_ctx_with_cancel(arg);

	goro_ctx_cancel(arg);
	check_ended(child, -ECANCELED);
	goro_ctx_unref(child);
	return NULL;
}

T_GORO(a_thread_that_is_not_the_runtimes_may_cancel)
{
	struct goro_ctx *ctx = goro_ctx_with_cancel(goro_ctx_background());
	pthread_t thread;

	pthread_create(&thread, NULL, cancel_on_a_thread, ctx);
	goro_chan_recv(goro_ctx_done(ctx), NULL);
	pthread_join(thread, NULL);
	check_ended(ctx, -ECANCELED);
	goro_ctx_unref(ctx);
}

static struct goro_waitgroup ready, over;
static int woken; /* atomic */

static void
wait_for_end(void *arg)
{
	struct goro_ctx *ctx = arg;

	goro_waitgroup_done(&ready);
	goro_chan_recv(goro_ctx_done(ctx), NULL);
	T_CHECK(goro_ctx_err(ctx) != 0);
	goro_ctx_unref(ctx);
	__atomic_fetch_add(&woken, 1, __ATOMIC_RELAXED);
	goro_waitgroup_done(&over);
}

static void
wake_children(struct goro_ctx *root, int n)
{
	woken = 0;
	goro_waitgroup_add(&ready, n);
	goro_waitgroup_add(&over, n);
	for (int i = 0; i < n; i++)
		T_CHECK(goro_go(wait_for_end,
				i % 2 ? goro_ctx_with_cancel(root) :
					goro_ctx_with_timeout(root, HOUR)));
	goro_waitgroup_wait(&ready);
}

T_GORO(cancel_wakes_all_that_wait)
{
	struct goro_ctx *root = goro_ctx_with_cancel(goro_ctx_background());

	wake_children(root, CHILDREN);
	goro_ctx_cancel(root);
	goro_waitgroup_wait(&over);
	T_CHECK_EQ(woken, CHILDREN);
	T_CHECK_EQ(armed(), 0);
	goro_ctx_unref(root);
}

T_GORO(deadline_wakes_all_that_wait)
{
	struct goro_ctx *root = goro_ctx_with_timeout(goro_ctx_background(),
						      20 * MS);

	wake_children(root, CHILDREN);
	goro_waitgroup_wait(&over);
	T_CHECK_EQ(woken, CHILDREN);
	T_CHECK_EQ(armed(), 0);
	T_CHECK_EQ(goro_ctx_err(root), -ETIMEDOUT);
	goro_ctx_unref(root);
}

static struct goro_ctx *
deep(struct goro_ctx *root)
{
	struct goro_ctx *leaf = goro_ctx_ref(root);

	for (int i = 0; i < DEPTH; i++) {
		struct goro_ctx *child = goro_ctx_with_cancel(leaf);

		goro_ctx_unref(leaf);
		leaf = child;
	}
	return leaf;
}

static void
end_deep_chains(void *arg)
{
	struct goro_ctx *root = goro_ctx_with_cancel(goro_ctx_background());
	struct goro_ctx *leaf = deep(root);

	(void)arg;
	goro_ctx_unref(leaf); /* frees all of the chain */
	leaf = deep(root);
	goro_ctx_cancel(root);
	check_ended(leaf, -ECANCELED);
	goro_ctx_unref(leaf);
	goro_ctx_unref(root);
	goro_waitgroup_done(&over);
}

/* Neither ending nor freeing needs a stack for it. */
T_GORO(long_chains_need_no_deep_stack)
{
	goro_waitgroup_add(&over, 1);
	goro_go_attr(&(struct goro_attr){ .stack_bytes = 65536 },
		     end_deep_chains, NULL);
	goro_waitgroup_wait(&over);
}

static struct goro_ctx *shared;
static struct goro_mutex shared_lock;

static struct goro_ctx *
get_shared(void)
{
	struct goro_ctx *ctx;

	goro_mutex_lock(&shared_lock);
	ctx = goro_ctx_ref(shared);
	goro_mutex_unlock(&shared_lock);
	return ctx;
}

static void
set_shared(struct goro_ctx *ctx)
{
	struct goro_ctx *old;

	goro_mutex_lock(&shared_lock);
	old = shared;
	shared = ctx;
	goro_mutex_unlock(&shared_lock);
	goro_ctx_unref(old);
}

/* Derive from what others derive from, cancel and drop at the same time. */
static void
derive_and_end(void *arg)
{
	struct goro_ctx *bg = goro_ctx_background(), *parent, *child;
	unsigned seed = *(int *)arg;

	for (int i = 0; i < ROUNDS; i++) {
		bool timed = rand_r(&seed) % 2;

		parent = get_shared();
		child = timed ? goro_ctx_with_timeout(parent,
						      rand_r(&seed) % 30000) :
				goro_ctx_with_cancel(parent);
		switch (rand_r(&seed) % 8) {
		case 0:
			set_shared(goro_ctx_with_timeout(bg, rand_r(&seed) %
								     100000));
			break;
		case 1:
			goro_ctx_cancel(parent);
			T_CHECK(goro_ctx_err(parent));
			break;
		case 2:
			goro_ctx_cancel(child);
			T_CHECK(goro_ctx_err(child));
			break;
		case 3:
			if (timed) {
				goro_chan_recv(goro_ctx_done(child), NULL);
				T_CHECK(goro_ctx_err(child));
			}
			break;
		case 4:
			set_shared(goro_ctx_ref(child));
			break;
		}
		if (goro_ctx_err(child))
			T_CHECK(is_closed(goro_ctx_done(child)));
		goro_ctx_unref(parent);
		goro_ctx_unref(child);
	}
	goro_waitgroup_done(&over);
}

T_GORO(ends_deadlines_and_references_race)
{
	set_shared(goro_ctx_with_cancel(goro_ctx_background()));
	goro_waitgroup_add(&over, WORKERS);
	for (int i = 0; i < WORKERS; i++)
		goro_go_copy(derive_and_end, &i, sizeof(i));
	goro_waitgroup_wait(&over);
	set_shared(NULL);
	/* A deadline that comes just now holds its context until it is done. */
	T_EVENTUALLY(armed() == 0);
}

static struct goro_ctx *left;

static int
leave_deadline(void *arg)
{
	(void)arg;
	left = goro_ctx_with_timeout(goro_ctx_background(), HOUR);
	return 0;
}

static void
deadline_outlives_the_run(void **state)
{
	(void)state;
	assert_int_equal(goro_run(leave_deadline, NULL), 0);
	assert_int_equal(goro_ctx_err(left), 0);
	goro_ctx_cancel(left);
	assert_int_equal(goro_ctx_err(left), -ECANCELED);
	goro_ctx_unref(left);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(background_never_ends),
		cmocka_unit_test(
			cancel_ends_what_derives_from_it_and_nothing_else),
		cmocka_unit_test(child_of_one_that_has_ended_has_ended),
		cmocka_unit_test(child_keeps_its_parent),
		cmocka_unit_test(parent_forgets_a_child_that_is_gone),
		cmocka_unit_test(timeout_ends_all_that_derive_from_it),
		cmocka_unit_test(deadline_in_the_past_has_ended),
		cmocka_unit_test(deadline_that_never_comes_needs_no_timer),
		cmocka_unit_test(value_is_that_of_the_nearest),
		cmocka_unit_test(arguments_that_make_no_sense_give_null),
		cmocka_unit_test(done_channel_is_known_and_so_is_who_made_it),
		cmocka_unit_test(a_thread_that_is_not_the_runtimes_may_cancel),
		cmocka_unit_test(cancel_wakes_all_that_wait),
		cmocka_unit_test(deadline_wakes_all_that_wait),
		cmocka_unit_test(long_chains_need_no_deep_stack),
		cmocka_unit_test(ends_deadlines_and_references_race),
		cmocka_unit_test(deadline_outlives_the_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
