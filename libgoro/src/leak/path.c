// SPDX-License-Identifier: MIT
/*
 * path.c - how something was reached: from it, back to a root
 *
 * Idea       What was marked is noted in order, each with the word that pointed
 *            to it. The word lies in something that was marked before, so one
 *            pass over the notes, backwards, finds the whole way; and as the
 *            marking went breadth first, there is none that is shorter.
 */
#include "leak/mark.h"

struct walk {
	const struct gr_reach *r;
	struct gr_reach_step *step; /* the caller's */
	size_t n, room;
	struct gr_reach_step at; /* the last */
};

static void
put(struct walk *w, enum gr_reach_where where, uintptr_t lo, uintptr_t hi,
    uint32_t id)
{
	w->at = (struct gr_reach_step){ where, lo, hi, id };
	/* The last place is the root's. */
	w->step[w->n < w->room ? w->n : w->room - 1] = w->at;
	w->n++;
}

static void
put_obj(struct walk *w, uint32_t id)
{
	const struct gr_reach_obj *o = gr_reach_obj(w->r, id);

	put(w, GR_REACH_OBJ, o->lo, o->hi, id);
}

/* The block or stack that @addr lies in, or that it is a root. */
static void
put_place(struct walk *w, uintptr_t addr)
{
	uintptr_t lo = addr, hi = addr;
	enum gr_reach_where where = gr_reach_place(w->r, addr, &lo, &hi);

	put(w, where, lo, hi,
	    where == GR_REACH_STACK ?
		    *gr_reach_id_at(w->r, gr_reach_grid_at(w->r, addr), addr) :
		    GR_REACH_NONE);
}

/* The note on what the walk is at, before the one at @i; false: there is none.
 * Blocks that were never marked: channels' buffers, and roots. */
static bool
find_note(struct walk *w, size_t *i)
{
	for (size_t k = *i; k-- > 0;)
		if (gr_vec_at(&w->r->why, struct gr_reach_why, k)->what ==
		    w->at.lo) {
			*i = k;
			return true;
		}
	return false;
}

/* The last step is to a block that was not marked, but searched for another
 * reason: @word is an item of a channel, or it was named as a root. */
static void
put_unmarked(struct walk *w, uintptr_t word)
{
	w->n--;
	for (uint32_t i = 0; i < w->r->obj.n; i++) {
		const struct gr_reach_obj *o = gr_reach_obj(w->r, i);

		for (int k = 0; k < 2; k++)
			if (word >= o->items[k].lo && word < o->items[k].hi) {
				put_obj(w, i);
				return;
			}
	}
	put(w, GR_REACH_OPEN, word, word, GR_REACH_NONE);
}

/* One step back along @word, which led to the last. */
static void
go_back(struct walk *w, uintptr_t word)
{
	const struct gr_reach_g *g = w->at.where == GR_REACH_STACK ?
					     gr_reach_g(w->r, w->at.id) :
					     NULL;

	if (g && g->by != GR_REACH_NONE &&
	    gr_reach_obj(w->r, g->by)->lo == word)
		put_obj(w, g->by); /* it was released by that */
	else
		put_place(w, word);
}

size_t
gr_reach_path(const struct gr_reach *r, uint32_t g, struct gr_reach_step *ret,
	      size_t room)
{
	struct walk w = { .r = r, .step = ret, .room = room };
	uintptr_t word = 0;
	size_t i = r->why.n;

	if (gr_reach_g(r, g)->by == GR_REACH_NONE)
		return 0;
	put_obj(&w, gr_reach_g(r, g)->by);
	while (w.at.where != GR_REACH_OPEN) {
		/* A lock is marked with what it lies in. */
		if (w.at.where == GR_REACH_OBJ &&
		    !gr_reach_obj(r, w.at.id)->channel) {
			put_place(&w, w.at.lo);
			continue;
		}
		if (!find_note(&w, &i)) {
			put_unmarked(&w, word);
			continue;
		}
		word = gr_vec_at(&r->why, struct gr_reach_why, i)->from;
		if (!word)
			break; /* the stack of one that was live */
		go_back(&w, word);
	}
	return w.n;
}
