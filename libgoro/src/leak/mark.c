// SPDX-License-Identifier: MIT
/*
 * mark.c - marking from all that may run; see reach.h
 */
#include "leak/mark.h"

static inline void
note_why(struct gr_reach *r, uintptr_t what)
{
	struct gr_reach_why *w;

	if (__builtin_expect(!r->explain || r->measuring, 1))
		return;
	if ((w = gr_reach_push(r, &r->why)))
		*w = (struct gr_reach_why){ what, r->at };
}

static void
release(struct gr_reach *r, uint32_t g, const struct gr_reach_obj *by)
{
	struct gr_reach_g *who = gr_reach_g(r, g);
	uint32_t *to;

	if (who->live || who->lost)
		return;
	who->live = true;
	who->by = (uint32_t)(by - gr_reach_obj(r, 0));
	r->wanted -= who->wanted;
	if ((to = gr_reach_push(r, &r->released)))
		*to = g;
}

/* It is marked and has no owner but live ones: who waits can go on. */
static void
release_waiters(struct gr_reach *r, const struct gr_reach_obj *o)
{
	if (!o->marked || o->owners || r->measuring)
		return;
	for (uint32_t l = o->waiters; l != GR_REACH_NONE;) {
		struct gr_reach_link link = *gr_reach_link(r, l);

		release(r, link.to, o);
		l = link.next;
	}
}

static void
mark_obj(struct gr_reach *r, struct gr_reach_obj *o)
{
	if (o->marked)
		return;
	o->marked = true;
	if (o->channel)
		note_why(r, o->lo);
	for (int i = 0; i < 2; i++)
		gr_reach_push_span(r, &r->work, o->items[i].lo, o->items[i].hi);
	release_waiters(r, o);
}

/* Memory that can be got at now: the objects that lie in it are marked. */
static void
mark_objects_in(struct gr_reach *r, uintptr_t lo, uintptr_t hi)
{
	size_t at, end;

	if (!gr_places_in(r, lo, hi, &at, &end))
		return;
	for (; at < end; at++)
		mark_obj(r, gr_reach_obj(r, *gr_vec_at(&r->by_place, uint32_t,
						       at)));
}

/* Its stack can be got at, if only by a pointer into it. */
static void
mark_stack(struct gr_reach *r, struct gr_reach_g *g)
{
	if (g->marked)
		return;
	g->marked = true;
	note_why(r, g->lo);
	gr_reach_push_span(r, &r->work, g->lo, g->hi);
	mark_objects_in(r, g->lo, g->hi);
}

/* False: in none of the grids. */
static bool
consider_grid(struct gr_reach *r, uintptr_t addr)
{
	const struct gr_reach_grid *grid = gr_reach_grid_at(r, addr);
	struct gr_reach_g *g;
	uint32_t id;

	if (!grid)
		return false;
	id = *gr_reach_id_at(r, grid, addr);
	if (id == GR_REACH_NONE)
		return true;
	if (!grid->stacks) {
		mark_obj(r, gr_reach_obj(r, id));
		return true;
	}
	g = gr_reach_g(r, id);
	if (addr >= g->lo && addr < g->hi &&
	    (addr < g->hide_lo || addr >= g->hide_hi))
		mark_stack(r, g);
	return true;
}

/* A word that somebody live can read: an address? */
static inline void
consider(struct gr_reach *r, uintptr_t word)
{
	uintptr_t lo, hi;

	if (word - r->grid_lo < r->grid_hi - r->grid_lo &&
	    consider_grid(r, word))
		return;
	if (word - r->memory.heap_lo >= r->memory.heap_hi - r->memory.heap_lo)
		return;
	if (!r->memory.block(r->memory.arg, word, &lo, &hi) ||
	    !r->memory.mark(r->memory.arg, lo))
		return;
	note_why(r, lo);
	gr_reach_push_span(r, &r->work, lo, hi);
	mark_objects_in(r, lo, hi);
}

static void
scan(struct gr_reach *r, struct gr_reach_span s, bool root)
{
	while (s.lo < s.hi && !r->failed) {
		const uintptr_t *words;
		size_t bytes = r->memory.view(r->memory.arg, s.lo, s.hi - s.lo,
					      root, &words);

		for (size_t i = 0; words && i < bytes / sizeof(*words); i++) {
			r->at = s.lo + i * sizeof(*words);
			consider(r, words[i]);
		}
		r->at = 0;
		r->scanned += bytes;
		s.lo += bytes;
	}
}

/* @id may run: its stack, and whoever waits for what it has. */
static void
run_released(struct gr_reach *r, uint32_t id)
{
	struct gr_reach_g *g = gr_reach_g(r, id);
	uint32_t l = g->owns;

	r->at = gr_reach_obj(r, g->by)->lo;
	mark_stack(r, g);
	r->at = 0;
	while (l != GR_REACH_NONE) {
		struct gr_reach_link link = *gr_reach_link(r, l);
		struct gr_reach_obj *o = gr_reach_obj(r, link.to);

		o->owners--;
		release_waiters(r, o);
		l = link.next;
	}
}

/* The latest, so that the list stays short; the earliest where the ways are to
 * be short. */
static struct gr_reach_span
take_work(struct gr_reach *r)
{
	return *gr_vec_at(&r->work, struct gr_reach_span,
			  r->explain ? r->work_at++ : --r->work.n);
}

static void
drain(struct gr_reach *r)
{
	while (!r->failed && !(r->explain && !r->wanted)) {
		if (r->released.n)
			run_released(r, *gr_vec_at(&r->released, uint32_t,
						   --r->released.n));
		else if (r->work_at < r->work.n)
			scan(r, take_work(r), false);
		else
			break;
	}
}

/* An object is marked with what it lies in. Anywhere else is memory that all
 * can get at: there it is marked from the start. */
static void
settle_objects(struct gr_reach *r)
{
	uintptr_t lo, hi;

	for (uint32_t i = 0; i < r->obj.n; i++) {
		struct gr_reach_obj *o = gr_reach_obj(r, i);

		if (o->channel)
			continue;
		if (gr_reach_place(r, o->lo, &lo, &hi) == GR_REACH_OPEN)
			mark_obj(r, o);
		else if (!r->explain)
			gr_places_add(r, i);
	}
	if (!r->explain)
		gr_places_sort(r);
}

bool
gr_reach_run(struct gr_reach *r)
{
	settle_objects(r);
	for (uint32_t i = 0; i < r->g.n && !r->failed; i++)
		if (gr_reach_g(r, i)->live)
			mark_stack(r, gr_reach_g(r, i));
	for (size_t i = 0; i < r->root.n && !r->failed; i++) {
		/* To explain, registers come after what has a name. */
		size_t k = r->explain ? r->root.n - 1 - i : i;

		scan(r, *gr_vec_at(&r->root, struct gr_reach_span, k), true);
		if (!r->explain)
			drain(r);
	}
	drain(r);
	return !r->failed;
}

uint64_t
gr_reach_held(struct gr_reach *r, uint32_t g)
{
	uint64_t before = r->scanned;

	r->measuring = true;
	mark_stack(r, gr_reach_g(r, g));
	drain(r);
	return r->scanned - before;
}

bool
gr_reach_explain(struct gr_reach *r)
{
	r->explain = true;
	r->measuring = false;
	r->work.n = r->released.n = 0;
	for (uint32_t i = 0; i < r->g.n; i++) {
		struct gr_reach_g *g = gr_reach_g(r, i);

		g->live = g->runs;
		g->marked = false;
		r->wanted += g->wanted;
	}
	for (uint32_t i = 0; i < r->obj.n; i++) {
		struct gr_reach_obj *o = gr_reach_obj(r, i);

		o->owners = o->holders;
		o->marked = false;
	}
	return gr_reach_run(r);
}
