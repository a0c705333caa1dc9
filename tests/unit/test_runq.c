// SPDX-License-Identifier: MIT
/*
 * test_runq.c - run queues: order, and every goroutine taken exactly once
 */
#include "test.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "g.h"
#include "runq.h"

/* --- One thread ----------------------------------------------------------- */

static struct gr_g some[GR_RUNQ_SLOTS + 10];

static struct gr_runq *
queue_of(int n)
{
	struct gr_runq *q = test_calloc(1, sizeof(*q));

	for (int i = 0; i < n; i++)
		assert_true(gr_runq_put(q, &some[i], false));
	return q;
}

static void
ring_is_first_in_first_out(void **state)
{
	struct gr_runq *q = queue_of(3);

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct gr_g *g = gr_runq_get_ring(q);

		assert_ptr_equal(g, &some[round % 3]);
		assert_int_equal(gr_runq_len(q), 2);
		assert_true(gr_runq_put(q, g, false));
	}
	test_free(q);
}

static void
fresh_ones_leave_newest_first(void **state)
{
	struct gr_runq *q = queue_of(2);

	(void)state;
	for (int i = 2; i < 5; i++)
		assert_true(gr_runq_put(q, &some[i], true));
	assert_ptr_equal(gr_runq_get_fresh(q), &some[4]);
	assert_ptr_equal(gr_runq_get_ring(q), &some[0]);
	assert_ptr_equal(gr_runq_get_fresh(q), &some[3]);
	/* One that has run came behind them: in order from now on. */
	assert_true(gr_runq_put(q, &some[5], false));
	assert_null(gr_runq_get_fresh(q));
	assert_ptr_equal(gr_runq_get_ring(q), &some[1]);
	assert_ptr_equal(gr_runq_get_ring(q), &some[2]);
	assert_ptr_equal(gr_runq_get_ring(q), &some[5]);
	/* All taken at the other end. */
	assert_true(gr_runq_put(q, &some[6], true));
	assert_ptr_equal(gr_runq_get_ring(q), &some[6]);
	assert_null(gr_runq_get_fresh(q));
	test_free(q);
}

static void
full_ring_takes_no_more(void **state)
{
	struct gr_runq *q = queue_of(GR_RUNQ_SLOTS);

	(void)state;
	assert_false(gr_runq_put(q, &some[GR_RUNQ_SLOTS], false));
	assert_ptr_equal(gr_runq_get_ring(q), &some[0]);
	assert_true(gr_runq_put(q, &some[GR_RUNQ_SLOTS], false));
	assert_false(gr_runq_put(q, &some[GR_RUNQ_SLOTS + 1], false));
	for (int i = 1; i <= GR_RUNQ_SLOTS; i++)
		assert_ptr_equal(gr_runq_get_ring(q), &some[i]);
	assert_null(gr_runq_get_ring(q));
	test_free(q);
}

static void
steal_takes_the_older_half(void **state)
{
	struct gr_runq *q = queue_of(9), *mine = queue_of(0);

	(void)state;
	assert_ptr_equal(gr_runq_steal(q, mine), &some[0]);
	for (int i = 1; i < 5; i++)
		assert_ptr_equal(gr_runq_get_ring(mine), &some[i]);
	assert_null(gr_runq_get_ring(mine));
	for (int i = 5; i < 9; i++)
		assert_ptr_equal(gr_runq_get_ring(q), &some[i]);
	assert_null(gr_runq_steal(q, mine));
	test_free(q);
	test_free(mine);
}

static void
ring_has_room_where_thieves_were(void **state)
{
	struct gr_runq *q = queue_of(GR_RUNQ_SLOTS), *mine = queue_of(0);

	(void)state;
	gr_runq_steal(q, mine);
	for (int i = 0; i < GR_RUNQ_SLOTS / 2; i++)
		assert_true(gr_runq_put(q, &some[i], false));
	assert_false(gr_runq_put(q, &some[0], false));
	test_free(q);
	test_free(mine);
}

static void
next_is_stolen_only_by_permission(void **state)
{
	struct gr_runq *q = queue_of(0), *mine = queue_of(0);

	(void)state;
	q->next = &some[0];
	assert_null(gr_runq_steal(q, mine));
	q->next_for_all = true;
	assert_ptr_equal(gr_runq_steal(q, mine), &some[0]);
	assert_null(gr_runq_get_next(q));
	test_free(q);
	test_free(mine);
}

static void
drain_makes_a_list_of_the_oldest(void **state)
{
	struct gr_runq *q = queue_of(10);
	struct gr_glist list = { 0 };

	(void)state;
	gr_runq_drain(q, 4, &list);
	assert_int_equal(list.n, 4);
	assert_ptr_equal(list.last, &some[3]);
	for (int i = 0; i < 4; i++, list.first = list.first->next)
		assert_ptr_equal(list.first, &some[i]);
	assert_null(list.first);
	gr_runq_drain(q, 100, &list);
	assert_int_equal(list.n, 10);
	test_free(q);
}

static void
global_queue_gives_one_and_a_share(void **state)
{
	struct gr_runq *q = queue_of(0);
	struct gr_runq *from = queue_of(10);
	struct gr_glist list = { 0 };

	(void)state;
	gr_runq_drain(from, 10, &list);
	gr_globq_put(&list);
	assert_int_equal(gr_globq_len(), 10);
	assert_ptr_equal(gr_globq_get(q, 4), &some[0]);
	assert_int_equal(gr_runq_len(q), 3);
	assert_int_equal(gr_globq_len(), 6);
	for (int i = 1; i < 4; i++)
		assert_ptr_equal(gr_runq_get_ring(q), &some[i]);
	assert_ptr_equal(gr_globq_get(q, 1), &some[4]);
	gr_globq_drop();
	assert_int_equal(gr_globq_len(), 0);
	assert_null(gr_globq_get(q, 1));
	test_free(q);
	test_free(from);
}

/* --- One owner, several thieves ------------------------------------------- */

enum { ITEMS = 20000, THIEVES = 3, ROUNDS = 5 };

static struct gr_g items[ITEMS];
static uint32_t taken[ITEMS], taken_n; /* how often each was; how many */
static struct gr_runq shared;

/* Whoever has @g sees what was written before it was put. */
static void
take(struct gr_g *g)
{
	T_CHECK_EQ(g->id, 1 + (g - items));
	g->id = 0;
	g->next = NULL; /* it is ours: the queues must not look at it */
	T_CHECK_EQ(gr_add_rlx(&taken[g - items], 1), 0);
	gr_add_rlx(&taken_n, 1);
}

static bool
all_taken(void)
{
	return gr_load_acq(&taken_n) == ITEMS;
}

static void *
thief(void *arg)
{
	struct gr_runq *mine = calloc(1, sizeof(*mine));
	struct gr_g *g;

	(void)arg;
	while (!all_taken()) {
		if (!(g = gr_runq_steal(&shared, mine)) &&
		    !(g = gr_globq_get(mine, 5))) {
			sched_yield();
			continue;
		}
		take(g);
		while ((g = gr_runq_get_ring(mine)))
			take(g);
	}
	free(mine);
	return NULL;
}

/* As put_next() and put_last() of sched.c do. */
static void
put(struct gr_g *g, unsigned random)
{
	struct gr_glist half = { 0 };

	g->id = 1 + (g - items);
	if (random % 4 == 0)
		g = gr_xchg_acq_rel(&shared.next, g);
	if (!g || gr_runq_put(&shared, g, random & 8))
		return;
	gr_runq_drain(&shared, GR_RUNQ_SLOTS / 2, &half);
	if (half.n)
		gr_globq_put(&half);
	T_CHECK(gr_runq_put(&shared, g, false));
}

static void
put_and_get(unsigned *seed)
{
	struct gr_g *g;
	int n = 0;

	while (n < ITEMS || !all_taken()) {
		unsigned r = rand_r(seed);

		for (int burst = r % 300; burst > 0 && n < ITEMS; burst--)
			put(&items[n++], rand_r(seed));
		gr_store_rlx(&shared.next_for_all, r & 1);
		for (int burst = r / 300 % 100; burst > 0; burst--) {
			g = r & 2  ? gr_runq_get_next(&shared) :
			    r & 16 ? gr_runq_get_ring(&shared) :
				     gr_runq_get_fresh(&shared);
			if (!g)
				break;
			take(g);
		}
		if (r & 4)
			sched_yield();
	}
}

static void
owner_and_thieves_take_each_exactly_once(void **state)
{
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		pthread_t threads[THIEVES];

		memset(taken, 0, sizeof(taken));
		gr_store_rel(&taken_n, 0);
		for (int i = 0; i < THIEVES; i++)
			assert_int_equal(pthread_create(&threads[i], NULL,
							thief, NULL),
					 0);
		put_and_get(&seed);
		for (int i = 0; i < THIEVES; i++)
			pthread_join(threads[i], NULL);
		assert_null(gr_runq_get_next(&shared));
		assert_null(gr_runq_get_ring(&shared));
		assert_int_equal(gr_globq_len(), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ring_is_first_in_first_out),
		cmocka_unit_test(fresh_ones_leave_newest_first),
		cmocka_unit_test(full_ring_takes_no_more),
		cmocka_unit_test(steal_takes_the_older_half),
		cmocka_unit_test(ring_has_room_where_thieves_were),
		cmocka_unit_test(next_is_stolen_only_by_permission),
		cmocka_unit_test(drain_makes_a_list_of_the_oldest),
		cmocka_unit_test(global_queue_gives_one_and_a_share),
		cmocka_unit_test(owner_and_thieves_take_each_exactly_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
