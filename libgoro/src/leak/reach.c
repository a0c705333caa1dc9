// SPDX-License-Identifier: MIT
/*
 * reach.c - goroutines, what they wait for, and where things lie; see reach.h
 */
#include "leak/mark.h"

#include <string.h>

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

uint32_t
gr_reach_add_g(struct gr_reach *r, const struct gr_reach_g *g)
{
	struct gr_reach_g *new = gr_reach_push(r, &r->g);

	if (!new)
		return GR_REACH_NONE;
	*new = *g;
	new->owns = new->by = GR_REACH_NONE;
	new->runs = g->live;
	return (uint32_t)(r->g.n - 1);
}

uint32_t
gr_reach_add_obj(struct gr_reach *r, const struct gr_reach_obj *o)
{
	struct gr_reach_obj *new = gr_reach_push(r, &r->obj);

	if (!new)
		return GR_REACH_NONE;
	*new = *o;
	new->waiters = GR_REACH_NONE;
	return (uint32_t)(r->obj.n - 1);
}

void
gr_reach_add_root(struct gr_reach *r, uintptr_t lo, uintptr_t hi)
{
	gr_reach_push_span(r, &r->root, lo, hi);
}

static void
add_link(struct gr_reach *r, uint32_t *list, uint32_t to)
{
	struct gr_reach_link *l = gr_reach_push(r, &r->link);

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
	gr_reach_obj(r, obj)->holders++;
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

	if (!gr_vec_reserve(&r->ids, n) || !gr_reach_push(r, &r->grid)) {
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

enum gr_reach_where
gr_reach_place(const struct gr_reach *r, uintptr_t addr, uintptr_t *ret_lo,
	       uintptr_t *ret_hi)
{
	const struct gr_reach_memory *m = &r->memory;
	const struct gr_reach_grid *grid = gr_reach_grid_at(r, addr);
	const struct gr_reach_g *g;
	uint32_t id;

	if (!grid)
		return addr - m->heap_lo < m->heap_hi - m->heap_lo &&
				       m->block(m->arg, addr, ret_lo, ret_hi) ?
			       GR_REACH_BLOCK :
			       GR_REACH_OPEN;
	id = *gr_reach_id_at(r, grid, addr);
	if (!grid->stacks || id == GR_REACH_NONE)
		return GR_REACH_OPEN;
	g = gr_reach_g(r, id);
	if (addr < g->lo || addr >= g->hi)
		return GR_REACH_OPEN;
	*ret_lo = g->lo;
	*ret_hi = g->hi;
	return GR_REACH_STACK;
}
