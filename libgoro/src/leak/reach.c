// SPDX-License-Identifier: MIT
/*
 * reach.c - marking from all that may run; see reach.h
 */
#include "leak/reach.h"

#include <string.h>

enum { PAGE_LOG2 = 12, PAGES_TRIED = 8 };

void
gr_reach_init(struct gr_reach *r, const struct gr_reach_memory *memory)
{
	memset(r, 0, sizeof(*r));
	r->memory = *memory;
	r->g = GR_VEC(struct gr_reach_g);
	r->obj = GR_VEC(struct gr_reach_obj);
	r->link = GR_VEC(struct gr_reach_link);
	r->grid = GR_VEC(struct gr_reach_grid);
	r->ids = GR_VEC(uint32_t);
	r->root = GR_VEC(struct gr_reach_span);
	r->by_place = GR_VEC(uint32_t);
	r->work = GR_VEC(struct gr_reach_span);
	r->released = GR_VEC(uint32_t);
	r->why = GR_VEC(struct gr_reach_why);
	r->grid_lo = UINTPTR_MAX;
}

void
gr_reach_fini(struct gr_reach *r)
{
	struct gr_vec *all[] = { &r->g,        &r->obj,  &r->link, &r->grid,
				 &r->ids,      &r->root, &r->work, &r->by_place,
				 &r->released, &r->why };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		gr_vec_fini(all[i]);
}

/* --- Building ------------------------------------------------------------- */

static void *
push(struct gr_reach *r, struct gr_vec *v)
{
	void *p = gr_vec_push(v);

	if (!p)
		r->failed = true;
	return p;
}

uint32_t
gr_reach_add_g(struct gr_reach *r, const struct gr_reach_g *g)
{
	struct gr_reach_g *new = push(r, &r->g);

	if (!new)
		return GR_REACH_NONE;
	*new = *g;
	new->owns = GR_REACH_NONE;
	return (uint32_t)(r->g.n - 1);
}

uint32_t
gr_reach_add_obj(struct gr_reach *r, const struct gr_reach_obj *o)
{
	struct gr_reach_obj *new = push(r, &r->obj);

	if (!new)
		return GR_REACH_NONE;
	*new = *o;
	new->waiters = GR_REACH_NONE;
	return (uint32_t)(r->obj.n - 1);
}

static void
add_span(struct gr_reach *r, struct gr_vec *v, uintptr_t lo, uintptr_t hi)
{
	struct gr_reach_span *s;

	/* Whole, aligned words. */
	lo = (lo + sizeof(lo) - 1) & ~(sizeof(lo) - 1);
	hi &= ~(sizeof(hi) - 1);
	if (lo < hi && (s = push(r, v)))
		*s = (struct gr_reach_span){ lo, hi };
}

void
gr_reach_add_root(struct gr_reach *r, uintptr_t lo, uintptr_t hi)
{
	add_span(r, &r->root, lo, hi);
}

static void
add_link(struct gr_reach *r, uint32_t *list, uint32_t to)
{
	struct gr_reach_link *l = push(r, &r->link);

	if (!l)
		return;
	*l = (struct gr_reach_link){ to, *list };
	*list = (uint32_t)(r->link.n - 1);
}

void
gr_reach_waits(struct gr_reach *r, uint32_t g, uint32_t obj)
{
	if (g != GR_REACH_NONE && obj != GR_REACH_NONE)
		add_link(r, &gr_reach_obj(r, obj)->waiters, g);
}

void
gr_reach_owns(struct gr_reach *r, uint32_t g, uint32_t obj)
{
	if (obj == GR_REACH_NONE)
		return;
	if (g != GR_REACH_NONE && gr_reach_g(r, g)->live)
		return; /* nothing to wait for */
	gr_reach_obj(r, obj)->owners++;
	if (g != GR_REACH_NONE)
		add_link(r, &gr_reach_g(r, g)->owns, obj);
}

size_t
gr_reach_add_grid(struct gr_reach *r, uintptr_t lo, uintptr_t each, size_t n,
		  bool stacks)
{
	struct gr_reach_grid *grid,
		new = { lo, lo + each * n, each, r->ids.n, stacks };
	size_t at = r->grid.n;

	if (!gr_vec_reserve(&r->ids, n) || !push(r, &r->grid)) {
		r->failed = true;
		return 0;
	}
	memset(gr_vec_at(&r->ids, uint32_t, r->ids.n), 0xff,
	       n * sizeof(uint32_t));
	r->ids.n += n;
	/* By address: there are few, so each goes to its place at once. */
	grid = gr_vec_at(&r->grid, struct gr_reach_grid, 0);
	for (; at && grid[at - 1].lo > lo; at--)
		grid[at] = grid[at - 1];
	grid[at] = new;
	if (new.lo < r->grid_lo)
		r->grid_lo = new.lo;
	if (new.hi > r->grid_hi)
		r->grid_hi = new.hi;
	return new.ids;
}

/* --- Objects by where they lie -------------------------------------------- */

static uintptr_t
place(const struct gr_reach *r, size_t i)
{
	return gr_reach_obj(r, *gr_vec_at(&r->by_place, uint32_t, i))->lo;
}

static void
sink(struct gr_reach *r, size_t i, size_t n)
{
	uint32_t *v = gr_vec_at(&r->by_place, uint32_t, 0), x = v[i];
	uintptr_t key = gr_reach_obj(r, x)->lo;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= n)
			break;
		if (child + 1 < n && place(r, child) < place(r, child + 1))
			child++;
		if (place(r, child) <= key)
			break;
		v[i] = v[child];
		i = child;
	}
	v[i] = x;
}

/* Heapsort: libc's qsort() may ask for memory. */
static void
sort_by_place(struct gr_reach *r)
{
	uint32_t *v = gr_vec_at(&r->by_place, uint32_t, 0);
	size_t n = r->by_place.n;

	for (size_t i = n / 2; i-- > 0;)
		sink(r, i, n);
	for (size_t i = n; i-- > 1;) {
		uint32_t last = v[i];

		v[i] = v[0];
		v[0] = last;
		sink(r, 0, i);
	}
}

static inline uint64_t *
page_word(struct gr_reach *r, uintptr_t page, uint64_t *ret_bit)
{
	uint64_t h = page * 0x9e3779b97f4a7c15ull >> 48; /* 16 bits */

	*ret_bit = UINT64_C(1) << (h & 63);
	return &r->pages[h >> 6];
}

/* May there be an object in the span? Most often not. */
static inline bool
may_hold_objects(struct gr_reach *r, uintptr_t lo, uintptr_t hi)
{
	uintptr_t page = lo >> PAGE_LOG2, last = (hi - 1) >> PAGE_LOG2;
	uint64_t bit;

	if (!r->by_place.n)
		return false;
	if (last - page >= PAGES_TRIED)
		return true;
	for (; page <= last; page++)
		if (*page_word(r, page, &bit) & bit)
			return true;
	return false;
}

/* --- Marking -------------------------------------------------------------- */

static inline void
note_why(struct gr_reach *r, uintptr_t what)
{
	struct gr_reach_why *w;

	if (__builtin_expect(!r->explain || r->measuring, 1))
		return;
	if ((w = push(r, &r->why)))
		*w = (struct gr_reach_why){ what, r->at };
}

static void
release(struct gr_reach *r, uint32_t g)
{
	uint32_t *to;

	if (gr_reach_g(r, g)->live)
		return;
	gr_reach_g(r, g)->live = true;
	if ((to = push(r, &r->released)))
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

		release(r, link.to);
		l = link.next;
	}
}

static void
mark_obj(struct gr_reach *r, struct gr_reach_obj *o)
{
	if (o->marked)
		return;
	o->marked = true;
	note_why(r, o->lo);
	for (int i = 0; i < 2; i++)
		add_span(r, &r->work, o->items[i].lo, o->items[i].hi);
	release_waiters(r, o);
}

/* Memory that can be got at now: the objects that lie in it are marked. */
static void
mark_objects_in(struct gr_reach *r, uintptr_t lo, uintptr_t hi)
{
	size_t first = 0, end = r->by_place.n;

	if (!may_hold_objects(r, lo, hi))
		return;
	while (first < end) {
		size_t mid = (first + end) / 2;

		if (place(r, mid) < lo)
			first = mid + 1;
		else
			end = mid;
	}
	for (; first < r->by_place.n && place(r, first) < hi; first++)
		mark_obj(r, gr_reach_obj(r, *gr_vec_at(&r->by_place, uint32_t,
						       first)));
}

/* Its stack can be got at, if only by a pointer into it. */
static void
mark_stack(struct gr_reach *r, struct gr_reach_g *g)
{
	if (g->marked)
		return;
	g->marked = true;
	note_why(r, g->lo);
	add_span(r, &r->work, g->lo, g->hi);
	mark_objects_in(r, g->lo, g->hi);
}

const struct gr_reach_grid *
gr_reach_grid_at(const struct gr_reach *r, uintptr_t addr)
{
	const struct gr_reach_grid *v = gr_vec_at(&r->grid,
						  struct gr_reach_grid, 0);
	size_t lo = 0, hi = r->grid.n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (v[mid].hi <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < r->grid.n && v[lo].lo <= addr ? &v[lo] : NULL;
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
	add_span(r, &r->work, lo, hi);
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
	uint32_t l = gr_reach_g(r, id)->owns;

	mark_stack(r, gr_reach_g(r, id));
	while (l != GR_REACH_NONE) {
		struct gr_reach_link link = *gr_reach_link(r, l);
		struct gr_reach_obj *o = gr_reach_obj(r, link.to);

		o->owners--;
		release_waiters(r, o);
		l = link.next;
	}
}

static void
drain(struct gr_reach *r)
{
	while (!r->failed) {
		if (r->released.n)
			run_released(r, *gr_vec_at(&r->released, uint32_t,
						   --r->released.n));
		else if (r->work.n)
			scan(r,
			     *gr_vec_at(&r->work, struct gr_reach_span,
					--r->work.n),
			     false);
		else
			break;
	}
}

/* Does @addr lie in a heap block, or on a stack where it is in use? */
static bool
has_a_place(const struct gr_reach *r, uintptr_t addr)
{
	const struct gr_reach_memory *m = &r->memory;
	const struct gr_reach_grid *grid = gr_reach_grid_at(r, addr);
	const struct gr_reach_g *g;
	uintptr_t lo, hi;
	uint32_t id;

	if (!grid)
		return addr - m->heap_lo < m->heap_hi - m->heap_lo &&
		       m->block(m->arg, addr, &lo, &hi);
	id = *gr_reach_id_at(r, grid, addr);
	if (!grid->stacks || id == GR_REACH_NONE)
		return false;
	g = gr_reach_g(r, id);
	return addr >= g->lo && addr < g->hi;
}

/* An object is marked with what it lies in. Anywhere else is memory that all
 * can get at: there it is marked from the start. */
static void
settle_objects(struct gr_reach *r)
{
	uint64_t bit, *word;
	uint32_t *to;

	for (uint32_t i = 0; i < r->obj.n; i++) {
		struct gr_reach_obj *o = gr_reach_obj(r, i);

		if (o->channel)
			continue;
		if (!has_a_place(r, o->lo)) {
			mark_obj(r, o);
			continue;
		}
		if (!(to = push(r, &r->by_place)))
			return;
		*to = i;
		word = page_word(r, o->lo >> PAGE_LOG2, &bit);
		*word |= bit;
	}
	sort_by_place(r);
}

bool
gr_reach_run(struct gr_reach *r)
{
	settle_objects(r);
	for (uint32_t i = 0; i < r->g.n && !r->failed; i++)
		if (gr_reach_g(r, i)->live)
			mark_stack(r, gr_reach_g(r, i));
	for (size_t i = 0; i < r->root.n; i++) {
		scan(r, *gr_vec_at(&r->root, struct gr_reach_span, i), true);
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
