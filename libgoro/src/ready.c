// SPDX-License-Identifier: MIT
/*
 * ready.c - making goroutines ready: in which queue, and who is told
 *
 * Idea       What a goroutine wakes or starts runs next on its own P, while
 *            the data is in the cache; what a foreign thread does, anywhere.
 *            Others are told only if they can be of use (gr_wake_hint()).
 */
#include "idle.h"
#include "monitor.h"
#include "probes.h"
#include "profile_events.h"
#include "rest.h"
#include "sched.h"

void
gr_ready_last(struct gr_p *p, struct gr_g *g)
{
	struct gr_glist half = { 0 };
	bool fresh = g->flags & GORO_ABI_G_FRESH;

	if (__builtin_expect(!gr_runq_put(&p->runq, g, fresh), 0)) {
		/* Full: the older half becomes everybody's, as in Go. */
		gr_runq_drain(&p->runq, GR_RUNQ_SLOTS / 2, &half);
		if (half.n)
			gr_globq_put(&half);
		gr_runq_put(&p->runq, g, fresh);
	}
	gr_wake_hint(p);
}

uint32_t gr_visitors;

/*
 * Whoever wakes a goroutine from outside wakes a worker afterwards, and by then
 * the goroutine may have run and ended all: the end waits until they are gone.
 */
static void
visit(const struct gr_m *m)
{
	if (!m)
		gr_add_sc(&gr_visitors, 1); /* [pair visitors] */
}

static void
leave(const struct gr_m *m)
{
	if (!m)
		gr_add_sc(&gr_visitors, -1); /* [pair visitors] */
}

static void
put_global(struct gr_g *list, struct gr_g *last, uint32_t n)
{
	gr_globq_put(&(struct gr_glist){ list, last, n });
	gr_wake_one();
}

/* Put a runnable goroutine before the others of this P. */
static inline void
put_next(struct gr_p *p, struct gr_g *g)
{
	struct gr_g *older = NULL;

	/* [pair runq] only the owner fills `next`, so a plain store will do
	 * where it is empty. */
	if (gr_load_rlx(&p->runq.next))
		older = gr_xchg_acq_rel(&p->runq.next, g);
	else
		gr_store_rel(&p->runq.next, g);
	if (older)
		gr_ready_last(p, older);
	else if (__builtin_expect(gr_load_rlx(&gr_idle_n) &&
					  gr_load_rlx(&gr_monitor_slow),
				  0))
		/* [relaxed] hints. Should we not get round to it soon, the
		 * monitor is to notice sooner than in 10 ms. */
		gr_monitor_poke();
}

void
gr_ready(struct gr_m *m, struct gr_g *g)
{
	GR_PROBE1(ready, g->id);
	gr_profile_ready(m, g);
	visit(m);
	gr_g_set_state(g, GORO_ABI_RUNNABLE);
	if (__builtin_expect(g->flags & GORO_ABI_G_LOCKED, 0)) {
		gr_rest_want(g->m);
	} else if (__builtin_expect(m && m->p, 1)) {
		put_next(m->p, g);
	} else {
		g->next = NULL;
		put_global(g, g, 1);
	}
	leave(m);
}

/* True: some are in our ring, and nobody was woken for them. */
static bool
put_list(struct gr_m *m, struct gr_g *list, uint32_t n)
{
	struct gr_g *g, *rest = NULL, *last = NULL, **at = &list;
	uint32_t here = 0;

	while ((g = *at)) {
		GR_PROBE1(ready, g->id);
		gr_profile_ready(m, g);
		gr_g_set_state(g, GORO_ABI_RUNNABLE);
		if (__builtin_expect(g->flags & GORO_ABI_G_LOCKED, 0)) {
			*at = g->next;
			n--;
			gr_rest_want(g->m);
		} else {
			last = g;
			at = &g->next;
		}
	}
	if (!n)
		return false;
	/* As many as we can use soon; the rest is for everybody. */
	if (m && m->p)
		while (list && here < GR_RUNQ_SLOTS / 2) {
			rest = list->next;
			if (!gr_runq_put(&m->p->runq, list, false))
				break;
			list = rest;
			here++;
		}
	if (list)
		put_global(list, last, n - here);
	return !list;
}

void
gr_ready_list(struct gr_m *m, struct gr_g *list, uint32_t n)
{
	visit(m);
	if (put_list(m, list, n))
		gr_wake_hint(m->p);
	leave(m);
}

void
gr_ready_polled(struct gr_m *m, const struct gr_glist *ready)
{
	/* [relaxed] hints. It notices what we do not get round to. */
	if (put_list(m, ready->first, ready->n) && gr_load_rlx(&gr_idle_n) &&
	    gr_load_rlx(&gr_monitor_slow))
		gr_monitor_poke();
}
