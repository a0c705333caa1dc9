// SPDX-License-Identifier: MIT
/*
 * test_filter.c - which goroutines were asked for
 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "hand_model.h"
#include "tracer/filter.h"

/*
 *	1 running     main
 *	2 chan recv   worker <- pool, started by main, 5 s,  tier=web
 *	3 chan send   worker <- pool, started by pool, 1 s,  tier=db zone=a
 *	4 sleep       nap, started by main, 60 s
 *	5 runnable    (being woken) worker
 *	6 the runtime's own
 */
struct with {
	struct hand hand;
	struct gt_view view;
	struct gt_filter filter;
	regex_t regex;
	char text[64];
};

#define NS_PER_S UINT64_C(1000000000)

static struct gt_goroutine *
last(struct with *w)
{
	return &w->hand.model.goroutines[w->hand.model.goroutines_n - 1];
}

static int
make(void **state)
{
	struct with *w = calloc(1, sizeof(*w));
	struct hand *h = &w->hand;

	T_CHECK(w);
	hand_init(h);
	uint32_t program = hand_plain(h, "main", "/a.c", 1);
	uint32_t pool = hand_plain(h, "pool", "/a.c", 2);
	uint32_t worker = hand_plain(h, "worker", "/a.c", 3);
	uint32_t nap = hand_plain(h, "nap", "/a.c", 4);
	struct gt_frame park = HAND_FRAME("gr_park", "/r.c", .internal = true);
	uint32_t internal = hand_pc(h, &park, 1);

	hand_goroutine(h, 1, GORO_ABI_RUNNING, GORO_WAIT_NONE);
	hand_frame(h, program);
	hand_goroutine(h, 2, GORO_ABI_WAITING, GORO_WAIT_CHAN_RECV);
	hand_frame(h, internal);
	hand_frame(h, worker);
	hand_frame(h, pool);
	last(w)->creator = program;
	last(w)->wait_ns = 5 * NS_PER_S;
	last(w)->labels = gt_model_labels(&h->model, "\1tier\0web");
	hand_goroutine(h, 3, GORO_ABI_WAITING, GORO_WAIT_CHAN_SEND);
	hand_frame(h, worker);
	hand_frame(h, pool);
	last(w)->creator = pool;
	last(w)->wait_ns = NS_PER_S;
	last(w)->labels = gt_model_labels(&h->model, "\2tier\0db\0zone\0a");
	hand_goroutine(h, 4, GORO_ABI_WAITING, GORO_WAIT_SLEEP);
	hand_frame(h, nap);
	last(w)->creator = program;
	last(w)->wait_ns = 60 * NS_PER_S;
	hand_goroutine(h, 5, GORO_ABI_CLAIMED, GORO_WAIT_NONE);
	hand_frame(h, worker);
	hand_goroutine(h, 6, GORO_ABI_RUNNABLE, GORO_WAIT_NONE)->flags =
		GORO_ABI_G_SYSTEM;
	*state = w;
	return 0;
}

static int
drop(void **state)
{
	struct with *w = *state;

	gt_view_fini(&w->view);
	hand_fini(&w->hand);
	free(w);
	return 0;
}

/* The ids that are left, "2 3 ". */
static const char *
chosen(struct with *w, enum gt_sort by)
{
	char *at = w->text;

	gt_view_fini(&w->view);
	T_CHECK(!gt_view_all(&w->view, &w->hand.model, &w->hand.symbols));
	T_CHECK(!gt_filter_apply(&w->filter, &w->view));
	T_CHECK(!gt_view_sort(&w->view, by));
	*at = '\0';
	for (size_t i = 0; i < w->view.n; i++)
		at += sprintf(at, "%d ",
			      (int)w->hand.model.goroutines[w->view.v[i]].id);
	return w->text;
}

#define CHOSEN(w, ids) assert_string_equal(chosen(w, GT_SORT_ID), ids)

static void
all_but_the_runtimes_own_are_shown(void **state)
{
	CHOSEN(*state, "1 2 3 4 5 ");
}

static void
by_state(void **state)
{
	struct with *w = *state;

	w->filter.states = 1 << GORO_ABI_WAITING;
	CHOSEN(w, "2 3 4 ");
	w->filter.states |= 1 << GORO_ABI_RUNNING;
	CHOSEN(w, "1 2 3 4 ");
	/* To its program one that is being woken is runnable. */
	w->filter.states = 1 << GORO_ABI_RUNNABLE;
	CHOSEN(w, "5 ");
}

static void
by_a_part_of_the_reason(void **state)
{
	struct with *w = *state;

	w->filter.reason = "CHAN";
	CHOSEN(w, "2 3 ");
	w->filter.reason = "chan send";
	CHOSEN(w, "3 ");
	w->filter.reason = "mutex";
	CHOSEN(w, "");
}

static void
by_wait(void **state)
{
	struct with *w = *state;

	w->filter.min_wait_ns = 5 * NS_PER_S;
	CHOSEN(w, "2 4 ");
	w->filter.min_wait_ns++;
	CHOSEN(w, "4 ");
}

static void
by_id(void **state)
{
	struct with *w = *state;
	uint64_t ids[] = { 3, 1, 77 };

	w->filter.ids = ids;
	w->filter.ids_n = 3;
	CHOSEN(w, "1 3 ");
}

static void
by_label(void **state)
{
	struct with *w = *state;
	const char *labels[] = { "tier", "zone=a" };

	w->filter.labels = labels;
	w->filter.labels_n = 1;
	CHOSEN(w, "2 3 ");
	w->filter.labels_n = 2;
	CHOSEN(w, "3 ");
	labels[0] = "tier=web";
	CHOSEN(w, "");
	labels[0] = "tie";
	labels[1] = "zone=";
	CHOSEN(w, "");
}

static void
by_function(void **state)
{
	struct with *w = *state;

	T_CHECK(!regcomp(&w->regex, "^pool$|ap", REG_EXTENDED | REG_NOSUB));
	w->filter.func = &w->regex;
	CHOSEN(w, "2 3 4 ");
	regfree(&w->regex);
	/* Frames that are not shown are not asked. */
	T_CHECK(!regcomp(&w->regex, "gr_park", REG_EXTENDED | REG_NOSUB));
	CHOSEN(w, "");
	regfree(&w->regex);
}

static void
by_creator(void **state)
{
	struct with *w = *state;

	T_CHECK(!regcomp(&w->regex, "^main$", REG_EXTENDED | REG_NOSUB));
	w->filter.created_by = &w->regex;
	CHOSEN(w, "2 4 ");
	w->filter.reason = "sleep";
	CHOSEN(w, "4 ");
	regfree(&w->regex);
}

static void
the_longest_wait_comes_first(void **state)
{
	assert_string_equal(chosen(*state, GT_SORT_WAIT), "4 2 3 1 5 ");
}

int
main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, make, drop)
	const struct CMUnitTest tests[] = {
		WITH(all_but_the_runtimes_own_are_shown),
		WITH(by_state),
		WITH(by_a_part_of_the_reason),
		WITH(by_wait),
		WITH(by_id),
		WITH(by_label),
		WITH(by_function),
		WITH(by_creator),
		WITH(the_longest_wait_comes_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
