// SPDX-License-Identifier: MIT
/*
 * test_mutex.c - mutual exclusion, order, ownership
 */
#include "test.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "barrier.h"
#include "goro/goro.h"
#include "queued.h"

static struct t_child child;

/* --- Exclusion ------------------------------------------------------------ */

T_GORO(mutex_is_unlocked_when_zeroed_or_initialised)
{
	struct goro_mutex a = GORO_MUTEX_INIT, b;

	memset(&b, 0, sizeof(b));
	goro_mutex_lock(&a);
	goro_mutex_lock(&b);
	goro_mutex_unlock(&a);
	goro_mutex_unlock(&b);
}

struct shared {
	struct goro_mutex mutex;
	struct goro_waitgroup all;
	int rounds, inside, yield_every;
	long sum;
};

static void
add_to_sum(void *arg)
{
	struct shared *s = arg;

	for (int i = 1; i <= s->rounds; i++) {
		goro_mutex_lock(&s->mutex);
		T_CHECK_EQ(s->inside++, 0);
		s->sum++;
		if (i % s->yield_every == 0)
			goro_yield();
		T_CHECK_EQ(s->inside--, 1);
		goro_mutex_unlock(&s->mutex);
	}
	goro_waitgroup_done(&s->all);
}

static void
add_from_many(int goroutines, int rounds, int yield_every)
{
	struct shared s = { .rounds = rounds, .yield_every = yield_every };

	goro_waitgroup_add(&s.all, goroutines);
	for (int i = 0; i < goroutines; i++)
		goro_go(add_to_sum, &s);
	goro_waitgroup_wait(&s.all);
	T_CHECK_EQ(s.sum, (long)goroutines * rounds);
}

T_GORO(mutex_keeps_a_sum_of_many)
{
	add_from_many(16, 5000, 5001);
}

T_GORO(mutex_is_kept_over_a_yield)
{
	add_from_many(16, 1000, 1);
	add_from_many(16, 2000, 7);
}

/* As in a sandbox that forbids membarrier(). */
T_GORO(mutex_does_without_a_barrier_on_all)
{
	bool missing = gr_barrier_missing;

	gr_barrier_missing = true;
	add_from_many(16, 2000, 7);
	gr_barrier_missing = missing;
}

/* --- Order ---------------------------------------------------------------- */

struct line {
	struct goro_mutex mutex;
	struct goro_waitgroup all;
	int order[8], n;
};

struct place {
	struct line *line;
	int nth;
};

static void
wait_in_line(void *arg)
{
	struct place *p = arg;

	goro_mutex_lock(&p->line->mutex);
	p->line->order[p->line->n++] = p->nth;
	goro_mutex_unlock(&p->line->mutex);
	goro_waitgroup_done(&p->line->all);
}

static void
start_in_line(struct line *line, int n)
{
	goro_waitgroup_add(&line->all, n);
	for (int i = 0; i < n; i++) {
		struct place p = { line, i };

		goro_go_copy(wait_in_line, &p, sizeof(p));
		T_EVENTUALLY(QUEUED(&line->mutex) == i + 1);
	}
}

T_GORO(mutex_waiters_come_in_order)
{
	struct line line = { 0 };

	goro_mutex_lock(&line.mutex);
	start_in_line(&line, 8);
	T_CHECK_EQ(line.n, 0);
	goro_mutex_unlock(&line.mutex);
	goro_waitgroup_wait(&line.all);
	for (int i = 0; i < 8; i++)
		T_CHECK_EQ(line.order[i], i);
}

struct hog {
	struct goro_mutex mutex;
	atomic_int waiting, served;
};

static void
be_served(void *arg)
{
	struct hog *h = arg;

	h->waiting++;
	goro_mutex_lock(&h->mutex);
	h->served++;
	goro_mutex_unlock(&h->mutex);
}

T_GORO(mutex_hog_does_not_starve_waiters)
{
	struct hog h = { 0 };

	for (int i = 0; i < 4; i++)
		goro_go(be_served, &h);
	T_EVENTUALLY(h.waiting == 4);
	/* Unlocked only for an instant, and never while others can run. */
	for (int64_t end_ns = goro_now() + 20000000000; h.served < 4;) {
		goro_mutex_lock(&h.mutex);
		goro_yield();
		goro_mutex_unlock(&h.mutex);
		T_CHECK(goro_now() < end_ns);
	}
	goro_mutex_lock(&h.mutex); /* the last one may still be inside */
	goro_mutex_unlock(&h.mutex);
}

/* --- try_lock ------------------------------------------------------------- */

static void
try_in_vain(void *arg)
{
	struct line *line = arg;

	for (int i = 0; i < 100; i++)
		T_CHECK(!goro_mutex_try_lock(&line->mutex));
	goro_waitgroup_done(&line->all);
}

T_GORO(mutex_try_lock_never_waits)
{
	struct goro_mutex mutex = GORO_MUTEX_INIT;

	T_CHECK(goro_mutex_try_lock(&mutex));
	T_CHECK(!goro_mutex_try_lock(&mutex));
	goro_mutex_unlock(&mutex);
	T_CHECK(goro_mutex_try_lock(&mutex));
	goro_mutex_unlock(&mutex);
}

T_GORO(mutex_try_lock_leaves_waiters_in_line)
{
	struct line line = { 0 };

	goro_mutex_lock(&line.mutex);
	start_in_line(&line, 3);
	goro_waitgroup_add(&line.all, 1);
	goro_go(try_in_vain, &line);
	T_EVENTUALLY(goro_count() == 4); /* it has ended */
	goro_mutex_unlock(&line.mutex);
	goro_waitgroup_wait(&line.all);
	for (int i = 0; i < 3; i++)
		T_CHECK_EQ(line.order[i], i);
}

/* --- Memory --------------------------------------------------------------- */

enum { OBJECTS = 20000, REFS = 4 };

struct object {
	struct goro_mutex mutex;
	int refs;
};

struct objects {
	struct goro_waitgroup all;
	struct object *object[OBJECTS];
	atomic_int freed;
};

/* As a reference count is: the last to unlock frees what holds the lock. */
static bool
drop(struct object *o)
{
	bool last;

	goro_mutex_lock(&o->mutex);
	last = --o->refs == 0;
	goro_mutex_unlock(&o->mutex);
	if (last) {
		memset(o, 0xee, sizeof(*o));
		free(o);
	}
	return last;
}

static void
drop_all(void *arg)
{
	struct objects *os = arg;

	for (int i = 0; i < OBJECTS; i++)
		os->freed += drop(os->object[i]);
	goro_waitgroup_done(&os->all);
}

T_GORO(mutex_may_be_freed_by_the_last_to_unlock)
{
	struct objects *os = calloc(1, sizeof(*os));

	for (int i = 0; i < OBJECTS; i++) {
		os->object[i] = calloc(1, sizeof(struct object));
		os->object[i]->refs = REFS;
	}
	goro_waitgroup_add(&os->all, REFS);
	for (int i = 0; i < REFS; i++)
		goro_go(drop_all, os);
	goro_waitgroup_wait(&os->all);
	T_CHECK_EQ(os->freed, OBJECTS);
	free(os);
}

/* --- Runs ----------------------------------------------------------------- */

static struct line left;

static int
leave_waiters(void *arg)
{
	(void)arg;
	goro_mutex_lock(&left.mutex);
	start_in_line(&left, 4);
	goro_mutex_unlock(&left.mutex); /* one is woken, if it comes to that */
	return 0;
}

static int
use_what_was_left(void *arg)
{
	(void)arg;
	memset(&left.all, 0, sizeof(left.all));
	left.n = 0;
	goro_mutex_lock(&left.mutex);
	start_in_line(&left, 4);
	goro_mutex_unlock(&left.mutex);
	goro_waitgroup_wait(&left.all);
	T_CHECK_EQ(left.n, 4);
	return 0;
}

static void
mutex_is_of_use_to_the_next_run(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		memset(&left, 0, sizeof(left));
		assert_int_equal(goro_run(leave_waiters, NULL), 0);
		if (left.mutex.owner_)
			continue; /* the end came upon one that had it */
		assert_int_equal(goro_run(use_what_was_left, NULL), 0);
	}
}

/* --- Misuse --------------------------------------------------------------- */

static struct goro_mutex misused;

static int
unlock_unlocked(void *arg)
{
	(void)arg;
	goro_mutex_unlock(&misused);
	return 0;
}

static int
unlock_twice(void *arg)
{
	(void)arg;
	goro_mutex_lock(&misused);
	goro_mutex_unlock(&misused);
	goro_mutex_unlock(&misused);
	return 0;
}

static void
unlock_it(void *arg)
{
	goro_mutex_unlock(arg);
}

static int
unlock_by_another(void *arg)
{
	(void)arg;
	goro_mutex_lock(&misused);
	goro_go(unlock_it, &misused);
	goro_sleep(20000000000);
	return 0;
}

static int
lock_twice(void *arg)
{
	(void)arg;
	goro_mutex_lock(&misused);
	goro_mutex_lock(&misused);
	return 0;
}

static void
mutex_misuse_panics(void **state)
{
	(void)state;
	t_expect_end(unlock_unlocked, "panic: sync: unlock of unlocked "
				      "mutex\n");
	t_expect_end(unlock_twice, "panic: sync: unlock of unlocked mutex\n");
	t_expect_end(unlock_by_another, "panic: sync: unlock of another "
					"goroutine's mutex\n");
}

static void
mutex_locked_twice_is_a_deadlock(void **state)
{
	(void)state;
	t_expect_end(lock_twice, "all goroutines are asleep - deadlock!");
}

static void
lock_on_a_thread(void)
{
	goro_mutex_lock(&misused);
}

static void
mutex_lock_outside_a_goroutine_panics(void **state)
{
	(void)state;
	t_child_run(&child, lock_on_a_thread);
	assert_int_equal(child.status, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mutex_is_unlocked_when_zeroed_or_initialised),
		cmocka_unit_test(mutex_keeps_a_sum_of_many),
		cmocka_unit_test(mutex_is_kept_over_a_yield),
		cmocka_unit_test(mutex_does_without_a_barrier_on_all),
		cmocka_unit_test(mutex_waiters_come_in_order),
		cmocka_unit_test(mutex_hog_does_not_starve_waiters),
		cmocka_unit_test(mutex_try_lock_never_waits),
		cmocka_unit_test(mutex_try_lock_leaves_waiters_in_line),
		cmocka_unit_test(mutex_may_be_freed_by_the_last_to_unlock),
		cmocka_unit_test(mutex_is_of_use_to_the_next_run),
		cmocka_unit_test(mutex_misuse_panics),
		cmocka_unit_test(mutex_locked_twice_is_a_deadlock),
		cmocka_unit_test(mutex_lock_outside_a_goroutine_panics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
