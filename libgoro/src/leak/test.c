// SPDX-License-Identifier: MIT
/*
 * test.c - what is left when main returns, or when a test ends
 *
 * Idea       A test that is a part of the program's main function is checked by
 *            its teardown. One that calls goro_run() itself has nothing left
 *            by then, so it is checked when its main function returns; the
 *            teardown only reads the result.
 */
#include "leak/test.h"

#include <errno.h>
#include <string.h>

#include "chan.h"
#include "leak/leak.h"
#include "leak/left.h"
#include "leak/tool.h"
#include "sched.h"

enum { ROUNDS = 9 };
#define FIRST_NS 1000000 /* then twice as long each time: 0.5 s in all */
#define TURN_NS 500000
#define TURN_MAX_NS 60000000000 /* others may be many */

uint32_t gr_leak_test;
static uint32_t tests;  /* [relaxed] only a source of numbers */
static int32_t at_main; /* what the check at main's end has found */

uint32_t
gr_leak_test_here(void)
{
	const struct gr_m *m = gr_m_self();

	/* [relaxed] see test.h */
	return m && m->g ? m->g->test : gr_load_rlx(&gr_leak_test);
}

/* Tests that run side by side may end at the same moment: one check at a time. */
static struct gr_leak *
run_in_turn(const struct gr_leak_ask *ask)
{
	int64_t until_ns = gr_now_ns() + TURN_MAX_NS;
	struct gr_leak *l;

	while ((l = gr_leak_run(ask)) && l->err == -EBUSY &&
	       gr_now_ns() < until_ns) {
		gr_leak_free(l);
		goro_sleep(TURN_NS);
	}
	return l;
}

struct gr_leak *
gr_leak_run_settled(const struct gr_leak_ask *ask)
{
	struct gr_leak *l = run_in_turn(ask);

	for (int i = 0; i < ROUNDS; i++) {
		if (!l || l->err || !l->restless ||
		    !l->count[GORO_LEAK_LEFTOVER])
			break;
		gr_leak_free(l);
		goro_sleep((int64_t)FIRST_NS << i);
		l = run_in_turn(ask);
	}
	return l;
}

static int
check_test(uint32_t test, const char *when)
{
	struct gr_leak_ask ask = { .when = when,
				   .leftovers = true,
				   .main_ended = !strcmp(when, "main"),
				   .test = test };
	int found = gr_leak_conclude(gr_leak_run_settled(&ask), stderr);

	if (found < 0)
		fprintf(stderr, "leak check: could not run: %s\n",
			strerror(-found));
	return found;
}

void
gr_leak_main_ended(void)
{
	uint32_t test = gr_load_rlx(&gr_leak_test); /* [relaxed] see g.c */

	gr_leak_left_locked(gr_m_self()->g);
	if (test)
		at_main = check_test(test, "main");
	gr_leak_tool_main_ended();
}

void
gr_leak_run_ended(void)
{
	gr_leak_forget();
	gr_leak_dropped_reset();
	gr_leak_left_reset();
}

int
goro_leak_setup(void **state)
{
	struct gr_m *m = gr_m_self();
	uint32_t test = gr_add_rlx(&tests, 1) + 1; /* [relaxed] see above */

	(void)state;
	at_main = 0;
	gr_store_rlx(&gr_leak_watches, 1); /* [relaxed] see left.h */
	gr_leak_dropped_reset();
	gr_leak_left_reset();
	if (m && m->g)
		m->g->test = test;
	else
		gr_store_rlx(&gr_leak_test, test); /* [relaxed] see g.c */
	return 0;
}

int
goro_leak_teardown(void **state)
{
	const struct gr_m *m = gr_m_self();
	struct gr_g *g = m ? m->g : NULL; /* it may change its thread below */
	int found;

	(void)state;
	if (g) {
		found = check_test(g->test, "test");
		g->test = 0;
	} else {
		found = at_main;
		gr_store_rlx(&gr_leak_test, 0); /* [relaxed] see g.c */
	}
	return found ? -1 : 0;
}
