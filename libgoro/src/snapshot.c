// SPDX-License-Identifier: MIT
/*
 * snapshot.c - one goroutine as it was at one moment
 */
#include "snapshot.h"

#include <string.h>

#include "g.h"
#include "stack.h"

enum {
	TRIES = 4, /* to find a goroutine standing still */
};

/*
 * Follow a stack to its end, keeping the first and the last frames.
 *
 * @skip  innermost frames to leave out
 */
void
gr_walk(const struct gr_walker *w, struct gr_unwind *u, unsigned skip,
	struct gr_frames *ret)
{
	ret->n = 0;
	ret->top = u->hi;
	do {
		struct gr_frame f = { u->regs.r[GR_REG_PC],
				      u->regs.r[GR_REG_SP], u->exact };
		struct gr_row scratch;

		if (skip) {
			skip--;
		} else {
			if (ret->n < GR_FRAMES_INNER)
				ret->inner[ret->n] = f;
			else
				ret->outer[ret->n % GR_FRAMES_OUTER] = f;
			ret->n++;
		}
		ret->end = gr_unwind_step(u, gr_rows_get(w->rows, w->modules,
							 gr_unwind_pc(u),
							 &scratch));
	} while (ret->end == GR_STEP_CALLER);
}

/* Frame @i from the leaf; NULL: it was not kept. */
const struct gr_frame *
gr_frames_get(const struct gr_frames *fs, uint64_t i)
{
	if (i >= fs->n)
		return NULL;
	if (i < GR_FRAMES_INNER)
		return &fs->inner[i];
	if (i + GR_FRAMES_OUTER < fs->n)
		return NULL;
	return &fs->outer[i % GR_FRAMES_OUTER];
}

static void
walk_parked(const struct gr_walker *w, const struct gr_g *g,
	    struct gr_frames *ret)
{
	struct gr_unwind u = { .lo = (uintptr_t)g->sp, .hi = g->stack_hi };

	if (u.lo < g->stack_lo || u.lo > u.hi ||
	    u.hi - u.lo < sizeof(struct gr_context))
		return;
	gr_regs_from_context(&u.regs, g->sp);
	gr_walk(w, &u, 0, ret);
}

/* It has not run: show where it will start. */
static void
stand_at_entry(const struct gr_g *g, struct gr_frames *ret)
{
	ret->inner[0] = (struct gr_frame){ (uintptr_t)g->fn, g->stack_hi,
					   true };
	ret->n = 1;
	ret->end = GR_STEP_END;
	ret->top = g->stack_hi;
}

/* The name may be freed at any moment: copy it without touching it. */
static void
copy_name(const char *name, char *ret)
{
	size_t in_page = GR_PAGE - (uintptr_t)name % GR_PAGE;
	size_t n = in_page < GR_NAME_SHOWN ? in_page : GR_NAME_SHOWN;

	if (!name || !gr_peek(ret, (uintptr_t)name, n))
		n = 1;
	ret[n - 1] = '\0';
}

/* All but the frames. */
__attribute__((no_sanitize("thread"))) void
gr_snapshot_record(const struct gr_g *g, uint64_t word, struct gr_snapshot *ret)
{
	ret->state = GORO_ABI_STATE(word);
	ret->id = g->id;
	ret->creator_id = g->creator_id;
	ret->creator_pc = g->creator_pc;
	ret->wait_since = g->wait_since;
	ret->reason = g->wait_reason;
	ret->flags = g->flags;
	copy_name(g->name, ret->name);
	ret->frames.n = 0;
}

/*
 * Copy what there is to say of @g. Of one that runs, only its record, which
 * may be torn; ret->frames.n is then 0.
 *
 * Returns false when it has ended
 */
bool
gr_snapshot(const struct gr_walker *w, const struct gr_g *g,
	    struct gr_snapshot *ret)
{
	for (int i = 0; i < TRIES; i++) {
		uint64_t word = gr_load_acq(g->word); /* [pair word] */

		gr_snapshot_record(g, word, ret);
		if (ret->state == GORO_ABI_FREE)
			return false;
		if (ret->state == GORO_ABI_RUNNING ||
		    ret->state == GORO_ABI_SYSCALL)
			return true;
		if (ret->flags & GORO_ABI_G_FRESH)
			stand_at_entry(g, &ret->frames);
		else
			walk_parked(w, g, &ret->frames);
		/* [pair word] all of that was read before this: equal means
		 * that nobody ran it meanwhile. */
		gr_rmb();
		if (gr_load_rlx(g->word) == word)
			return true;
	}
	ret->state = GORO_ABI_RUNNING; /* too lively to be looked at */
	ret->frames.n = 0;
	return true;
}
