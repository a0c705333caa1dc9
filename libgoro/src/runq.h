/* SPDX-License-Identifier: MIT */
/*
 * runq.h - a P's run queue, and the global one
 *
 * Idea       A ring of slots; a goroutine in a slot belongs to whoever
 *            exchanges it for NULL. So the owner's put is a plain store, its
 *            get one exchange (5 ns; the compare-and-swap on a head index that
 *            Go and others use costs 9), and a thief's is the same exchange:
 *            there is no index to agree upon. Head and tail are the owner's;
 *            thieves read them as hints.
 * Newest     `next` runs before the ring: the goroutine that was started or
 * first      woken last, whose data is still in the cache. It is not stolen
 *            unless its P makes no progress (monitor.c), or else a pair that
 *            passes a value to and fro would be torn apart over two CPUs.
 * Depth      Goroutines that were started and have not yet run leave the ring
 * first      newest first, as long as nothing else was put behind them; thieves
 *            take the oldest. A tree of goroutines so has about as many alive
 *            as it is deep, and their stacks are warm, where oldest first would
 *            have its whole breadth (Blumofe and Leiserson, as below). Lest the
 *            oldest wait for ever, one of them is taken every 2 ms: more
 *            often, and the breadth comes back, for the oldest is the root of
 *            the largest tree that has not begun.
 * Who        put  get  steal
 *   owner     x    x
 *   thief               x     only NULL is ever written over a non-NULL slot
 *                             by another than the owner
 */
#ifndef GR_RUNQ_H
#define GR_RUNQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "atomic.h"

struct gr_g;

enum { GR_RUNQ_SLOTS = 256 };

struct gr_runq {
	struct gr_g *next;         /* [pair runq] */
	uint32_t head, tail;       /* the owner's; hints to others */
	uint32_t fresh; /* the owner's: of the last ones, so many never ran */
	bool next_for_all;         /* the monitor: `next` may be stolen */
	struct gr_g *slots[GR_RUNQ_SLOTS]; /* [pair runq] */
};

/* A batch of goroutines, linked by ->next. */
struct gr_glist {
	struct gr_g *first, *last;
	uint32_t n;
};

void gr_glist_append(struct gr_glist *list, struct gr_g *g);
bool gr_runq_full(struct gr_runq *q);
struct gr_g *gr_runq_steal(struct gr_runq *from, struct gr_runq *to);
void gr_runq_drain(struct gr_runq *q, uint32_t n, struct gr_glist *to);

void gr_globq_put(struct gr_glist *batch);
struct gr_g *gr_globq_get(struct gr_runq *to, uint32_t share);
uint32_t gr_globq_len(void);
void gr_globq_drop(void);

/* Owner: take the newest. */
static inline struct gr_g *
gr_runq_get_next(struct gr_runq *q)
{
	if (!gr_load_rlx(&q->next)) /* [relaxed] the exchange decides */
		return NULL;
	/* [pair runq] acquire: a goroutine may have been put by us only, but
	 * a thief may be taking it now. */
	return gr_xchg_acq(&q->next, NULL);
}

/* Owner: put at the end, @fresh if it has never run. False when the ring is
 * full. */
static inline bool
gr_runq_put(struct gr_runq *q, struct gr_g *g, bool fresh)
{
	if (__builtin_expect(q->tail - q->head == GR_RUNQ_SLOTS, 0) &&
	    gr_runq_full(q))
		return false;
	/* [pair runq] release: who takes it sees its record and stack. */
	gr_store_rel(&q->slots[q->tail % GR_RUNQ_SLOTS], g);
	gr_store_rlx(&q->tail, q->tail + 1); /* [relaxed] a hint to thieves */
	q->fresh = fresh ? q->fresh + 1 : 0;
	return true;
}

/* Owner: take the newest of the ring if it never ran. */
static inline struct gr_g *
gr_runq_get_fresh(struct gr_runq *q)
{
	struct gr_g *g = NULL;

	while (!g && q->fresh) {
		struct gr_g **slot = &q->slots[(q->tail - 1) % GR_RUNQ_SLOTS];

		/* What is taken at the other end counts as fresh to the last. */
		if (q->tail == q->head) {
			q->fresh = 0;
			break;
		}
		q->fresh--;
		/* [pair runq] acquire; [relaxed] a thief was there first. */
		if (gr_load_rlx(slot))
			g = gr_xchg_acq(slot, NULL);
		gr_store_rlx(&q->tail, q->tail - 1); /* [relaxed] a hint */
	}
	return g;
}

/* Owner: take the oldest of the ring. */
static inline struct gr_g *
gr_runq_get_ring(struct gr_runq *q)
{
	uint32_t head = q->head;
	struct gr_g *g = NULL;

	while (!g && head != q->tail) {
		struct gr_g **slot = &q->slots[head++ % GR_RUNQ_SLOTS];

		/* [pair runq] acquire; [relaxed] a thief was there first. */
		if (gr_load_rlx(slot))
			g = gr_xchg_acq(slot, NULL);
		gr_store_rlx(&q->head, head); /* [relaxed] a hint to thieves */
	}
	return g;
}

/* How many slots are in use, those that thieves have emptied and the owner
 * has not yet come by included: a hint. */
static inline uint32_t
gr_runq_len(const struct gr_runq *q)
{
	/* [relaxed] nothing is read on the strength of it. */
	return gr_load_rlx(&q->tail) - gr_load_rlx(&q->head);
}

/* Is there anybody in the ring? A hint. Whoever took its length for work would
 * look in vain until the owner comes by. */
static inline bool
gr_runq_any(const struct gr_runq *q)
{
	/* [relaxed] nothing is read on the strength of it. */
	uint32_t head = gr_load_rlx(&q->head), n = gr_load_rlx(&q->tail) - head;

	if (n > GR_RUNQ_SLOTS)
		return true; /* the two were read at different times */
	while (n-- > 0)
		if (gr_load_rlx(&q->slots[head++ % GR_RUNQ_SLOTS]))
			return true;
	return false;
}

#endif
