// SPDX-License-Identifier: MIT
/*
 * test_group.c - goroutines that do the same, and their text
 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "hand_model.h"
#include "tracer/render_text.h"

struct with {
	struct hand hand;
	struct gt_view view;
	struct gt_groups groups;
	struct gt_out out;
	uint32_t f, g, creator;
};

static int
make(void **state)
{
	struct with *w = calloc(1, sizeof(*w));

	T_CHECK(w);
	hand_init(&w->hand);
	w->f = hand_plain(&w->hand, "f", "/a.c", 1);
	w->g = hand_plain(&w->hand, "g", "/a.c", 2);
	w->creator = hand_plain(&w->hand, "start", "/a.c", 3);
	*state = w;
	return 0;
}

static int
drop(void **state)
{
	struct with *w = *state;

	free(w->out.buf);
	gt_groups_fini(&w->groups);
	gt_view_fini(&w->view);
	hand_fini(&w->hand);
	free(w);
	return 0;
}

static struct gt_goroutine *
waiting(struct with *w, uint64_t id, uint32_t frame, uint64_t wait_ns)
{
	struct gt_goroutine *g = hand_goroutine(&w->hand, id, GORO_ABI_WAITING,
						GORO_WAIT_CHAN_RECV);

	g->wait_ns = wait_ns;
	hand_frame(&w->hand, frame);
	return g;
}

static void
group(struct with *w, enum gt_sort by)
{
	gt_groups_fini(&w->groups);
	gt_view_fini(&w->view);
	T_CHECK(!gt_view_all(&w->view, &w->hand.model, &w->hand.symbols));
	T_CHECK(!gt_groups_make(&w->view, by, &w->groups));
}

static uint64_t
first_id(struct with *w, size_t i)
{
	return gt_group_one(&w->view, &w->groups, &w->groups.v[i])->id;
}

static void
nothing_is_no_group(void **state)
{
	struct with *w = *state;

	group(w, GT_SORT_DEFAULT);
	assert_int_equal(w->groups.n, 0);
}

static void
the_same_stack_is_one_group(void **state)
{
	struct with *w = *state;

	waiting(w, 1, w->g, 10);
	waiting(w, 2, w->f, 30);
	waiting(w, 3, w->f, 20);
	waiting(w, 4, w->f, 40);
	group(w, GT_SORT_DEFAULT);
	assert_int_equal(w->groups.n, 2);
	assert_int_equal(w->groups.v[0].n, 3);
	assert_int_equal(w->groups.v[0].min_wait_ns, 20);
	assert_int_equal(w->groups.v[0].max_wait_ns, 40);
	assert_int_equal(first_id(w, 0), 2);
	assert_int_equal(w->groups.v[1].n, 1);
}

static void
what_differs_is_another_group(void **state)
{
	struct with *w = *state;

	waiting(w, 1, w->f, 1);
	waiting(w, 2, w->f, 1)->reason = GORO_WAIT_CHAN_SEND;
	waiting(w, 3, w->f, 1)->creator = w->creator;
	waiting(w, 4, w->f, 1);
	hand_frame(&w->hand, w->g);
	waiting(w, 5, w->f, 1)->dropped = 7;
	waiting(w, 6, w->f, 1)->state = GORO_ABI_RUNNABLE;
	group(w, GT_SORT_ID);
	assert_int_equal(w->groups.n, 6);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(first_id(w, i), i + 1);
}

static void
groups_come_in_the_order_asked_for(void **state)
{
	struct with *w = *state;

	waiting(w, 1, w->creator, 500);
	waiting(w, 2, w->f, 1);
	waiting(w, 3, w->g, 1000);
	waiting(w, 4, w->f, 2);
	group(w, GT_SORT_COUNT);
	assert_int_equal(first_id(w, 0), 2);
	assert_int_equal(first_id(w, 1), 1); /* as old as 3: by id */
	group(w, GT_SORT_WAIT);
	assert_int_equal(first_id(w, 0), 3);
	assert_int_equal(first_id(w, 1), 1);
	group(w, GT_SORT_ID);
	assert_int_equal(first_id(w, 0), 1);
	assert_int_equal(first_id(w, 1), 2);
}

/* More than any first table holds, all members in their places. */
static void
many_groups_are_found(void **state)
{
	struct with *w = *state;
	enum { GROUPS = 5000 };
	uint32_t ids[GROUPS];

	for (unsigned i = 0; i < GROUPS; i++)
		ids[i] = gt_pctab_id(&w->hand.model.pcs, 0x10000 + i, false);
	for (unsigned i = 0; i < 3 * GROUPS; i++)
		waiting(w, i + 1, ids[i % GROUPS], i);
	group(w, GT_SORT_ID);
	assert_int_equal(w->groups.n, GROUPS);
	for (unsigned i = 0; i < GROUPS; i++) {
		const struct gt_group *g = &w->groups.v[i];

		assert_int_equal(g->n, 3);
		for (unsigned k = 0; k < 3; k++)
			assert_int_equal(w->groups.members[g->first + k],
					 i + k * GROUPS);
	}
}

static const char *
render(struct with *w)
{
	struct gt_text_options options = { 0 };

	group(w, GT_SORT_DEFAULT);
	free(w->out.buf);
	T_CHECK(gt_out_init(&w->out, -1));
	T_CHECK(!gt_render_groups(&w->view, &w->groups, &options, &w->out));
	gt_out_bytes(&w->out, "", 1);
	return w->out.buf;
}

static void
a_groups_text_has_number_waits_and_ids(void **state)
{
	struct with *w = *state;

	for (uint64_t id = 1; id <= 12; id++)
		waiting(w, id, w->f, id * 1500000000)->creator = w->creator;
	waiting(w, 13, w->g, 5000000)->creator = w->creator;
	w->hand.model.goroutines[12].creator_id = 4;
	assert_string_equal(render(w), "12 goroutines [chan receive, 1.5s to "
				       "18s]: 1 2 3 4 5 6 7 8 9 ... 12\n"
				       "f(...)\n\t/a.c:1 +0x2c\n"
				       "created by start\n\t/a.c:3 +0x2c\n"
				       "\n"
				       "1 goroutine [chan receive, 5ms]: 13\n"
				       "g(...)\n\t/a.c:2 +0x2c\n"
				       "created by start in goroutine 4\n"
				       "\t/a.c:3 +0x2c\n");
}

static void
without_a_wait_none_is_said(void **state)
{
	struct with *w = *state;

	hand_goroutine(&w->hand, 1, GORO_ABI_RUNNABLE, GORO_WAIT_NONE);
	hand_frame(&w->hand, w->f);
	assert_string_equal(render(w), "1 goroutine [runnable]: 1\n"
				       "f(...)\n\t/a.c:1 +0x2c\n");
}

int
main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, make, drop)
	const struct CMUnitTest tests[] = {
		WITH(nothing_is_no_group),
		WITH(the_same_stack_is_one_group),
		WITH(what_differs_is_another_group),
		WITH(groups_come_in_the_order_asked_for),
		WITH(many_groups_are_found),
		WITH(a_groups_text_has_number_waits_and_ids),
		WITH(without_a_wait_none_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
