/* SPDX-License-Identifier: MIT */
/*
 * mark.h - what reach.c, places.c and mark.c share; see reach.h
 */
#ifndef GR_LEAK_MARK_H
#define GR_LEAK_MARK_H

#include "leak/reach.h"

/* gr_vec_push() that remembers when memory was short. */
static inline void *
gr_reach_push(struct gr_reach *r, struct gr_vec *v)
{
	void *p = gr_vec_push(v);

	if (!p)
		r->failed = true;
	return p;
}

/* A span of whole, aligned words; nothing if there is none. */
static inline void
gr_reach_push_span(struct gr_reach *r, struct gr_vec *v, uintptr_t lo,
		   uintptr_t hi)
{
	struct gr_reach_span *s;

	lo = (lo + sizeof(lo) - 1) & ~(sizeof(lo) - 1);
	hi &= ~(sizeof(hi) - 1);
	if (lo < hi && (s = gr_reach_push(r, v)))
		*s = (struct gr_reach_span){ lo, hi };
}

/* --- places.c ------------------------------------------------------------- */

/* Note where object @i lies; then, once, put them in order. */
void gr_places_add(struct gr_reach *r, uint32_t i);
void gr_places_sort(struct gr_reach *r);

/* Those that begin in a span: the indices into `by_place`; false: none. */
bool gr_places_in(const struct gr_reach *r, uintptr_t lo, uintptr_t hi,
		  size_t *ret_first, size_t *ret_end);

#endif
