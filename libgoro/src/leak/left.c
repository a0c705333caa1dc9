// SPDX-License-Identifier: MIT
/*
 * left.c - locks that goroutines hold, and did not give back when they ended
 *
 * Locks      left.lock; those that a goroutine holds are only its own.
 */
#include "leak/left.h"

#include <stdlib.h>

#include "g.h"
#include "goro/abi.h"
#include "lock.h"

struct gr_leak_held {
	struct gr_leak_held *next;
	const void *lock;
	uint8_t reason;
};

uint32_t gr_leak_watches;

static struct {
	struct gr_lock lock;
	struct gr_vec v; /* struct gr_leak_left */
} left = { .v = { .bytes = sizeof(struct gr_leak_left) } };

void
gr_leak_locked(struct gr_g *g, const void *lock, unsigned reason)
{
	struct gr_leak_held *h = malloc(sizeof(*h));

	if (!h)
		return; /* it will not be told of */
	*h = (struct gr_leak_held){ g->held, lock, (uint8_t)reason };
	g->held = h;
}

void
gr_leak_unlocked(struct gr_g *g, const void *lock)
{
	struct gr_leak_held **at = &g->held, *h;

	while ((h = *at) && h->lock != lock)
		at = &h->next;
	if (!h)
		return; /* locked before anybody watched */
	*at = h->next;
	free(h);
}

void
gr_leak_held_forget(struct gr_g *g)
{
	struct gr_leak_held *h;

	while ((h = g->held)) {
		g->held = h->next;
		free(h);
	}
}

static void
remember(const struct gr_g *g, const void *lock, uint8_t reason)
{
	struct gr_leak_left *l;

	/* What lies on its stack goes with it. */
	if ((uintptr_t)lock - g->stack_lo < g->stack_hi - g->stack_lo ||
	    left.v.n == GR_LEAK_LEFT || !(l = gr_vec_push(&left.v)))
		return;
	*l = (struct gr_leak_left){
		.not_lock = ~(uintptr_t)lock,
		.id = g->id,
		.creator_id = g->creator_id,
		.creator_pc = g->creator_pc,
		.entry = (uintptr_t)g->fn,
		.test = g->test,
		.reason = reason,
	};
}

void
gr_leak_left_locked(struct gr_g *g)
{
	if (!gr_load_rlx(&gr_leak_watches)) /* [relaxed] see left.h */
		return;
	gr_lock(&left.lock);
	for (const struct gr_leak_held *h = g->held; h; h = h->next)
		remember(g, h->lock, h->reason);
	for (const struct gr_hold *h = &g->hold; h; h = h->next)
		if (h->obj && h->n)
			remember(g, h->obj, GORO_WAIT_RLOCK);
	gr_unlock(&left.lock);
}

const struct gr_vec *
gr_leak_left_all(void)
{
	return &left.v;
}

void
gr_leak_left_reset(void)
{
	left.v.n = 0;
}
