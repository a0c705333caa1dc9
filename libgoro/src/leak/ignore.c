// SPDX-License-Identifier: MIT
/*
 * ignore.c - what the program says about itself: whom not to report, and which
 * memory counts
 *
 * Locks      told.lock; not taken while the world stands, when whoever holds
 *            it may have been stopped: what is being added then is missed.
 * Roots      The list of them is memory like other: so the blocks that they lie
 *            in are found by it, each as a whole.
 */
#include <stdlib.h>
#include <string.h>

#include "leak/leak.h"
#include "leak/reach.h"
#include "lock.h"

struct ignored {
	struct ignored *next;
	char function[];
};

static struct {
	struct gr_lock lock;
	struct ignored *ignored; /* [pair leak-ignored] */
	struct gr_vec roots;     /* struct gr_reach_span */
} told = { .roots = { .bytes = sizeof(struct gr_reach_span) } };

void
goro_leak_ignore(const char *function)
{
	size_t bytes = strlen(function) + 1;
	struct ignored *new = malloc(sizeof(*new) + bytes);

	if (!new)
		return;
	memcpy(new->function, function, bytes);
	gr_lock(&told.lock);
	new->next = told.ignored;
	/* [pair leak-ignored] release: it is whole before it is found. */
	gr_store_rel(&told.ignored, new);
	gr_unlock(&told.lock);
}

static bool
is_named(struct gr_leak *l, uintptr_t pc, const char *function)
{
	return pc && !strcmp(gr_names_get(&l->names, pc)->text, function);
}

bool
gr_leak_is_ignored(struct gr_leak *l, const struct gr_leak_group *g)
{
	/* [pair leak-ignored] */
	const struct ignored *i = gr_load_acq(&told.ignored);

	for (; i; i = i->next) {
		if (is_named(l, g->creator_pc - 1, i->function))
			return true;
		for (unsigned k = 0; k < g->frames_n; k++)
			if (is_named(l, g->frame[k] - !(g->exact && !k),
				     i->function))
				return true;
	}
	return false;
}

void
goro_leak_root(const void *start, size_t bytes)
{
	uintptr_t lo = (uintptr_t)start;
	struct gr_reach_span *s;

	gr_lock(&told.lock);
	for (size_t i = 0; i < told.roots.n; i++) {
		s = gr_vec_at(&told.roots, struct gr_reach_span, i);
		if (s->lo == lo)
			s->lo = s->hi = 0;
	}
	if (bytes && (s = gr_vec_push(&told.roots)))
		*s = (struct gr_reach_span){ lo, lo + bytes };
	gr_unlock(&told.lock);
}

void
gr_leak_copy_roots(struct gr_vec *to)
{
	for (size_t i = 0; i < told.roots.n; i++) {
		struct gr_reach_span *s = gr_vec_push(to);

		if (s)
			*s = *gr_vec_at(&told.roots, struct gr_reach_span, i);
	}
}
