// SPDX-License-Identifier: MIT
/*
 * places.c - objects by where they lie
 *
 * Idea       A lock lies in the middle of a block, on a stack or in a global;
 *            who can get at that memory can get at the lock. So each block that
 *            is marked is asked for the locks in it: by bisection, and before
 *            that by a bitmap of the pages that hold any, as most hold none.
 */
#include "leak/mark.h"

enum { PAGE_LOG2 = 12, PAGES_TRIED = 8 };

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
void
gr_places_sort(struct gr_reach *r)
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

static inline uint32_t
page_bit(uintptr_t addr)
{
	return (uint32_t)((addr >> PAGE_LOG2) * 0x9e3779b97f4a7c15ull >> 48);
}

void
gr_places_add(struct gr_reach *r, uint32_t i)
{
	uint32_t *to = gr_reach_push(r, &r->by_place);
	uint32_t bit = page_bit(gr_reach_obj(r, i)->lo);

	if (!to)
		return;
	*to = i;
	r->pages[bit >> 6] |= UINT64_C(1) << (bit & 63);
}

/* May there be an object in the span? Most often not. */
static inline bool
may_hold(const struct gr_reach *r, uintptr_t lo, uintptr_t hi)
{
	uintptr_t page = lo >> PAGE_LOG2, last = (hi - 1) >> PAGE_LOG2;

	if (!r->by_place.n)
		return false;
	if (last - page >= PAGES_TRIED)
		return true;
	for (; page <= last; page++) {
		uint32_t bit = page_bit(page << PAGE_LOG2);

		if (r->pages[bit >> 6] >> (bit & 63) & 1)
			return true;
	}
	return false;
}

/* The first that begins at or behind @addr. */
static size_t
first_from(const struct gr_reach *r, uintptr_t addr)
{
	size_t first = 0, end = r->by_place.n;

	while (first < end) {
		size_t mid = (first + end) / 2;

		if (place(r, mid) < addr)
			first = mid + 1;
		else
			end = mid;
	}
	return first;
}

bool
gr_places_in(const struct gr_reach *r, uintptr_t lo, uintptr_t hi,
	     size_t *ret_first, size_t *ret_end)
{
	size_t first, end;

	if (!may_hold(r, lo, hi))
		return false;
	first = end = first_from(r, lo);
	while (end < r->by_place.n && place(r, end) < hi)
		end++;
	*ret_first = first;
	*ret_end = end;
	return first < end;
}
