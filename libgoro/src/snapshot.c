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

/* What another thread may be writing is read on purpose, see gr_snapshot(). */
#define NO_SANITIZE \
	__attribute__((no_sanitize("address"), no_sanitize("thread"), noinline))

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

/* Copy a context that its owner may be writing over: whether the copy is good
 * turns out later. */
static NO_SANITIZE void
copy_context(uintptr_t at, struct gr_context *ret)
{
	const volatile uint64_t *from = (const uint64_t *)at;
	uint64_t *to = (uint64_t *)ret;

	for (size_t i = 0; i < sizeof(*ret) / sizeof(*to); i++)
		to[i] = from[i];
}

static void
walk_parked(const struct gr_walker *w, struct gr_snapshot *s)
{
	struct gr_unwind u = { .lo = s->sp, .hi = s->stack_hi };
	struct gr_context context;

	if (s->sp < s->stack_lo || s->sp > s->stack_hi || s->sp % 8 ||
	    s->stack_hi - s->sp < sizeof(context))
		return;
	copy_context(s->sp, &context);
	gr_regs_from_context(&u.regs, &context, s->sp);
	gr_walk(w, &u, 0, &s->frames);
}

/* It has not run: show where it will start. */
static void
stand_at_entry(struct gr_snapshot *s)
{
	s->frames.inner[0] = (struct gr_frame){ s->entry, s->stack_hi, true };
	s->frames.n = 1;
	s->frames.end = GR_STEP_END;
	s->frames.top = s->stack_hi;
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
NO_SANITIZE void
gr_snapshot_record(const struct gr_g *g, uint64_t word, struct gr_snapshot *ret)
{
	ret->state = GORO_ABI_STATE(word);
	ret->id = g->id;
	ret->creator_id = g->creator_id;
	ret->creator_pc = g->creator_pc;
	ret->wait_since = g->wait_since;
	ret->entry = (uintptr_t)g->fn;
	ret->sp = (uintptr_t)g->sp;
	ret->stack_lo = g->stack_lo;
	ret->stack_hi = g->stack_hi;
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
			stand_at_entry(ret);
		else
			walk_parked(w, ret);
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
