// SPDX-License-Identifier: MIT
/*
 * errgroup.c - goroutines that work on one thing, and fail together
 *
 * Idea       A wait group, a context, and the limit as a channel that each
 *            goroutine has an item in: who must wait for its turn is seen by
 *            the tools as a sender, and first come is first served.
 * Last       The last thing that a goroutine does with its group is to leave
 * touch      the wait group, whose waiter may free it at once.
 */
#include "goro/errgroup.h"

#include <errno.h>
#include <stdlib.h>

#include "atomic.h"
#include "chan.h"
#include "ctx.h"
#include "fatal.h"
#include "sched.h"

struct goro_group {
	struct goro_ctx *ctx;
	struct goro_chan *slots; /* NULL: no limit */
	struct goro_waitgroup running;
	int32_t active; /* [pair group-active] */
	int32_t err;    /* the first; [pair group-err] */
};

/* What a goroutine of the group starts with. */
struct member {
	struct goro_group *g;
	int (*fn)(struct goro_ctx *ctx, void *arg);
	void *arg;
};

struct goro_group *
goro_group_create(struct goro_ctx *parent)
{
	struct goro_group *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->ctx = gr_ctx_with_cancel(parent,
				    (uintptr_t)__builtin_return_address(0));
	if (!g->ctx) {
		free(g);
		return NULL;
	}
	return g;
}

struct goro_ctx *
goro_group_ctx(struct goro_group *g)
{
	return g->ctx;
}

void
goro_group_set_limit(struct goro_group *g, int limit)
{
	uint64_t pc = (uintptr_t)__builtin_return_address(0);
	/* [pair group-active] the wait for them was the acquire. */
	int32_t active = gr_load_rlx(&g->active);

	if (active)
		goro_panic("errgroup: modify limit while %d goroutines in the "
			   "group are still active",
			   active);
	goro_chan_unref(g->slots);
	g->slots = NULL;
	if (limit < 0)
		return;
	g->slots = gr_chan_create(0, limit, GORO_ABI_CHAN_PLAIN, pc);
	if (!g->slots)
		gr_fatal("out of memory for the limit of a group");
	goro_chan_set_name(g->slots, "limit of an errgroup");
}

static void
enter(struct goro_group *g)
{
	if (g->slots)
		goro_chan_send(g->slots, NULL);
	gr_add_rlx(&g->active, 1); /* [pair group-active] */
	goro_waitgroup_add(&g->running, 1);
}

static void
leave(struct goro_group *g)
{
	gr_add_rlx(&g->active, -1); /* [pair group-active] */
	if (g->slots)
		goro_chan_recv(g->slots, NULL);
	goro_waitgroup_done(&g->running);
}

static void
run_member(void *arg)
{
	struct member *m = arg;
	struct goro_group *g = m->g;
	int err = m->fn(g->ctx, m->arg);

	/* [pair group-err] only one is the first; the wait group passes it on
	 * to who waits. */
	if (err && gr_cas_acq_rel(&g->err, 0, err))
		goro_ctx_cancel(g->ctx);
	leave(g);
}

int
goro_group_go(struct goro_group *g, int (*fn)(struct goro_ctx *ctx, void *arg),
	      void *arg)
{
	uint64_t pc = (uintptr_t)__builtin_return_address(0);
	struct member m = { g, fn, arg };

	enter(g);
	if (gr_go_copy(run_member, &m, sizeof(m), pc))
		return 0;
	leave(g);
	return -ENOMEM;
}

int
goro_group_wait(struct goro_group *g)
{
	goro_waitgroup_wait(&g->running);
	goro_ctx_cancel(g->ctx);
	return gr_load_rlx(&g->err); /* [pair group-err] */
}

void
goro_group_destroy(struct goro_group *g)
{
	if (!g)
		return;
	goro_ctx_cancel(g->ctx);
	/* After the run its goroutines are gone, wherever they were. */
	if (goro_self())
		goro_group_wait(g);
	goro_ctx_unref(g->ctx);
	goro_chan_unref(g->slots);
	free(g);
}
