// SPDX-License-Identifier: MIT
/*
 * test_waits.c - deadlocks, among goroutines and locks made by hand
 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "hand_model.h"
#include "tracer/waits.h"

/* Lock i is at address i + 1, goroutine i has the id i + 1. */
struct with {
	struct hand hand;
	struct gt_objects objects;
	struct gt_knots knots;
};

static int
make(void **state)
{
	struct with *w = calloc(1, sizeof(*w));

	T_CHECK(w);
	hand_init(&w->hand);
	*state = w;
	return 0;
}

static int
drop(void **state)
{
	struct with *w = *state;

	for (size_t i = 0; i < w->objects.n; i++)
		free(w->objects.v[i].parties[GT_ROLE_HOLDS].v);
	gt_knots_fini(&w->knots);
	gt_objects_fini(&w->objects);
	hand_fini(&w->hand);
	free(w);
	return 0;
}

static void
locks(struct with *w, size_t n)
{
	w->objects.v = calloc(n, sizeof(*w->objects.v));
	w->objects.n = n;
	T_CHECK(w->objects.v);
	for (size_t i = 0; i < n; i++) {
		w->objects.v[i].addr = i + 1;
		w->objects.v[i].kind = GT_KIND_MUTEX;
	}
}

/* The next goroutine waits for a lock; -1: for none. */
static uint32_t
waits(struct with *w, int lock, enum goro_abi_reason reason)
{
	struct gt_model *m = &w->hand.model;
	uint32_t index = m->goroutines_n;
	struct gt_goroutine *g = hand_goroutine(&w->hand, index + 1,
						GORO_ABI_WAITING, reason);

	if (lock < 0)
		return index;
	T_CHECK(gt_grow((void **)&m->waits, m->waits_n, 1, &m->waits_room,
			sizeof(*m->waits)));
	g->waits = m->waits_n;
	g->waits_n = 1;
	m->waits[m->waits_n++].obj = lock + 1;
	return index;
}

static void
holds(struct with *w, uint32_t g, int lock)
{
	struct gt_parties *p = &w->objects.v[lock].parties[GT_ROLE_HOLDS];

	p->v = reallocarray(p->v, p->n + 1, sizeof(*p->v));
	T_CHECK(p->v);
	p->v[p->n++] = (struct gt_party){ .g = g };
}

static void
find(struct with *w)
{
	size_t n = w->hand.model.goroutines_n;

	gt_knots_fini(&w->knots);
	if (!w->objects.still) {
		w->objects.still = malloc(n + 1);
		T_CHECK(w->objects.still);
		memset(w->objects.still, true, n);
	}
	T_CHECK(!gt_knots_find(&w->hand.model, &w->objects, &w->knots));
}

static void
nobody_waits_for_a_lock(void **state)
{
	struct with *w = *state;

	find(w);
	assert_int_equal(w->knots.n, 0);
}

static void
a_row_without_an_end_in_it_is_none(void **state)
{
	struct with *w = *state;

	/* 0 waits for 1, which waits for 2, which waits for a channel. */
	locks(w, 2);
	waits(w, 0, GORO_WAIT_MUTEX);
	holds(w, waits(w, 1, GORO_WAIT_MUTEX), 0);
	holds(w, waits(w, -1, GORO_WAIT_CHAN_RECV), 1);
	find(w);
	assert_int_equal(w->knots.n, 0);
}

static void
a_circle_is_found_with_its_row(void **state)
{
	struct with *w = *state;

	/* 0 is in front of the circle 1 -> 3 -> 2 -> 1. */
	locks(w, 3);
	waits(w, 0, GORO_WAIT_MUTEX);
	holds(w, waits(w, 1, GORO_WAIT_ONCE), 0);
	holds(w, waits(w, 0, GORO_WAIT_MUTEX), 2);
	holds(w, waits(w, 2, GORO_WAIT_WLOCK), 1);
	find(w);
	assert_int_equal(w->knots.n, 1);
	assert_int_equal(w->knots.v[0].n, 3);
	assert_int_equal(w->knots.v[0].row_n, 3);
	assert_int_equal(w->knots.v[0].row[0], 1);
	assert_int_equal(w->knots.v[0].row[1], 3);
	assert_int_equal(w->knots.v[0].row[2], 2);
}

static void
one_can_wait_for_itself(void **state)
{
	struct with *w = *state;

	locks(w, 1);
	holds(w, waits(w, 0, GORO_WAIT_RLOCK), 0);
	find(w);
	assert_int_equal(w->knots.n, 1);
	assert_int_equal(w->knots.v[0].n, 1);
	assert_int_equal(w->knots.v[0].row_n, 1);
}

static void
two_circles_are_two(void **state)
{
	struct with *w = *state;

	locks(w, 4);
	holds(w, waits(w, 1, GORO_WAIT_MUTEX), 0);
	holds(w, waits(w, 0, GORO_WAIT_MUTEX), 1);
	holds(w, waits(w, 3, GORO_WAIT_MUTEX), 2);
	holds(w, waits(w, 2, GORO_WAIT_MUTEX), 3);
	find(w);
	assert_int_equal(w->knots.n, 2);
	assert_true(w->knots.v[0].row[0] != w->knots.v[1].row[0]);
}

static void
of_readers_one_is_enough(void **state)
{
	struct with *w = *state;

	/* A writer waits for two readers; one of them waits for the writer. */
	locks(w, 2);
	holds(w, waits(w, 0, GORO_WAIT_WLOCK), 1);
	holds(w, waits(w, -1, GORO_WAIT_SLEEP), 0);
	holds(w, waits(w, 1, GORO_WAIT_MUTEX), 0);
	find(w);
	assert_int_equal(w->knots.n, 1);
	assert_int_equal(w->knots.v[0].n, 2);
	assert_int_equal(w->knots.v[0].row[0], 0);
	assert_int_equal(w->knots.v[0].row[1], 2);
}

static void
several_circles_through_one_are_one_knot(void **state)
{
	struct with *w = *state;

	/* Both readers wait for what the writer holds. */
	locks(w, 2);
	holds(w, waits(w, 0, GORO_WAIT_WLOCK), 1);
	holds(w, waits(w, 1, GORO_WAIT_MUTEX), 0);
	holds(w, waits(w, 1, GORO_WAIT_MUTEX), 0);
	find(w);
	assert_int_equal(w->knots.n, 1);
	assert_int_equal(w->knots.v[0].n, 3);
	assert_int_equal(w->knots.v[0].row_n, 2);
}

static void
one_that_moves_breaks_the_circle(void **state)
{
	struct with *w = *state;

	locks(w, 2);
	holds(w, waits(w, 1, GORO_WAIT_MUTEX), 0);
	holds(w, waits(w, 0, GORO_WAIT_MUTEX), 1);
	find(w);
	assert_int_equal(w->knots.n, 1);
	w->objects.still[1] = false;
	find(w);
	assert_int_equal(w->knots.n, 0);
}

/* Neither our stack nor time runs out. */
static void
a_row_may_be_very_long(void **state)
{
	struct with *w = *state;
	enum { N = 200000 };

	locks(w, N);
	for (int i = 0; i < N; i++)
		holds(w, waits(w, (i + 1) % N, GORO_WAIT_MUTEX), i);
	find(w);
	assert_int_equal(w->knots.n, 1);
	assert_int_equal(w->knots.v[0].row_n, N);
	for (int i = 0; i < N; i++)
		assert_int_equal(w->knots.v[0].row[i], i);
}

/* As many edges as waits and holds, not their product. */
static void
many_may_wait_for_many(void **state)
{
	struct with *w = *state;
	enum { N = 50000 };

	locks(w, 2);
	for (int i = 0; i < N; i++) {
		waits(w, 0, GORO_WAIT_WLOCK);
		holds(w, waits(w, 1, GORO_WAIT_MUTEX), 0);
	}
	holds(w, 0, 1);
	find(w);
	assert_int_equal(w->knots.n, 1);
	assert_int_equal(w->knots.v[0].n, N + 1);
	assert_int_equal(w->knots.v[0].row_n, 2);
}

int
main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, make, drop)
	const struct CMUnitTest tests[] = {
		WITH(nobody_waits_for_a_lock),
		WITH(a_row_without_an_end_in_it_is_none),
		WITH(a_circle_is_found_with_its_row),
		WITH(one_can_wait_for_itself),
		WITH(two_circles_are_two),
		WITH(of_readers_one_is_enough),
		WITH(several_circles_through_one_are_one_knot),
		WITH(one_that_moves_breaks_the_circle),
		WITH(a_row_may_be_very_long),
		WITH(many_may_wait_for_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
