// SPDX-License-Identifier: MIT
/*
 * mappings.c - from the kernel's list of mappings to roots: what can be written
 * to, less the holes
 */
#include <string.h>
#include <unistd.h>

#include "leak/roots.h"
#include "runtime.h"
#include "sched.h"

enum { SPARSE_BYTES = 1 << 20 };          /* worth to ask what of it is there */
#define PAGES_PRESENT (UINT64_C(3) << 62) /* or swapped out */

static bool
path_is(const struct gr_mapping *mp, const char *s)
{
	return mp->path_bytes == strlen(s) && !memcmp(mp->path, s, strlen(s));
}

void
gr_roots_read_maps(struct gr_census *c)
{
	struct gr_mapping mp;

	if (!gr_maps_open(&c->lines)) {
		c->reach.failed = true;
		return;
	}
	while (gr_maps_next(&c->lines, &mp)) {
		struct gr_roots_map *m = gr_vec_push(&c->maps);
		bool named = mp.path_bytes && mp.path[0] != '[', behind;

		if (!m) {
			c->reach.failed = true;
			continue;
		}
		/* Variables that begin as zeros lie behind the others. */
		behind = c->maps.n > 1 && m[-1].data && m[-1].hi == mp.start &&
			 !mp.path_bytes;
		*m = (struct gr_roots_map){
			.data = named || behind,
			.lo = mp.start,
			.hi = mp.end,
			.readable = mp.readable,
			.anonymous = !named,
			.heap = path_is(&mp, "[heap]"),
			.main_stack = path_is(&mp, "[stack]"),
		};
		/* What is protected from writing now need not always be so,
		 * but of a file it is the file's. */
		m->root = mp.readable && (mp.writable || !named) &&
			  !path_is(&mp, "[vvar]") && !path_is(&mp, "[vdso]") &&
			  !path_is(&mp, "[vsyscall]");
	}
}

/*
 * What lies below a thread's stack pointer is dead. But where does the stack
 * end, and other memory begin? glibc puts a guard below a stack and the
 * thread's control block above it; anything else is left alone.
 */
void
gr_roots_trim_stack(struct gr_census *c, uintptr_t sp, uintptr_t tp)
{
	for (size_t i = 0; i < c->maps.n; i++) {
		struct gr_roots_map *m = gr_vec_at(&c->maps,
						   struct gr_roots_map, i);
		bool guarded = i && m[-1].hi == m->lo && !m[-1].readable;

		if (sp < m->lo || sp >= m->hi)
			continue;
		if (m->main_stack || (guarded && tp > sp && tp < m->hi))
			gr_roots_hole(c, m->lo, sp);
		return;
	}
}

static void
sort_holes(struct gr_census *c)
{
	struct gr_reach_span *v = gr_vec_at(&c->holes, struct gr_reach_span, 0);

	/* Shell's sort: few, and mostly in order. */
	for (size_t gap = c->holes.n / 2; gap; gap /= 2)
		for (size_t i = gap; i < c->holes.n; i++) {
			struct gr_reach_span x = v[i];
			size_t k = i;

			for (; k >= gap && v[k - gap].lo > x.lo; k -= gap)
				v[k] = v[k - gap];
			v[k] = x;
		}
}

/* Of a large, sparse mapping only the pages that are there: a look at the
 * others would make them be there. */
static void
add_present(struct gr_census *c, uintptr_t lo, uintptr_t hi)
{
	uint64_t *page = (uint64_t *)c->window;
	enum { PAGES = sizeof(c->window) / sizeof(*page) };

	while (lo < hi) {
		size_t n = GR_MIN((hi - lo) / GR_PAGE, (size_t)PAGES);
		ssize_t got = pread(c->pagemap, page, n * sizeof(*page),
				    (off_t)(lo / GR_PAGE * sizeof(*page)));

		if (got != (ssize_t)(n * sizeof(*page))) {
			gr_reach_add_root(&c->reach, lo, hi);
			return;
		}
		for (size_t i = 0, k; i < n; i = k) {
			bool there = page[i] & PAGES_PRESENT;

			for (k = i + 1;
			     k < n && !!(page[k] & PAGES_PRESENT) == there; k++)
				;
			if (there)
				gr_reach_add_root(&c->reach, lo + i * GR_PAGE,
						  lo + k * GR_PAGE);
		}
		lo += n * GR_PAGE;
	}
}

static void
add_span(struct gr_census *c, const struct gr_roots_map *m, uintptr_t lo,
	 uintptr_t hi)
{
	if (m->anonymous && hi - lo >= SPARSE_BYTES && c->pagemap >= 0 &&
	    lo % GR_PAGE == 0 && hi % GR_PAGE == 0)
		add_present(c, lo, hi);
	else
		gr_reach_add_root(&c->reach, lo, hi);
}

void
gr_roots_add_maps(struct gr_census *c)
{
	const struct gr_reach_span *v;
	size_t first = 0;

	sort_holes(c);
	v = gr_vec_at(&c->holes, struct gr_reach_span, 0);
	for (size_t i = 0; i < c->maps.n; i++) {
		const struct gr_roots_map *m = gr_vec_at(
			&c->maps, struct gr_roots_map, i);
		uintptr_t at = m->lo;

		if (!m->root)
			continue;
		/* Holes may overlap, so only what ends before is past. */
		while (first < c->holes.n && v[first].hi <= m->lo)
			first++;
		for (size_t k = first; k < c->holes.n && v[k].lo < m->hi; k++) {
			if (v[k].hi <= at)
				continue;
			if (v[k].lo > at)
				add_span(c, m, at, v[k].lo);
			at = v[k].hi;
		}
		if (at < m->hi)
			add_span(c, m, at, m->hi);
	}
}
