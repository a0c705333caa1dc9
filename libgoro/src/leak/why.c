// SPDX-License-Identifier: MIT
/*
 * why.c - why those who are left over, though they wait for others, could still
 * be woken
 *
 * Idea       The shortest way from memory that all can get at to what one of a
 *            group waits for. The marking keeps no notes on its way, so it is
 *            done once more for these, and ends when the last has been reached.
 */
#include "chan.h"
#include "leak/rootname.h"
#include "leak/work.h"

enum { STEPS = GR_LEAK_WAY };

static void
name_step(struct gr_leak_work *w, const struct gr_reach_step *from, bool first,
	  struct gr_leak_step *to)
{
	const struct gr_census *c = &w->census;

	*to = (struct gr_leak_step){ .addr = from->lo };
	switch (from->where) {
	case GR_REACH_OPEN:
		gr_root_name(c, to);
		break;
	case GR_REACH_BLOCK:
		to->kind = GR_LEAK_BLOCK;
		to->id = from->hi - from->lo;
		break;
	case GR_REACH_STACK:
		to->kind = first ? GR_LEAK_GOROUTINE_STACK : GR_LEAK_STACK;
		to->id = gr_census_g(c, from->id)->id;
		break;
	case GR_REACH_OBJ:
		if (!gr_reach_obj(&c->reach, from->id)->channel) {
			to->kind = GR_LEAK_LOCK;
			break;
		}
		to->kind = GR_LEAK_CHANNEL;
		to->id = ((const struct goro_chan *)from->lo)->id;
	}
}

static void
explain_group(struct gr_leak_work *w, struct gr_leak_group *g)
{
	struct gr_reach_step step[STEPS];
	size_t n = gr_reach_path(&w->census.reach, g->first, step, STEPS);

	g->way_n = (unsigned)(n < STEPS ? n : STEPS);
	g->way_more = n - g->way_n;
	for (unsigned i = 0; i < g->way_n; i++)
		name_step(w, &step[g->way_n - 1 - i], !i, &g->way[i]);
}

void
gr_leak_explain(struct gr_leak_work *w)
{
	struct gr_reach *r = &w->census.reach;
	uint32_t n = 0;

	for (uint32_t i = 0; i < w->leak.group.n && n < GR_LEAK_WAYS; i++) {
		struct gr_leak_group *g = gr_leak_group(&w->leak, i);

		if (g->kind == GORO_LEAK_LEFTOVER && g->waits) {
			gr_reach_g(r, g->first)->wanted = true;
			n++;
		}
	}
	if (!n || w->leak.err)
		return;
	gr_roots_unmark(&w->census);
	if (!gr_reach_explain(r))
		return; /* it was only to be said how */
	for (uint32_t i = 0; i < w->leak.group.n; i++) {
		struct gr_leak_group *g = gr_leak_group(&w->leak, i);

		if (g->kind == GORO_LEAK_LEFTOVER && g->waits &&
		    gr_reach_g(r, g->first)->wanted)
			explain_group(w, g);
	}
}
