// SPDX-License-Identifier: MIT
/*
 * test_reach.c - who can still be woken, on memory that is made up
 *
 * A world of one array: the first words are a global's, then blocks of four
 * words, then a chunk of stacks of eight words, then a slab of channels.
 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "leak/reach.h"

enum {
	GLOBALS = 8,
	BLOCKS = 16,
	BLOCK_WORDS = 4,
	STACKS = 8,
	STACK_WORDS = 8,
	CHANS = 8,
	CHAN_WORDS = 4,
};

static struct {
	uintptr_t global[GLOBALS];
	uintptr_t block[BLOCKS][BLOCK_WORDS];
	uintptr_t stack[STACKS][STACK_WORDS];
	uintptr_t chan[CHANS][CHAN_WORDS];
} w;

static struct {
	struct gr_reach r;
	bool freed[BLOCKS], marked[BLOCKS];
	size_t stacks, chans;
	bool roots_unreadable;
} t;

static size_t
view(void *arg, uintptr_t addr, size_t bytes, bool root, const uintptr_t **ret)
{
	(void)arg;
	*ret = root && t.roots_unreadable ? NULL : (const uintptr_t *)addr;
	return bytes > 16 ? 16 : bytes; /* in pieces */
}

static bool
block(void *arg, uintptr_t addr, uintptr_t *lo, uintptr_t *hi)
{
	size_t i = (addr - (uintptr_t)w.block) / sizeof(w.block[0]);

	(void)arg;
	assert_true(i < BLOCKS);
	*lo = (uintptr_t)w.block[i];
	*hi = *lo + sizeof(w.block[i]);
	return !t.freed[i];
}

static bool
mark(void *arg, uintptr_t lo)
{
	size_t i = (lo - (uintptr_t)w.block) / sizeof(w.block[0]);

	(void)arg;
	if (t.marked[i])
		return false;
	return t.marked[i] = true;
}

static int
setup(void **state)
{
	struct gr_reach_memory m = {
		.view = view,
		.block = block,
		.mark = mark,
		.heap_lo = (uintptr_t)w.block,
		.heap_hi = (uintptr_t)w.stack,
	};

	(void)state;
	memset(&w, 0, sizeof(w));
	memset(&t, 0, sizeof(t));
	gr_reach_init(&t.r, &m);
	gr_reach_add_root(&t.r, (uintptr_t)w.global, (uintptr_t)w.block);
	t.stacks = gr_reach_add_grid(&t.r, (uintptr_t)w.stack,
				     sizeof(w.stack[0]), STACKS, true);
	t.chans = gr_reach_add_grid(&t.r, (uintptr_t)w.chan, sizeof(w.chan[0]),
				    CHANS, false);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	gr_reach_fini(&t.r);
	return 0;
}

/* The goroutine on stack @i, whose upper half is in use. */
static uint32_t
add_g(size_t i, bool live)
{
	uint32_t g = gr_reach_add_g(
		&t.r, &(struct gr_reach_g){
			      .lo = (uintptr_t)&w.stack[i][STACK_WORDS / 2],
			      .hi = (uintptr_t)w.stack[i + 1],
			      .live = live });

	*gr_vec_at(&t.r.ids, uint32_t, t.stacks + i) = g;
	return g;
}

static uint32_t
add_chan(size_t i)
{
	uint32_t o = gr_reach_add_obj(
		&t.r, &(struct gr_reach_obj){ .lo = (uintptr_t)w.chan[i],
					      .hi = (uintptr_t)w.chan[i + 1],
					      .channel = true });

	*gr_vec_at(&t.r.ids, uint32_t, t.chans + i) = o;
	return o;
}

static uint32_t
add_lock(void *at)
{
	return gr_reach_add_obj(
		&t.r, &(struct gr_reach_obj){ .lo = (uintptr_t)at,
					      .hi = (uintptr_t)at + 8 });
}

/* A word of the part of a stack that is in use. */
#define LOCAL(g, i) w.stack[g][STACK_WORDS / 2 + (i)]
#define ADDR(x) ((uintptr_t) & (x))

static void
run(void)
{
	assert_true(gr_reach_run(&t.r));
}

#define LIVE(g) assert_true(gr_reach_g(&t.r, g)->live)
#define LEAKED(g) assert_false(gr_reach_g(&t.r, g)->live)

static void
one_whose_channel_only_it_knows_is_leaked(void **state)
{
	uint32_t g = add_g(0, false), ch = add_chan(0);

	(void)state;
	gr_reach_waits(&t.r, g, ch);
	LOCAL(0, 1) = ADDR(w.chan[0]);
	run();
	LEAKED(g);
	assert_false(gr_reach_obj(&t.r, ch)->marked);
}

static void
one_whose_channel_a_global_names_is_live(void **state)
{
	uint32_t g = add_g(0, false);

	(void)state;
	gr_reach_waits(&t.r, g, add_chan(2));
	w.global[3] = ADDR(w.chan[2]);
	run();
	LIVE(g);
}

static void
one_that_waits_for_nothing_is_leaked_and_roots_are_not(void **state)
{
	uint32_t stuck = add_g(0, false), runs = add_g(1, true);

	(void)state;
	run();
	LEAKED(stuck);
	LIVE(runs);
}

static void
any_case_of_a_select_will_do(void **state)
{
	uint32_t g = add_g(0, false);

	(void)state;
	gr_reach_waits(&t.r, g, add_chan(0));
	gr_reach_waits(&t.r, g, add_chan(1));
	w.global[0] = ADDR(w.chan[1]);
	run();
	LIVE(g);
}

static void
what_the_released_one_knows_counts_too(void **state)
{
	uint32_t a = add_g(0, true), b = add_g(1, false), c = add_g(2, false);

	(void)state;
	gr_reach_waits(&t.r, b, add_chan(0));
	gr_reach_waits(&t.r, c, add_chan(1));
	LOCAL(0, 0) = ADDR(w.block[5][2]); /* into the middle */
	w.block[5][0] = ADDR(w.chan[0]);
	LOCAL(1, 3) = ADDR(w.chan[1]);
	run();
	LIVE(a), LIVE(b), LIVE(c);
}

static void
what_lies_below_the_stack_pointer_is_dead(void **state)
{
	uint32_t a = add_g(0, true), b = add_g(1, false);

	(void)state;
	gr_reach_waits(&t.r, b, add_chan(0));
	w.stack[0][0] = ADDR(w.chan[0]);
	run();
	LIVE(a), LEAKED(b);
}

static void
a_freed_block_leads_nowhere(void **state)
{
	uint32_t b = add_g(1, false);

	(void)state;
	gr_reach_waits(&t.r, b, add_chan(0));
	w.global[0] = ADDR(w.block[1]);
	w.block[1][0] = ADDR(w.chan[0]);
	t.freed[1] = true;
	run();
	LEAKED(b);
}

static void
items_in_a_channel_are_reached_with_it(void **state)
{
	uint32_t a = add_g(0, false), b = add_g(1, false), o;

	(void)state;
	gr_reach_waits(&t.r, a, o = add_chan(0));
	gr_reach_obj(&t.r, o)->items[1] = (struct gr_reach_span){
		ADDR(w.block[2][1]), ADDR(w.block[2][2])
	};
	gr_reach_waits(&t.r, b, add_chan(1));
	w.block[2][1] = ADDR(w.chan[1]);
	w.block[2][2] = 0;
	w.global[0] = ADDR(w.chan[0]);
	run();
	LIVE(a), LIVE(b);
	assert_false(t.marked[2]); /* the buffer itself is the channel's */
}

static void
a_pointer_to_its_stack_reaches_that_but_not_its_owner(void **state)
{
	uint32_t owner = add_g(0, false), other = add_g(1, false);

	(void)state;
	gr_reach_waits(&t.r, owner, add_chan(0));
	gr_reach_waits(&t.r, other, add_chan(1));
	LOCAL(0, 0) = ADDR(w.chan[1]);
	w.global[0] = ADDR(LOCAL(0, 2));
	run();
	LEAKED(owner), LIVE(other);
}

static void
a_queue_that_leads_to_a_waiter_reaches_nothing(void **state)
{
	uint32_t owner = add_g(0, false), other = add_g(1, false);

	(void)state;
	gr_reach_g(&t.r, owner)->hide_lo = ADDR(LOCAL(0, 2));
	gr_reach_g(&t.r, owner)->hide_hi = ADDR(LOCAL(0, 3));
	gr_reach_waits(&t.r, owner, add_chan(0));
	gr_reach_waits(&t.r, other, add_chan(1));
	LOCAL(0, 0) = ADDR(w.chan[1]);
	w.global[0] = ADDR(LOCAL(0, 2));
	run();
	LEAKED(owner), LEAKED(other);
}

static void
a_lock_is_reached_with_the_block_or_stack_it_lies_in(void **state)
{
	uint32_t in_block = add_g(0, false), on_stack = add_g(1, false);
	uint32_t in_lost = add_g(2, false), a = add_g(3, true);

	(void)state;
	gr_reach_waits(&t.r, in_block, add_lock(&w.block[3][2]));
	gr_reach_waits(&t.r, on_stack, add_lock(&LOCAL(3, 1)));
	gr_reach_waits(&t.r, in_lost, add_lock(&w.block[4][2]));
	LOCAL(3, 0) = ADDR(w.block[3]);
	run();
	LIVE(in_block), LIVE(on_stack), LEAKED(in_lost), LIVE(a);
}

static void
locks_in_globals_are_reached_but_have_owners(void **state)
{
	uint32_t a = add_g(0, false), b = add_g(1, false), c = add_g(2, false);
	uint32_t d = add_g(3, false), lives = add_g(4, true),
		 e = add_g(5, false);
	uint32_t m1 = add_lock(&w.global[0]), m2 = add_lock(&w.global[1]);
	uint32_t m3 = add_lock(&w.global[2]), m4 = add_lock(&w.global[3]);

	(void)state;
	/* a and b wait for each other, c for one of them. */
	gr_reach_owns(&t.r, a, m1), gr_reach_waits(&t.r, b, m1);
	gr_reach_owns(&t.r, b, m2), gr_reach_waits(&t.r, a, m2);
	gr_reach_waits(&t.r, c, m2);
	/* d waits for one that has ended, e for one that lives. */
	gr_reach_owns(&t.r, GR_REACH_NONE, m3), gr_reach_waits(&t.r, d, m3);
	gr_reach_owns(&t.r, lives, m4), gr_reach_waits(&t.r, e, m4);
	run();
	LEAKED(a), LEAKED(b), LEAKED(c), LEAKED(d), LIVE(e);
}

static void
all_owners_of_a_lock_have_to_be_live(void **state)
{
	uint32_t r1 = add_g(0, false), r2 = add_g(1, false);
	uint32_t w1 = add_g(2, false), w2 = add_g(3, false);
	uint32_t both = add_lock(&w.global[0]), one = add_lock(&w.global[1]);

	(void)state;
	gr_reach_waits(&t.r, r1, add_chan(0));
	gr_reach_waits(&t.r, r2, add_chan(1));
	w.global[5] = ADDR(w.chan[0]);
	gr_reach_owns(&t.r, r1, both), gr_reach_owns(&t.r, r2, both);
	gr_reach_owns(&t.r, r1, one);
	gr_reach_waits(&t.r, w1, both), gr_reach_waits(&t.r, w2, one);
	run();
	LIVE(r1), LEAKED(r2), LEAKED(w1), LIVE(w2);
}

static void
memory_that_cannot_be_read_is_passed_over(void **state)
{
	uint32_t g = add_g(0, false);

	(void)state;
	gr_reach_waits(&t.r, g, add_chan(0));
	w.global[0] = ADDR(w.chan[0]);
	t.roots_unreadable = true;
	run();
	LEAKED(g);
}

static void
what_the_leaked_hold_is_measured_and_changes_no_verdict(void **state)
{
	uint32_t a = add_g(0, false), b = add_g(1, false);

	(void)state;
	gr_reach_waits(&t.r, a, add_chan(0));
	gr_reach_waits(&t.r, b, add_chan(1));
	LOCAL(0, 0) = ADDR(w.block[1]);
	LOCAL(0, 1) = ADDR(w.block[2]);
	LOCAL(0, 2) = ADDR(w.chan[1]);
	LOCAL(1, 0) = ADDR(w.block[2]);
	run();
	assert_int_equal(gr_reach_held(&t.r, a),
			 sizeof(w.stack[0]) / 2 + 2 * sizeof(w.block[0]));
	assert_int_equal(gr_reach_held(&t.r, b), sizeof(w.stack[0]) / 2);
	LEAKED(a), LEAKED(b);
}

/* Each link of a chain is a goroutine that only the one before it can wake:
 * one pass, not one for each. */
static void
a_long_chain_is_followed_to_its_end(void **state)
{
	enum { N = 100000 };
	uintptr_t *stacks = calloc(N, 16), *chans = calloc(N, 16);
	size_t s_ids, c_ids;

	(void)state;
	s_ids = gr_reach_add_grid(&t.r, (uintptr_t)stacks, 16, N, true);
	c_ids = gr_reach_add_grid(&t.r, (uintptr_t)chans, 16, N, false);
	for (size_t i = 0; i < N; i++) {
		uintptr_t lo = (uintptr_t)&stacks[2 * i];
		uint32_t g = gr_reach_add_g(
			&t.r, &(struct gr_reach_g){ .lo = lo, .hi = lo + 16 });
		uint32_t o = gr_reach_add_obj(
			&t.r, &(struct gr_reach_obj){ .channel = true });

		*gr_vec_at(&t.r.ids, uint32_t, s_ids + i) = g;
		*gr_vec_at(&t.r.ids, uint32_t, c_ids + i) = o;
		gr_reach_waits(&t.r, g, o);
		/* The next one's, against the order of the addresses. */
		stacks[2 * i] = (uintptr_t)&chans[2 * (i ? i - 1 : 0)];
	}
	w.global[1] = (uintptr_t)&chans[2 * (N - 1)];
	run();
	for (uint32_t i = 0; i < N; i++)
		LIVE(i);
	free(stacks);
	free(chans);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* --- Why one is alive ----------------------------------------------------- */

static struct gr_reach_step way[8];

static size_t
explain(uint32_t g)
{
	gr_reach_g(&t.r, g)->wanted = true;
	memset(t.marked, 0, sizeof(t.marked));
	assert_true(gr_reach_explain(&t.r));
	return gr_reach_path(&t.r, g, way, 8);
}

static void
step_is(size_t i, enum gr_reach_where where, uintptr_t lo)
{
	assert_int_equal(way[i].where, where);
	assert_int_equal(way[i].lo, lo);
}

static void
the_way_is_the_shortest(void **state)
{
	uint32_t g = add_g(0, false);

	(void)state;
	gr_reach_waits(&t.r, g, add_chan(0));
	w.global[1] = ADDR(w.block[1][2]);
	w.block[1][0] = ADDR(w.block[2][0]);
	w.block[2][3] = ADDR(w.chan[0]);
	w.global[5] = ADDR(w.block[3]);
	w.block[3][1] = ADDR(w.chan[0]);
	run();
	LIVE(g);
	assert_int_equal(explain(g), 3);
	step_is(0, GR_REACH_OBJ, ADDR(w.chan[0]));
	step_is(1, GR_REACH_BLOCK, ADDR(w.block[3]));
	step_is(2, GR_REACH_OPEN, ADDR(w.global[5]));
}

static void
the_way_leads_through_those_who_can_be_woken(void **state)
{
	uint32_t a = add_g(0, false), b = add_g(1, false);

	(void)state;
	gr_reach_waits(&t.r, a, add_chan(0));
	gr_reach_waits(&t.r, b, add_lock(w.block[4] + 1));
	w.global[2] = ADDR(w.chan[0]);
	LOCAL(0, 1) = ADDR(w.block[4][3]);
	/* It points to itself, as it waits: no way at all. */
	LOCAL(1, 2) = ADDR(w.block[4][1]);
	run();
	LIVE(b);
	assert_int_equal(explain(b), 5);
	step_is(0, GR_REACH_OBJ, ADDR(w.block[4][1]));
	step_is(1, GR_REACH_BLOCK, ADDR(w.block[4]));
	step_is(2, GR_REACH_STACK, gr_reach_g(&t.r, a)->lo);
	step_is(3, GR_REACH_OBJ, ADDR(w.chan[0]));
	step_is(4, GR_REACH_OPEN, ADDR(w.global[2]));
}

static void
the_way_leads_through_a_channels_items(void **state)
{
	uint32_t g = add_g(0, false), ch = add_chan(1);

	(void)state;
	gr_reach_waits(&t.r, g, add_chan(0));
	gr_reach_obj(&t.r, ch)->items[0] =
		(struct gr_reach_span){ ADDR(w.block[6]), ADDR(w.block[7]) };
	w.block[6][1] = ADDR(w.chan[0]);
	w.global[0] = ADDR(w.chan[1]);
	run();
	LIVE(g);
	assert_int_equal(explain(g), 3);
	step_is(1, GR_REACH_OBJ, ADDR(w.chan[1]));
	step_is(2, GR_REACH_OPEN, ADDR(w.global[0]));
}

static void
the_way_ends_at_the_stack_of_one_that_runs(void **state)
{
	uint32_t g = add_g(0, false), runs = add_g(3, true);

	(void)state;
	gr_reach_waits(&t.r, g, add_chan(0));
	LOCAL(3, 0) = ADDR(w.chan[0]);
	run();
	assert_int_equal(explain(g), 2);
	step_is(1, GR_REACH_STACK, gr_reach_g(&t.r, runs)->lo);
}

static void
a_long_way_keeps_its_ends(void **state)
{
	uint32_t g = add_g(0, false);

	(void)state;
	gr_reach_waits(&t.r, g, add_chan(0));
	w.global[0] = ADDR(w.block[0]);
	for (int i = 0; i < 11; i++)
		w.block[i][1] = ADDR(w.block[i + 1]);
	w.block[11][1] = ADDR(w.chan[0]);
	run();
	assert_int_equal(explain(g), 14);
	step_is(1, GR_REACH_BLOCK, ADDR(w.block[11]));
	step_is(6, GR_REACH_BLOCK, ADDR(w.block[6]));
	step_is(7, GR_REACH_OPEN, ADDR(w.global[0]));
}

static void
one_that_is_lost_is_not_released_again(void **state)
{
	uint32_t g = add_g(0, false);

	(void)state;
	gr_reach_waits(&t.r, g, add_chan(0));
	w.global[0] = ADDR(w.chan[0]);
	gr_reach_g(&t.r, g)->lost = true;
	run();
	LEAKED(g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(one_whose_channel_only_it_knows_is_leaked),
		CASE(one_whose_channel_a_global_names_is_live),
		CASE(one_that_waits_for_nothing_is_leaked_and_roots_are_not),
		CASE(any_case_of_a_select_will_do),
		CASE(what_the_released_one_knows_counts_too),
		CASE(what_lies_below_the_stack_pointer_is_dead),
		CASE(a_freed_block_leads_nowhere),
		CASE(items_in_a_channel_are_reached_with_it),
		CASE(a_pointer_to_its_stack_reaches_that_but_not_its_owner),
		CASE(a_queue_that_leads_to_a_waiter_reaches_nothing),
		CASE(a_lock_is_reached_with_the_block_or_stack_it_lies_in),
		CASE(locks_in_globals_are_reached_but_have_owners),
		CASE(all_owners_of_a_lock_have_to_be_live),
		CASE(memory_that_cannot_be_read_is_passed_over),
		CASE(what_the_leaked_hold_is_measured_and_changes_no_verdict),
		CASE(a_long_chain_is_followed_to_its_end),
		CASE(the_way_is_the_shortest),
		CASE(the_way_leads_through_those_who_can_be_woken),
		CASE(the_way_leads_through_a_channels_items),
		CASE(the_way_ends_at_the_stack_of_one_that_runs),
		CASE(a_long_way_keeps_its_ends),
		CASE(one_that_is_lost_is_not_released_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
