/* SPDX-License-Identifier: MIT */
/*
 * waitq.h - queues of waiting goroutines
 *
 * Idea       A waiter is what Go calls a sudog: one goroutine in one queue.
 *            Stacks do not move here, so it lies on the waiting goroutine's
 *            stack and nothing is allocated to wait.
 * Order      First come, first served.
 * Locks      The lock of the object that the queue belongs to.
 */
#ifndef GR_WAITQ_H
#define GR_WAITQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "atomic.h"

struct gr_g;
struct gr_m;

enum gr_waiter_dir { GR_WAITER_SEND, GR_WAITER_RECV, GR_WAITER_OTHER };

struct gr_waiter {
	struct gr_waiter *next, *prev;
	struct gr_waitq *queue; /* that it is in, or NULL */
	struct gr_g *g;
	void *obj;  /* what is waited for */
	void *elem; /* channel: where the element goes to or comes from */
	uint8_t dir;
	bool shared; /* others may wake it too: claim it first */
	bool ok;     /* out: woken by a peer, not by a close */
};

struct gr_waitq {
	struct gr_waiter *first, *last;
};

static inline void
gr_waitq_push(struct gr_waitq *q, struct gr_waiter *w)
{
	w->next = NULL;
	w->prev = q->last;
	w->queue = q;
	if (q->last)
		q->last->next = w;
	else
		gr_store_rlx(&q->first, w); /* [pair chan-peek] */
	q->last = w;
}

/* Before @at, which is in the queue: for one that has been there before. */
static inline void
gr_waitq_push_before(struct gr_waiter *w, struct gr_waiter *at)
{
	struct gr_waitq *q = at->queue;

	w->next = at;
	w->prev = at->prev;
	w->queue = q;
	if (at->prev)
		at->prev->next = w;
	else
		gr_store_rlx(&q->first, w); /* [pair chan-peek] */
	at->prev = w;
}

static inline void
gr_waitq_remove(struct gr_waiter *w)
{
	struct gr_waitq *q = w->queue;

	if (w->prev)
		w->prev->next = w->next;
	else
		gr_store_rlx(&q->first, w->next); /* [pair chan-peek] */
	if (w->next)
		w->next->prev = w->prev;
	else
		q->last = w->prev;
	w->queue = NULL;
}

/* Take a goroutine that will never run out of the queues it is in. */
void gr_g_forget(struct gr_g *g);

/* The first waiter that is ours to wake, out of the queue; or NULL. */
struct gr_waiter *gr_waitq_claim(struct gr_waitq *q);

/*
 * Waiting with a deadline: arm it, then queue the waiters (shared) and park
 * with gr_finish_deadline, which is given the lock to release; disarm it when
 * the wait is over, however it ended. When the deadline ended it, g->woken is
 * NULL.
 */
void gr_deadline_arm(struct gr_m *m, int64_t deadline_ns);
void gr_deadline_disarm(struct gr_g *g);
void gr_finish_deadline(struct gr_m *m, struct gr_g *g, void *lock);

#endif
