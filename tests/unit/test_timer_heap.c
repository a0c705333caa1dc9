// SPDX-License-Identifier: MIT
/*
 * test_timer_heap.c - the heap of timers alone, without a scheduler
 *
 * A run of random operations is compared with the plainest of models: an array
 * that says of each timer whether and when it is to fire.
 */
#include "test.h"

#include <stdlib.h>

#include "goro/goro.h"
#include "sched.h"
#include "timer.h"

enum { TIMERS = 500, OPERATIONS = 100000, SPAN_NS = 1000 };

struct item {
	struct gr_timer timer; /* first: a callback finds the item by it */
	int64_t due_ns;        /* the model: when, or GORO_FOREVER */
	int64_t again_ns;      /* the next time, so long after this; 0: never */
	int fired;
};

static struct gr_timer_heap heap;
static struct gr_m m; /* of no thread: nothing here makes one ready */
static struct item items[TIMERS];
static int64_t last_fired_ns;

static struct gr_g *
note_fired(struct gr_timer *t, struct gr_m *on, int64_t now_ns)
{
	struct item *it = (struct item *)t;

	assert_ptr_equal(on, &m);
	assert_true(t->when_ns <= now_ns);
	assert_int_equal(t->when_ns, it->due_ns);
	/* The earliest first. */
	assert_true(t->when_ns >= last_fired_ns);
	last_fired_ns = t->when_ns;
	it->fired++;
	if (it->again_ns)
		t->when_ns = now_ns + it->again_ns;
	it->due_ns = it->again_ns ? t->when_ns : GORO_FOREVER;
	return NULL;
}

static void
check_invariants(void)
{
	int64_t first_ns = GORO_FOREVER;
	uint32_t armed = 0;

	for (uint32_t i = 0; i < heap.n; i++) {
		struct gr_timer *t = heap.slots[i].timer;

		assert_int_equal(heap.slots[i].when_ns, t->when_ns);
		assert_int_equal(t->index, i);
		assert_ptr_equal(t->heap, &heap);
		if (i)
			assert_true(heap.slots[(i - 1) / 4].when_ns <=
				    t->when_ns);
	}
	for (int i = 0; i < TIMERS; i++) {
		if (items[i].due_ns == GORO_FOREVER) {
			assert_null(items[i].timer.heap);
			continue;
		}
		assert_ptr_equal(items[i].timer.heap, &heap);
		if (items[i].due_ns < first_ns)
			first_ns = items[i].due_ns;
		armed++;
	}
	assert_int_equal(heap.n, armed);
	assert_int_equal(heap.first_ns, first_ns);
}

static int
set_up(void **state)
{
	(void)state;
	heap = (struct gr_timer_heap){ .first_ns = GORO_FOREVER };
	for (int i = 0; i < TIMERS; i++)
		items[i] = (struct item){ .timer.fire = note_fired,
					  .due_ns = GORO_FOREVER };
	last_fired_ns = INT64_MIN;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	gr_timer_heap_fini(&heap);
	return 0;
}

static void
add(struct item *it, int64_t when_ns)
{
	int first = when_ns < heap.first_ns;

	it->due_ns = when_ns;
	assert_int_equal(gr_timer_add(&heap, &it->timer, when_ns), first);
}

static void
del(struct item *it)
{
	assert_int_equal(gr_timer_del(&it->timer), it->due_ns != GORO_FOREVER);
	it->due_ns = GORO_FOREVER;
}

static void
run(int64_t now_ns)
{
	int64_t next_ns;

	last_fired_ns = INT64_MIN;
	next_ns = gr_timer_run(&heap, &m, now_ns);
	assert_true(next_ns > now_ns);
	assert_int_equal(next_ns, heap.first_ns);
}

static void
random_operations_agree_with_a_plain_array(void **state)
{
	int64_t now_ns = 1;

	(void)state;
	srand(1);
	for (int i = 0; i < OPERATIONS; i++) {
		struct item *it = &items[rand() % TIMERS];

		if (rand() % 50 == 0) {
			now_ns += rand() % (SPAN_NS / 4);
			run(now_ns);
		} else if (it->due_ns == GORO_FOREVER) {
			it->again_ns = rand() % 4 ? 0 : 1 + rand() % SPAN_NS;
			/* Many at the same instant, some in the past. */
			add(it, now_ns + rand() % SPAN_NS - SPAN_NS / 8);
		} else if (rand() % 2) {
			del(it);
		}
		if (i % 16 == 0)
			check_invariants();
	}
	check_invariants();
}

static void
run_fires_all_that_is_due_and_nothing_else(void **state)
{
	(void)state;
	for (int i = 0; i < TIMERS; i++)
		add(&items[i], 1 + (i * 37) % TIMERS);
	run(TIMERS / 2);
	for (int i = 0; i < TIMERS; i++)
		assert_int_equal(items[i].fired,
				 1 + (i * 37) % TIMERS <= TIMERS / 2);
	check_invariants();
}

static void
run_one_fires_that_one_if_it_is_due(void **state)
{
	int64_t now_ns = gr_now_ns();

	(void)state;
	assert_false(gr_timer_run_one(&items[0].timer, &m)); /* in no heap */
	add(&items[0], now_ns + 3600000000000);
	assert_false(gr_timer_run_one(&items[0].timer, &m)); /* none due */
	add(&items[1], now_ns - 10);
	assert_false(gr_timer_run_one(&items[0].timer, &m)); /* another is */
	add(&items[2], now_ns - 5);
	assert_true(gr_timer_run_one(&items[2].timer, &m));
	assert_false(gr_timer_run_one(&items[2].timer, &m));
	assert_int_equal(items[0].fired, 0);
	assert_int_equal(items[1].fired, 0);
	assert_int_equal(items[2].fired, 1);
	check_invariants();
}

static void
move_keeps_all_and_their_order(void **state)
{
	struct gr_timer_heap other = { .first_ns = GORO_FOREVER };

	(void)state;
	for (int i = 0; i < TIMERS; i++) {
		items[i].due_ns = 1 + rand() % SPAN_NS;
		gr_timer_add(i % 3 ? &heap : &other, &items[i].timer,
			     items[i].due_ns);
	}
	gr_timer_move(&other, &heap);
	assert_int_equal(other.n, 0);
	assert_int_equal(other.first_ns, GORO_FOREVER);
	check_invariants();
	run(SPAN_NS);
	assert_int_equal(heap.n, 0);
	gr_timer_heap_fini(&other);
}

static struct deferring {
	struct gr_timer timer;
	struct gr_deferred deferred;
	bool ran;
} deferring;

static void
add_to_the_same_heap(struct gr_deferred *d, struct gr_m *on)
{
	assert_ptr_equal(d, &deferring.deferred);
	assert_ptr_equal(on, &m);
	add(&items[0], 100); /* hangs while the heap is locked */
	deferring.ran = true;
}

static struct gr_g *
defer(struct gr_timer *t, struct gr_m *on, int64_t now_ns)
{
	(void)t, (void)now_ns;
	gr_timer_defer(on, &deferring.deferred);
	return NULL;
}

static void
deferred_runs_when_the_heap_is_unlocked(void **state)
{
	(void)state;
	deferring.timer.fire = defer;
	deferring.deferred.run = add_to_the_same_heap;
	gr_timer_add(&heap, &deferring.timer, 1);
	gr_timer_run(&heap, &m, 1);
	assert_true(deferring.ran);
	check_invariants();
}

static void
fini_leaves_the_timers_at_rest(void **state)
{
	(void)state;
	for (int i = 0; i < TIMERS; i++)
		add(&items[i], i);
	gr_timer_heap_fini(&heap);
	for (int i = 0; i < TIMERS; i++) {
		assert_null(items[i].timer.heap);
		assert_false(gr_timer_del(&items[i].timer));
		assert_int_equal(items[i].fired, 0);
	}
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(random_operations_agree_with_a_plain_array),
		TEST(run_fires_all_that_is_due_and_nothing_else),
		TEST(run_one_fires_that_one_if_it_is_due),
		TEST(move_keeps_all_and_their_order),
		TEST(deferred_runs_when_the_heap_is_unlocked),
		TEST(fini_leaves_the_timers_at_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
